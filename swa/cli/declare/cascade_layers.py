"""Values of `--layers` as the choice that the lens reads."""

from __future__ import annotations

from collections.abc import Sequence

from swa.engine.measures.layer_choice import LayerChoice
from swa.errors import UsageError


def layer_choice(values: Sequence[str]) -> LayerChoice:
    """Read values whose form has been checked: `all`, `every:N`, or numbers; none for the default.

    Raises:
        UsageError: A rule stands beside something else.
    """
    rules = [value for value in values if not value.isdecimal()]
    if rules and len(set(values)) > 1:
        raise UsageError(f"--layers has {rules[0]} beside other values.", hint="Give all, every N, or numbers.")
    if not rules:
        return LayerChoice(layers=tuple(map(int, values)))
    return LayerChoice(every=1 if rules[0] == "all" else int(rules[0].split(":")[1]))

"""How a run was asked for: by a command line, or by a function of `swa.runs`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from swa.options import options_of, written
from swa.schemas.run import EffectiveOption


@dataclass(frozen=True)
class Call:
    """How a command was called.

    Attributes:
        command: Its name.
        words: The words of the command line after `swa`.
        options: Every option that acts, with its origin.
    """

    command: str
    words: Sequence[str]
    options: Mapping[str, EffectiveOption]

    def step(self, command: str, names: frozenset[str], **changed: JsonValue) -> Call:
        """The call as one of its steps would have got it, so that its records are the same.

        Args:
            command: The step's own command.
            names: The options that the step has.
            changed: Options that have another value in the step.
        """
        options = {name: option for name, option in self.options.items() if name in names}
        for name, value in changed.items():
            options[name] = options[name].model_copy(update={"value": value})
        return Call(command, self.words, options)

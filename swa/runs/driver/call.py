"""How a run was asked for: by a command line, or by a function of `swa.runs`."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swa.errors import UsageError
from swa.options import Options, options_of, written

if TYPE_CHECKING:  # help pages load no records
    from pydantic import JsonValue

    from swa.models.loading.loaded import LoadedModel
    from swa.schemas.run import EffectiveOption, Origin


@dataclass(frozen=True)
class Call:
    """How a command was called.

    Attributes:
        command: Its name.
        words: The words of the command line after `swa`.
        options: Every option, with its origin.
    """

    command: str
    words: Sequence[str]
    options: Mapping[str, EffectiveOption]

    @classmethod
    def of_python(
        cls, command: str, models: Sequence[str | LoadedModel], groups: Sequence[tuple[Options, Options]], **flags: bool
    ) -> Call:
        """A call of a function of `swa.runs`, with the command line that does the same.

        Args:
            command: The command of that function.
            models: The models.
            groups: Each group of options, and its default in that command.
            flags: Flags that stand in no group, off by default.

        Raises:
            UsageError: An option that stands in two groups has two values.
        """
        from swa.schemas.run import EffectiveOption

        names: list[JsonValue] = [model if isinstance(model, str) else model.name for model in models]
        options = {"models": EffectiveOption(value=names, origin="python")}
        words = [command, *map(str, names)]
        for group, default in groups:
            usual = written(default)
            values = written(group)
            for name in values.keys() & options.keys():
                if values[name] != options[name].value:
                    raise UsageError(
                        f"'{name}' is {options[name].value} in one group of options and {values[name]} in "
                        f"{type(group).__name__}.",
                        hint="Give all groups that have it the same value.",
                    )
            new = {name: value for name, value in values.items() if name not in options}
            changed = frozenset(name for name, value in new.items() if value != usual[name])
            for name, value in new.items():
                origin: Origin = "python" if name in changed else "default"
                options[name] = EffectiveOption(value=value, origin=origin)
            words += _words(group, type(default), changed)
        for name, is_set in flags.items():
            options[name] = EffectiveOption(value=is_set, origin="python" if is_set else "default")
            words += [f"--{name.replace('_', '-')}"] if is_set else []
        return cls(command, words, options)

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


def _words(group: Options, of_command: type[Options], changed: Container[str]) -> Iterator[str]:
    """The words that set what differs from the defaults, as this command spells them."""
    for declared in options_of(of_command):
        value = declared.write(getattr(group, declared.field))
        if declared.name not in changed or value is None:
            continue
        yes, *no = declared.spellings[0].split("/")
        if isinstance(value, bool):
            yield from [yes] if value else no
        elif isinstance(value, list):
            yield from (word for item in value for word in (yes, str(item)))
        else:
            yield from (yes, str(value))

"""Options once: a frozen dataclass beside what its options are about, and of each field what people and keys need.

The command line, the environment, TOML, `run_config.json`, the keys of records and the reference page derive from it.
An option's *name* is the one of the command line and of `run_config.json`; its *field* is the one of Python.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from swa.errors import UsageError

if TYPE_CHECKING:
    from pydantic import JsonValue

Changes = Literal["items", "records", "choice", "nothing"]
"""What runs through the model; what is made of it; which items are wanted; nothing that is recorded."""
Section = Literal[
    "Model",
    "Code from the checkpoint",
    "Text",
    "Super weights",
    "Perplexity",
    "Accuracy",
    "Neurons",
    "Interventions",
    "Cascade",
    "Windows",
    "Detection",
    "Mixture of experts",
    "Run",
    "Output",
]
"""Sections of the help pages, in their order."""


@dataclass(frozen=True, kw_only=True)
class Option:
    """What is said of an option beside its field, its type and its default.

    Attributes:
        help: One or two sentences.
        section: Where it stands on the help page.
        changes: What another value changes.
        name: Where it is not the field's.
        spellings: On the command line, where it is more than `--name`.
        negated: Whether the option is given where the field is false, as `--no-confirm`.
        fact: What stands for it in keys of records, where that is not its value: of `--dtype` the type it came to.
        metavar: Stands for the value on the help page; with `...` the option takes several words.
        minimum: Smallest value.
        maximum: Largest value.
        none: The word for `None`, such as `auto`; such options are written as text.
        read: Gives the meaning of a value, or of one word of a list; `ValueError` says what is wrong.
        collect: Gives the field's value of all words of a list, where that is no tuple.
        write: Gives back what was read, in one spelling.
        last: Whether it stands behind the others of its section.
    """

    help: str
    section: Section
    changes: Changes
    name: str | None = None
    spellings: tuple[str, ...] = ()
    negated: bool = False
    fact: str | None = None
    metavar: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    none: str | None = None
    read: Callable[[str], Any] | None = None
    collect: Callable[[tuple[Any, ...]], Any] | None = None
    write: Callable[[Any], JsonValue] | None = None
    last: bool = False


@dataclass(frozen=True)
class Options:
    """A group of options; each field of a subclass is `Annotated` with its `Option` and has a default.

    Raises:
        UsageError: A number is out of range, or a word is no choice.
    """

    def __post_init__(self) -> None:
        """Refuse values that the command line would refuse."""
        for declared in options_of(type(self)):
            declared.check(getattr(self, declared.field))

    def idle(self) -> Collection[str]:
        """Fields that do not act beside the others, such as windows where none are laid."""
        return ()


class Declared(NamedTuple):
    """One option of a group.

    Attributes:
        field: Name in Python.
        option: What is said of it.
        kind: Type of a value: of the field, without `None`, or of what a tuple holds.
        is_list: Whether it takes several values.
        is_optional: Whether it may be `None`.
    """

    field: str
    option: Option
    kind: Any
    is_list: bool
    is_optional: bool

    @property
    def name(self) -> str:
        """On the command line and in `run_config.json`, with underscores."""
        return self.option.name or self.field

    @property
    def spellings(self) -> tuple[str, ...]:
        """On the command line."""
        return self.option.spellings or (f"--{self.name.replace('_', '-')}",)

    def check(self, value: Any) -> None:
        """Refuse a number out of range, and a word that is no choice.

        Raises:
            UsageError: It is one.
        """
        if get_origin(self.kind) is Literal:
            for word in value if self.is_list else [value]:
                if word is not None and word not in get_args(self.kind):
                    raise UsageError(f"{self.spellings[0]}: '{word}' is none of {', '.join(get_args(self.kind))}.")
        least, most = self.option.minimum, self.option.maximum
        if isinstance(value, int | float) and least is not None and not value >= least:
            raise UsageError(f"{self.spellings[0]} is {value}, and must be at least {least:g}.")
        if isinstance(value, int | float) and most is not None and not value <= most:
            raise UsageError(f"{self.spellings[0]} is {value}, and must be at most {most:g}.")

    def read(self, value: JsonValue) -> Any:
        """The field's value of a value as text or JSON; what a list repeats counts once.

        Raises:
            ValueError: It is no value of this option.
            UsageError: The values of a list exclude each other.
        """
        if self.is_list:
            items = value if isinstance(value, list) else [value]
            read = tuple(dict.fromkeys(map(self.read_one, items)))
            return read if self.option.collect is None else self.option.collect(read)
        if self.is_optional and value == self.option.none:
            return None
        return self.read_one(value)

    def read_one(self, value: JsonValue) -> Any:
        """The meaning of a single value, or of one in a list.

        Raises:
            ValueError: It is no value of this option.
        """
        if self.option.read is not None:
            return self.option.read(str(value))
        if self.kind is bool:
            if not isinstance(value, bool):
                raise ValueError(f"'{value}' is neither true nor false.")
            return value is not self.option.negated
        if get_origin(self.kind) is Literal:
            if value not in get_args(self.kind):
                raise ValueError(f"'{value}' is none of {', '.join(get_args(self.kind))}.")
            return value
        return self.kind(value)

    def write(self, value: Any) -> JsonValue:
        """A field's value as it stands in `run_config.json`; equal meanings are written alike."""
        if value is None:
            return self.option.none
        if self.option.write is not None:
            return self.option.write(value)
        if self.kind is bool:
            return bool(value) is not self.option.negated
        if self.is_list:
            return [_plain(item) for item in value]
        return str(value) if self.option.none is not None else _plain(value)


Group = TypeVar("Group", bound=Options)


def options_of(group: type[Options]) -> tuple[Declared, ...]:
    """The options of a group, in the order of its fields."""
    return _options_of(group)  # type: ignore[arg-type]  # mypy takes the hash of instances for that of the class


@cache
def _options_of(group: type[Options]) -> tuple[Declared, ...]:
    hints = get_type_hints(group, include_extras=True)
    return tuple(_declared(field.name, hints[field.name]) for field in fields(group))


def option_of(group: type[Options], field: str) -> Option:
    """What is said of a field, for a subclass in which it is said a little differently."""
    return next(one.option for one in options_of(group) if one.field == field)


def _declared(field: str, hint: Any) -> Declared:
    kind, option = get_args(hint)
    if get_origin(kind) is tuple:
        return Declared(field, option, get_args(kind)[0], is_list=True, is_optional=False)
    kinds = [one for one in get_args(kind) if one is not NoneType]
    is_optional = NoneType in get_args(kind)
    return Declared(field, option, kinds[0] if is_optional else kind, option.collect is not None, is_optional)


def written(*groups: Options) -> dict[str, JsonValue]:
    """All options of some groups by name, as they stand in `run_config.json`."""
    return {one.name: one.write(getattr(group, one.field)) for group in groups for one in options_of(type(group))}


def restored(default: Group, values: Mapping[str, JsonValue]) -> Group:
    """A group from values by option name; what they lack is as in the default.

    Raises:
        ValueError: One is no value of its option.
        UsageError: They exclude each other.
    """
    known = {one.field: one.read(values[one.name]) for one in options_of(type(default)) if one.name in values}
    return replace(default, **known)


def changing(groups: Iterable[type[Options]], kinds: Collection[Changes]) -> frozenset[str]:
    """Names of the options that change something of these kinds."""
    return frozenset(one.name for group in groups for one in options_of(group) if one.option.changes in kinds)


def names_of(*groups: type[Options]) -> frozenset[str]:
    """Names of all options of some groups."""
    return frozenset(one.name for group in groups for one in options_of(group))


def in_section(group: type[Options], section: Section) -> frozenset[str]:
    """Names of a group's options in a section of the help page."""
    return frozenset(one.name for one in options_of(group) if one.option.section == section)


def _plain(value: Any) -> JsonValue:
    return str(value) if isinstance(value, Path) else value


def _batch_size(text: str) -> int:
    if not (text.isdecimal() and int(text) >= 1):
        raise ValueError(f"'{text}' is neither a whole number from 1 nor auto.")
    return int(text)


@dataclass(frozen=True)
class SeedOptions(Options):
    """Of everything that chooses at random.

    Attributes:
        seed: Where the choice begins.
    """

    seed: Annotated[
        int, Option(help="Seed of everything random.", section="Run", changes="items", minimum=0, metavar="N")
    ] = 42


@dataclass(frozen=True)
class BatchOptions(Options):
    """Of everything that runs windows or rows through the model.

    Attributes:
        batch_size: How many at once; `None` chooses from the machine's memory.
    """

    batch_size: Annotated[
        int | None,
        Option(
            help="Windows in one forward pass.",
            section="Run",
            changes="items",
            none="auto",
            metavar="N|auto",
            read=_batch_size,
        ),
    ] = None

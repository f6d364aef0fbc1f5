"""What all records have in common."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import MISSING, BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, Strict
from pydantic_core import CoreSchema, core_schema

_FEW, _LONG = 4, 80
"""Entries that are shown, and characters, where a record is one line."""
_NON_FINITE = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}


class _NumberType:
    """A float that may be infinite or NaN: in JSON a number or one of three strings, in the schema too."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        del source, handler
        number = core_schema.float_schema(strict=True, allow_inf_nan=True)
        names = core_schema.literal_schema(list(_NON_FINITE))
        from_name = core_schema.no_info_after_validator_function(_NON_FINITE.__getitem__, names)
        return core_schema.union_schema(
            [number, from_name],
            custom_error_type="number_type",
            custom_error_message='Input should be a number, "Infinity", "-Infinity" or "NaN"',
            serialization=core_schema.plain_serializer_function_ser_schema(
                _to_json, when_used="json", return_schema=core_schema.any_schema()
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        del schema, handler
        return {"anyOf": [{"type": "number"}, {"enum": list(_NON_FINITE)}]}


def _to_json(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


Number = Annotated[float, _NumberType]
"""A float, infinite and NaN too: `3.5`, `"Infinity"`, `"-Infinity"`, `"NaN"` (docs/files.md#names-and-writing)."""

Pair = Annotated[tuple[int, int], Strict(strict=False)]
"""Row and column of a scalar: in JSON a list of two whole numbers, in Python a tuple or a list."""


class _Brief:
    """A value as one line shows it."""

    def __init__(self, value: str | Sequence[Any] | Mapping[str, Any] | Part) -> None:
        self.value = value

    def __repr__(self) -> str:
        if isinstance(self.value, Part):
            return f"{type(self.value).__name__}(…)"
        if isinstance(self.value, str):
            return repr(self.value) if len(self.value) <= _LONG else f"{self.value[:_LONG]!r}…"
        text = repr(self.value) if len(self.value) <= _FEW else ""
        return text if text and len(text) <= _LONG else f"<{len(self.value)} entries>"


class Part(BaseModel):
    """A block inside a record: nothing unknown, nothing converted, nothing changed later.

    Infinite and NaN floats inside free JSON values are written as strings too, as in `Number`.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        serialize_by_alias=True,
        validate_by_alias=True,
        validate_by_name=False,
        ser_json_inf_nan="strings",
        use_attribute_docstrings=True,
        protected_namespaces=(),
    )

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """One line: what is not there is left out, of what is long the size stands there (`swa.show` gives tables)."""
        for name, value in super().__repr_args__():
            if value is not MISSING:
                yield name, _Brief(value) if isinstance(value, str | Sequence | Mapping | Part) else value


class Record(Part):
    """A JSON object that stands alone in a file or on a line; it carries its own name and version."""

    schema_version: int = Field(default=1, ge=1, le=1)
    """Version of this record's schema; a newer one than the program knows is refused."""

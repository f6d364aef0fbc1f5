"""What all records have in common."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, Strict
from pydantic_core import CoreSchema, core_schema

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


class Record(Part):
    """A JSON object that stands alone in a file or on a line; it carries its own name and version."""

    schema_version: int = Field(default=1, ge=1, le=1)
    """Version of this record's schema; a newer one than the program knows is refused."""

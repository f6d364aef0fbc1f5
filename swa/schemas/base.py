"""What all records have in common."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

_NON_FINITE = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}


class _NumberType:
    """A float that may be infinite or NaN: in JSON a number or one of three strings, in the schema too."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        del source, handler
        finite = core_schema.float_schema(strict=True)
        names = core_schema.literal_schema(list(_NON_FINITE))
        from_name = core_schema.no_info_after_validator_function(_NON_FINITE.__getitem__, names)
        return core_schema.union_schema(
            [finite, from_name],
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
"""A float that may be infinite or NaN (7-decisions A9): `3.5`, `"Infinity"`, `"-Infinity"`, `"NaN"`."""


class Part(BaseModel):
    """A block inside a record: nothing unknown, nothing converted, nothing changed later."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        serialize_by_alias=True,
        validate_by_alias=True,
        validate_by_name=False,
        use_attribute_docstrings=True,
        protected_namespaces=(),
    )


class Record(Part):
    """A JSON object that stands alone in a file or on a line; it carries its own name and version."""

    version: ClassVar[int] = 1

    schema_version: int = 1
    """Version of this record's schema; a newer one than the program knows is refused."""


RecordName = Literal[
    "NeuronCard",
    "SuperWeightCard",
    "SuperWeight",
    "DetectionResult",
    "ImpactRecord",
    "ItemRecord",
    "ModelAnalysis",
    "CompleteAnalysis",
    "CascadeResult",
    "RunConfig",
    "CrossModelSummary",
    "Comparison",
]

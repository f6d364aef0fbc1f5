"""The public records by name. Modules are imported when one of their records is needed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from pydantic import ValidationError

from swa.errors import InvalidArtifactError, UsageError
from swa.schemas.base import Record

_MODULES = {
    "CascadeResult": "cascade",
    "CommandResult": "runs",
    "Comparison": "summaries",
    "CompleteAnalysis": "evaluation",
    "CrossModelSummary": "summaries",
    "DetectionResult": "detection",
    "ImpactRecord": "evaluation",
    "ItemRecord": "evaluation",
    "ModelAnalysis": "evaluation",
    "NeuronCard": "cards",
    "RunConfig": "runs",
    "SuperWeight": "detection",
    "SuperWeightCard": "cards",
    "VariantAnalysis": "evaluation",
}


def schema_names() -> list[str]:
    """Names of all records, in alphabetical order."""
    return sorted(_MODULES)


def record_class(name: str) -> type[Record]:
    """The class of a record.

    Raises:
        UsageError: There is no such record.
    """
    if name not in _MODULES:
        raise UsageError(f"There is no record '{name}'.", hint=f"Known are {', '.join(schema_names())}.")
    found: type[Record] = getattr(import_module(f"swa.schemas.{_MODULES[name]}"), name)
    return found


def json_schema(name: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a record as it stands in files."""
    schema = record_class(name).model_json_schema(by_alias=True, mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def class_for(data: Mapping[str, Any], name: str | None = None) -> type[Record]:
    """The record that an object is meant to be: as named, as it says itself, or whose required keys fit.

    Raises:
        UsageError: `name` is unknown.
        InvalidArtifactError: Nothing fits, or the object is of a newer version than this program knows.
    """
    if name is None:
        claimed = data.get("record")
        if claimed is not None and claimed not in _MODULES:
            raise InvalidArtifactError(f"The record '{claimed}' is not known.")
        name = claimed or _fitting(data)
    found = record_class(name)
    version = data.get("schema_version", 1)
    if isinstance(version, int) and version > found.version:
        raise InvalidArtifactError(
            f"This {name} has schema version {version}; this program knows {found.version}.", hint="Update swa."
        )
    return found


def parse_record(data: str | bytes, name: str | None = None) -> Record:
    """Read one record from JSON.

    Raises:
        InvalidArtifactError: It is no JSON object or does not fit its schema.
    """
    from swa.schemas.validation import load_object, problems_of

    found = class_for(load_object(data), name)
    try:
        return found.model_validate_json(data)
    except ValidationError as error:
        raise InvalidArtifactError(f"This is no {found.__name__}: {problems_of(error)[0]}.") from error


def _fitting(data: Mapping[str, Any]) -> str:
    """The record all of whose required keys are there and that knows the most of the others."""
    fits: list[tuple[int, str]] = []
    for name in schema_names():
        fields = record_class(name).model_fields
        keys = {field.alias or key: field.is_required() for key, field in fields.items()}
        if all(key in data for key, required in keys.items() if required) and any(keys.values()):
            unknown = sum(key not in keys for key in data)
            fits.append((-unknown, name))
    if not fits:
        raise InvalidArtifactError(
            "This object is none of the known records.", hint="Say which one it should be with --record."
        )
    return max(fits)[1]

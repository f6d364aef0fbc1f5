"""The public records by name. Modules are imported when one of their records is needed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

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
        InvalidArtifactError: Nothing fits, the object says it is another record, or it is of a newer version than
            this program knows.
    """
    claimed = data.get("record")
    if claimed is not None and (not isinstance(claimed, str) or claimed not in _MODULES):
        raise InvalidArtifactError(f"The record {json.dumps(claimed)} is not known.")
    if name is not None and claimed not in (None, name):
        raise InvalidArtifactError(f"This is a {claimed}, not a {name}.")
    found = record_class(name or claimed or _fitting(data))
    known = found.model_fields["schema_version"].default
    version = data.get("schema_version", known)
    if isinstance(version, int) and version > known:
        raise InvalidArtifactError(
            f"This {found.__name__} has schema version {version}; this program knows {known}.", hint="Update swa."
        )
    return found


def parse_record(data: str | bytes, name: str | None = None) -> Record:
    """Read one record from JSON.

    Args:
        data: A JSON object as text.
        name: What it should be; by default what it says itself, or what fits.

    Raises:
        UsageError: `name` is unknown.
        InvalidArtifactError: It is no JSON object or does not fit its schema.
    """
    from swa.schemas.jsontext import load_object
    from swa.schemas.messages import misfits

    content = load_object(data)
    found = class_for(content, name)
    try:
        return found.model_validate_json(data)
    except ValidationError as error:
        raise InvalidArtifactError(f"This is no {found.__name__}: {misfits(error, content)[0].message}") from error


class _Fit(NamedTuple):
    """How well the keys of an object fit a record; of two fits the larger is the better."""

    score: int
    name: str
    missing: tuple[str, ...]


def _fitting(data: Mapping[str, Any]) -> str:
    """The record that shares the most keys with the object, every unknown and every missing one counted against it.

    An object that is valid as one record therefore never counts as another that does not know all its keys.
    """
    fits = [fit for name in schema_names() if (fit := _fit(name, data)) is not None]
    best = max(fits, default=None)
    if best is None or best.missing:
        nearest = f"; the nearest, {best.name}, needs the key '{best.missing[0]}' too" if best else ""
        raise InvalidArtifactError(
            f"This object is none of the known records{nearest}.", hint="Say which one it should be with --record."
        )
    return best.name


def _fit(name: str, data: Mapping[str, Any]) -> _Fit | None:
    """How well `data` fits a record; nothing when they have no key in common but those of every record."""
    fields = record_class(name).model_fields
    known = {field.alias or key for key, field in fields.items()}
    missing = [field.alias or key for key, field in fields.items() if field.is_required()]
    missing = [key for key in missing if key not in data]
    shared = known & data.keys()
    if shared <= {"record", *Record.model_fields}:
        return None
    return _Fit(len(shared) - len(data.keys() - known) - len(missing), name, tuple(missing))

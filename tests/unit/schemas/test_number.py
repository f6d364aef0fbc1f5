"""Floats of records: infinite and NaN ones survive, texts and truth values are no numbers."""

from __future__ import annotations

import json
import math
from typing import Annotated, get_args, get_origin

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, FiniteFloat, ValidationError

from swa.schemas.base import Number, Part
from swa.schemas.registry import record_class, schema_names
from swa.schemas.run import EffectiveOption


class Value(Part):
    value: Number


@given(st.floats())
@settings(max_examples=200, deadline=None)
def test_every_float_survives_as_json_that_any_reader_takes(value):
    text = Value(value=value).model_dump_json()
    data = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    jsonschema.validate(data, Value.model_json_schema())
    back = Value.model_validate_json(text).value
    assert isinstance(back, float)
    assert back == value or (math.isnan(back) and math.isnan(value))


@pytest.mark.parametrize("value", [1, 0, -5, 1.5, "Infinity", "-Infinity", "NaN"])
def test_accepted_by_us_and_by_the_schema(value):
    jsonschema.validate({"value": value}, Value.model_json_schema())
    assert isinstance(Value.model_validate_json(json.dumps({"value": value})).value, float)
    assert isinstance(Value.model_validate({"value": value}).value, float)


@pytest.mark.parametrize("value", ["1.5", "inf", "nan", "infinity", "", None, True, False, [1.0], {}])
def test_refused_by_us_and_by_the_schema(value):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"value": value}, Value.model_json_schema())
    with pytest.raises(ValidationError) as caught:
        Value.model_validate_json(json.dumps({"value": value}))
    assert caught.value.error_count() == 1
    with pytest.raises(ValidationError):
        Value.model_validate({"value": value})


def test_infinite_options_are_written_as_text():
    text = EffectiveOption(value=[math.inf, math.nan], origin="default").model_dump_json()
    assert json.loads(text)["value"] == ["Infinity", "NaN"]


def test_a_finite_float_is_never_written_as_null():
    class Finite(Part):
        value: FiniteFloat

    for value in (math.inf, math.nan):
        with pytest.raises(ValidationError):
            Finite(value=value)


@pytest.mark.parametrize("name", schema_names())
def test_no_record_has_a_float_that_could_be_written_as_null(name):
    assert not set(_bare_floats(record_class(name))), "use Number or FiniteFloat"


def test_bare_floats_are_seen():
    class Inner(BaseModel):
        values: dict[str, list[float]]
        fine: list[Number] | None

    class Outer(BaseModel):
        inner: Inner | None
        bare: float
        fine: Number
        finite: FiniteFloat

    assert set(_bare_floats(Outer)) == {"Inner.values", "Outer.bare"}


def _bare_floats(model: type[BaseModel]):
    """Fields of a record and of its blocks that hold floats without a rule for infinite ones."""
    for key, field in model.model_fields.items():
        for leaf in _leaves(field.annotation):
            if isinstance(leaf, type) and issubclass(leaf, BaseModel):
                yield from _bare_floats(leaf)
            elif leaf is float and not field.metadata:
                yield f"{model.__name__}.{key}"


def _leaves(annotation):
    if get_origin(annotation) is Annotated and get_args(annotation)[0] is float:
        return
    arguments = get_args(annotation)
    if not arguments:
        yield annotation
    for argument in arguments:
        yield from _leaves(argument)

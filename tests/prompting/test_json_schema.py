"""Schemas that cannot be promised.

tests/engine/test_grammar.py asks llama.cpp what the others allow.
"""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from modechat.prompting.json_schema import grammar_of
from modechat.prompting.schema_keywords import SchemaError
from modechat.prompting.schema_text import read_schema


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (
            {"type": "string", "pattern": "^a$"},
            "modechat does not support the keyword “pattern” (at the top of the schema)",
        ),
        (
            {"properties": {"a": {"propertes": {}}}},
            "modechat does not support the keyword “propertes” (in its part #/properties/a)",
        ),
        ({"items": {"not": {}}}, "(in its part #/items)"),
        ({"$ref": "https://example.com/schema"}, "is not in this schema"),
        ({"$ref": "other.json#/a"}, "is not in this schema"),
        ({"$ref": "#/$defs/a"}, "points at nothing"),
        ({"$ref": "#"}, "leads back to itself"),
        ({"anyOf": [{"$ref": "#"}]}, "leads back to itself"),
        ({"type": "strin"}, "there is no type “strin”"),
        ({"type": "array", "uniqueItems": True}, "uniqueItems"),
        ({"type": "array", "minItems": 3, "maxItems": 2}, "“minItems” is more than “maxItems”"),
        ({"type": "string", "maxLength": 5000}, "above 2000"),
        ({"type": "string", "minLength": -1}, "0 or more"),
        ({"type": "string", "minLength": "1"}, "0 or more"),
        ({"type": "string", "minLength": None}, "“minLength” must be a whole number, 0 or more"),
        ({"type": "array", "maxItems": None}, "“maxItems” must be a whole number, 0 or more"),
        ({"type": "string", "format": "date", "maxLength": 3}, "beside the format"),
        ({"type": "number", "maximum": 4}, "bounds of numbers with a fraction"),
        (
            {"properties": {"mail": {"type": "string", "format": "email"}}},
            "the format “email”",
        ),
        (
            {"format": "hostname"},
            "support the format “hostname”, only date, date-time, time, uuid",
        ),
        ({"type": ["null", "string"], "format": "regex"}, "the format “regex”"),
        ({"type": "string", "format": ["date"]}, "“format” must be a name"),
        ({"type": "null", "format": 3}, "“format” must be a name"),
        ({"type": "integer", "format": "int33"}, "the format “int33”"),
        ({"type": "number", "format": "int32"}, "the format “int32”"),
        ({"type": "integer", "minimum": 0.5}, "a “minimum” that is no whole number"),
        ({"type": "integer", "minimum": 2**31, "format": "int32"}, "no number is within"),
        ({"type": []}, "“type” must name a type"),
        (
            {"type": "object", "additionalProperties": None},
            "object (in its part #/additionalProperties)",
        ),
        ({"type": "integer", "minimum": 1.5}, "a “minimum” that is no whole number"),
        ({"type": "integer", "minimum": 5, "maximum": 4}, "no number is within"),
        (
            {"properties": {}, "required": ["a"], "additionalProperties": False},
            "required and not allowed",
        ),
        ({"properties": [], "type": "object"}, "an object of schemas"),
        ({"required": "a"}, "a list of names"),
        ({"enum": []}, "wants a list"),
        ({"enum": [1], "type": "string"}, "none of the values"),
        ({"anyOf": [{}], "properties": {}}, "beside “anyOf”"),
        ({"allOf": [{}, {}]}, "allOf"),
        ({"prefixItems": [{}], "minItems": 2}, "do not fit together"),
        (False, "nothing fits"),
        ("string", "a schema must be an object"),
        ([], "a schema must be an object"),
    ],
)
def test_what_cannot_be_promised_is_refused_with_its_place(schema: Any, expected: str) -> None:
    with pytest.raises(
        SchemaError, match=r" \((at the top of the schema|in its part #.*)\)$"
    ) as caught:
        grammar_of(schema)
    assert expected in str(caught.value)


def test_schemas_that_are_nested_beyond_reason_are_refused() -> None:
    schema: dict[str, Any] = {}
    for _ in range(200):
        schema = {"items": schema}
    with pytest.raises(SchemaError, match="too deeply"):
        grammar_of(schema)


def test_schemas_beyond_reason_in_size_are_refused() -> None:
    with pytest.raises(SchemaError, match="too large"):
        grammar_of({"properties": {f"property {n}": {"enum": [n]} for n in range(20_000)}})


def test_a_property_with_an_endless_name_is_refused_at_once() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(SchemaError, match="too large"):
            grammar_of({"properties": {"a" * 40_000: {}}, "additionalProperties": True})
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_refs_that_lead_to_refs_without_end_are_refused() -> None:
    definitions: dict[str, Any] = {str(n): {"$ref": f"#/$defs/{n + 1}"} for n in range(5000)}
    with pytest.raises(SchemaError, match="too deeply"):
        grammar_of({"$ref": "#/$defs/0", "$defs": definitions})


@pytest.mark.parametrize(
    ("text", "expected"),
    [("{", "line 1, column 2"), ("NaN", "NaN"), ("[" * 100_000, "too deeply"), ("", "line 1")],
)
def test_what_is_no_json_is_refused_with_the_reason(text: str, expected: str) -> None:
    with pytest.raises(SchemaError, match=expected):
        read_schema(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '{"type": "integer",\n "minimum": ' + "1" * 5000 + "}",
            "line 2, column 13: a number of 5,000 digits",
        ),
        ('{"const": [-' + "9" * 100_000 + "]}", "line 1, column 12: a number of 100,001 digits"),
        ('{"const": 1e400}', "line 1, column 11: the number 1e400 is too large"),
        ('{"enum": [1, -1e999]}', "the number -1e999 is too large"),
        ('{"const": Infinity}', "no JSON: Infinity"),
    ],
)
def test_numbers_beyond_reason_are_refused_with_their_place(text: str, expected: str) -> None:
    with pytest.raises(SchemaError, match=expected.replace("(", "[(]")):
        read_schema(text)


def test_values_that_are_nested_beyond_reason_are_refused() -> None:
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    with pytest.raises(SchemaError, match="nested too deeply"):
        grammar_of({"const": value})


@pytest.mark.parametrize(
    ("schema", "same"),
    [
        ({"type": "number", "minimum": 0.0}, {"type": "number", "minimum": 0}),
        (
            {"type": "integer", "minimum": -3.0, "maximum": 5e0},
            {"type": "integer", "minimum": -3, "maximum": 5},
        ),
        (
            {"type": "array", "minItems": 2.0, "maxItems": 3.0},
            {"type": "array", "minItems": 2, "maxItems": 3},
        ),
        ({"type": "string", "minLength": 1.0}, {"type": "string", "minLength": 1}),
        (
            {"type": "integer", "format": "int32"},
            {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
        ),
        ({"type": "integer", "format": "int64"}, {"type": "integer"}),
        ({"type": "integer", "format": "email"}, {"type": "integer"}),
        ({"type": ["integer", "null"], "format": "date"}, {"type": ["integer", "null"]}),
    ],
)
def test_what_means_the_same_becomes_the_same(schema: Any, same: Any) -> None:
    assert grammar_of(schema) == grammar_of(same)

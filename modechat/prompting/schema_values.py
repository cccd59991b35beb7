"""Makes expressions in GBNF for the strings and numbers that a schema describes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modechat.prompting import gbnf
from modechat.prompting.json_grammar import NOT_NEGATIVE
from modechat.prompting.schema_keywords import (
    Bounds,
    count_bounds,
    exact_bounds,
    string_format,
    unsupported,
    whole_number_bounds,
)


def string_expression(schema: Mapping[str, Any], at: str) -> str:
    """Return the expression for a string.

    Raises SchemaError, as the others do, with the place `at` of the schema.
    """
    least, most = count_bounds(schema, "minLength", "maxLength", at)
    content = string_format(schema, at)
    if content is None:
        content = gbnf.repeated("char", least, most)
    return f'"\\"" {content} "\\""'


def integer_expression(schema: Mapping[str, Any], at: str) -> str:
    bounds = whole_number_bounds(schema, at)
    if bounds == Bounds():
        return "integer"
    return gbnf.whole_number(bounds.least, bounds.most)


def number_expression(schema: Mapping[str, Any], at: str) -> str:
    bounds = exact_bounds(schema, at)
    if not bounds:
        return "number"
    if bounds != {"minimum": 0}:
        unsupported(at, "bounds of numbers with a fraction, except a minimum of 0")
    return NOT_NEGATIVE

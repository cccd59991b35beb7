"""Reads the text of a JSON schema; errors name the place that is wrong."""

from __future__ import annotations

import json
import math
from functools import partial
from typing import Any, NoReturn

from modechat.prompting.schema_keywords import SchemaError

_MOST_DIGITS = 400


def read_schema(text: str) -> Any:
    """Return the schema in a text. Raises SchemaError."""
    try:
        return json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_int=partial(_read_int, text),
            parse_float=partial(_read_float, text),
        )
    except json.JSONDecodeError as error:
        raise SchemaError(
            f"no JSON: line {error.lineno}, column {error.colno}: {error.msg}"
        ) from None
    except RecursionError:
        raise SchemaError("it is nested too deeply") from None


def _read_int(text: str, digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise SchemaError(f"{_place(text, digits)}: a number of {len(digits):,} digits")
    return int(digits)


def _read_float(text: str, digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise SchemaError(f"{_place(text, digits)}: the number {digits[:20]} is too large")
    return number


def _place(text: str, found: str) -> str:
    at = text.find(found)
    return f"line {text.count(chr(10), 0, at) + 1}, column {at - text.rfind(chr(10), 0, at)}"


def _refuse_constant(name: str) -> NoReturn:
    raise SchemaError(f"no JSON: {name}")

"""Reads and checks the keywords of JSON Schema that a grammar can keep."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from modechat.prompting.gbnf import LONGEST_REPETITION

_ANNOTATION_WORDS = """
    $schema $id $comment $defs definitions title description default examples deprecated
    readOnly writeOnly contentMediaType contentEncoding
"""
_OTHER_FORMAT_WORDS = """
    color duration email host-name hostname idn-email idn-hostname ip-address ipv4 ipv6 iri
    iri-reference json-pointer phone regex relative-json-pointer style uri uri-reference
"""
_ANNOTATIONS = frozenset(_ANNOTATION_WORDS.split())
_NUMBER_KEYWORDS = frozenset(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"))
KEYWORDS_OF_TYPE = {
    "object": frozenset(("properties", "required", "additionalProperties")),
    "array": frozenset(("items", "prefixItems", "minItems", "maxItems", "uniqueItems")),
    "string": frozenset(("minLength", "maxLength", "format")),
    "number": _NUMBER_KEYWORDS,
    "integer": _NUMBER_KEYWORDS,
    "boolean": frozenset[str](),
    "null": frozenset[str](),
}
_WHOLE = ("$ref", "allOf", "anyOf", "const", "enum", "oneOf")
"""Keywords that alone define a value.

Only annotations, and a type with some, may stand beside one.
"""
_KNOWN = _ANNOTATIONS.union(_WHOLE, ("type",), *KEYWORDS_OF_TYPE.values())

_FORMATS = frozenset(("date", "time", "date-time", "uuid"))
"""Formats of strings that have a rule."""
_OTHER_FORMATS = frozenset(_OTHER_FORMAT_WORDS.split())
"""Formats of strings in any draft. Beside numbers they mean nothing."""
_INT32 = {"minimum": -(2**31), "maximum": 2**31 - 1}
_NUMBER_FORMATS: dict[str, dict[str, int]] = {"int32": _INT32, "int64": {}, "double": {}}
"""OpenAPI's formats of numbers, with their bounds.

The last two need none: numbers are never written with more digits than these formats have.
"""

_PYTHON_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
    "null": type(None),
}


class SchemaError(ValueError):
    """A text is no JSON schema, or no grammar can keep it; the message says where and why."""


def fail(at: str, reason: str) -> NoReturn:
    """Raise SchemaError with the place in the schema that the JSON pointer `at` points at."""
    place = "at the top of the schema" if at == "#" else f"in its part {at}"
    raise SchemaError(f"{reason} ({place})")


def unsupported(at: str, what: str) -> NoReturn:
    """Raise SchemaError for something in the schema that no grammar can keep."""
    fail(at, f"modechat does not support {what}")


def check_keywords(schema: Mapping[str, Any], at: str) -> None:
    """Raise SchemaError for an unknown keyword: it would have no effect."""
    for key in sorted(schema):
        if key not in _KNOWN and not key.startswith("x-"):
            unsupported(at, f"the keyword “{key}”")


def whole_keyword(schema: Mapping[str, Any], at: str) -> str | None:
    """Return the keyword that alone defines a value; None if there is none.

    Raises SchemaError if other keywords stand beside it.
    """
    found = next((key for key in _WHOLE if key in schema), None)
    if found is None:
        return None
    allowed = _ANNOTATIONS | {found}
    if found in ("const", "enum"):
        allowed |= {"type"}
    for key in sorted(schema):
        if key not in allowed and not key.startswith("x-"):
            unsupported(at, f"the keyword “{key}” beside “{found}”")
    return found


def types_of(schema: Mapping[str, Any], at: str) -> list[str]:
    """Return the types that a value may have.

    If the schema names none, its keywords decide: each is about a type.
    """
    found = schema.get("type")
    if found is None:
        return _types_by_keywords(schema)
    names = found if isinstance(found, list) else [found]
    if not names:
        fail(at, "“type” must name a type")
    for name in names:
        if not isinstance(name, str) or name not in KEYWORDS_OF_TYPE:
            fail(at, f"there is no type “{name}”")
    return list(dict.fromkeys(names))


def _types_by_keywords(schema: Mapping[str, Any]) -> list[str]:
    names = []
    for name, keywords in KEYWORDS_OF_TYPE.items():
        if name != "integer" and not keywords.isdisjoint(schema):
            names.append(name)
    return names


def is_of(value: object, name: str) -> bool:
    """Return True if `value` has the type of this name."""
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()  # 2.0 is one
    return isinstance(value, _PYTHON_TYPES[name])


def check_format(schema: Mapping[str, Any], name: str, at: str) -> None:
    """Raise SchemaError for a format that values of the type `name` cannot be held to.

    `string_format` checks the formats of strings further.
    """
    if "format" not in schema:
        return
    form = schema["format"]
    if not isinstance(form, str):
        fail(at, "“format” must be a name")
    if name not in ("number", "integer") or form in _FORMATS or form in _OTHER_FORMATS:
        return
    is_known = form == "double" if name == "number" else form in _NUMBER_FORMATS
    if not is_known:
        unsupported(at, f"the format “{form}” for the type “{name}”")


def string_format(schema: Mapping[str, Any], at: str) -> str | None:
    """Return the format of a string; None if the schema asks for none.

    Raises SchemaError for a format that has no rule.
    """
    form: str | None = schema.get("format")
    if form is None:
        return None
    if "minLength" in schema or "maxLength" in schema:
        unsupported(at, f"a length beside the format “{form}”")
    if form not in _FORMATS:
        known = ", ".join(sorted(_FORMATS))
        unsupported(at, f"the format “{form}”, only {known}")
    return form


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least and the most, both included; None: no bound."""

    least: int | None = None
    most: int | None = None

    def narrowed(self, least: int | None = None, most: int | None = None) -> Bounds:
        """Return the bounds of the values that are within both these bounds and the given ones."""
        if least is None or (self.least is not None and self.least > least):
            least = self.least
        if most is None or (self.most is not None and self.most < most):
            most = self.most
        return Bounds(least, most)


def whole_number_bounds(schema: Mapping[str, Any], at: str) -> Bounds:
    """Return the bounds of a whole number. Raises SchemaError for bounds that cannot be kept."""
    exact = exact_bounds(schema, at)
    of_format = _NUMBER_FORMATS.get(schema.get("format", ""), {})
    bounds = Bounds(exact.get("minimum"), exact.get("maximum"))
    if "exclusiveMinimum" in exact:
        bounds = bounds.narrowed(least=exact["exclusiveMinimum"] + 1)
    if "exclusiveMaximum" in exact:
        bounds = bounds.narrowed(most=exact["exclusiveMaximum"] - 1)
    bounds = bounds.narrowed(of_format.get("minimum"), of_format.get("maximum"))
    if bounds.least is not None and bounds.most is not None and bounds.least > bounds.most:
        fail(at, "no number is within the bounds")
    return bounds


def exact_bounds(schema: Mapping[str, Any], at: str) -> dict[str, int]:
    """Return the bounds of a number, by their keywords.

    Raises SchemaError for a bound that is no whole number.
    """
    bounds = {}
    for key in _NUMBER_KEYWORDS:
        if key in schema:
            bound = schema[key]
            if not is_of(bound, "integer") or abs(bound) >= 10**15:
                unsupported(at, f"a “{key}” that is no whole number below 10^15")
            bounds[key] = int(bound)
    return bounds


def count_bounds(
    schema: Mapping[str, Any], least_key: str, most_key: str, at: str
) -> tuple[int, int | None]:
    """Return the least and the most of a length or a count of items; None: no bound."""
    least = _count(schema, least_key, at) or 0
    most = _count(schema, most_key, at)
    if most is not None and least > most:
        fail(at, f"“{least_key}” is more than “{most_key}”")
    return least, most


def _count(schema: Mapping[str, Any], key: str, at: str) -> int | None:
    if key not in schema:
        return None
    count = schema[key]
    if not is_of(count, "integer") or count < 0:
        fail(at, f"“{key}” must be a whole number, 0 or more")
    if count > LONGEST_REPETITION:
        unsupported(at, f"the keyword “{key}” above {LONGEST_REPETITION}")
    return int(count)


def dump(value: object) -> str:
    """Return `value` as JSON.

    Characters stand for themselves, except halves of surrogate pairs: UTF-8 has none.
    """
    text = json.dumps(value, ensure_ascii=False)
    return "".join(f"\\u{ord(c):04x}" if "\ud800" <= c <= "\udfff" else c for c in text)

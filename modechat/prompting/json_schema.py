"""JSON schemas as grammars: what a grammar allows, fits the schema.

The subset of JSON Schema (draft 2020-12, and draft 7's forms of the same) that a grammar can promise. What is beyond
it is refused, never left out silently: minimum without its effect would be worse than an error. Optional properties
may be missing, and properties that no keyword speaks of are not written; where `oneOf` stands, `anyOf` is meant.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn
from urllib.parse import unquote

from modechat.prompting import gbnf

_LONGEST_CHAIN = 64
_MOST_RULES = 10_000
_MOST_DIGITS = 400

_ANNOTATIONS = frozenset(
    (
        "$schema",
        "$id",
        "$comment",
        "$defs",
        "definitions",
        "title",
        "description",
        "default",
        "examples",
        "deprecated",
    )
) | {"readOnly", "writeOnly", "contentMediaType", "contentEncoding"}
_OF_TYPE = {
    "object": frozenset(("properties", "required", "additionalProperties")),
    "array": frozenset(("items", "prefixItems", "minItems", "maxItems", "uniqueItems")),
    "string": frozenset(("minLength", "maxLength", "format")),
    "number": frozenset(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")),
    "integer": frozenset(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")),
    "boolean": frozenset[str](),
    "null": frozenset[str](),
}
_WHOLE = frozenset(("$ref", "const", "enum", "anyOf", "oneOf", "allOf"))
"""Keywords that say everything: only annotations, and with some a type, may stand beside one."""
_KNOWN = _ANNOTATIONS | _WHOLE | {"type"} | frozenset().union(*_OF_TYPE.values())

# White space: none, one space, or a new line with its indentation; a model could write it for ever otherwise. The
# characters of strings leave out what JSON wants escaped, and surrogates: of those, two would count as one character.
_PLAIN = r"[\x20-\x21\x23-\x5B\x5D-\x7E\u0080-\uD7FF\uE000-\U0010FFFF]"
_NOT_PLAIN = r"\x22\x5C\x00-\x1F\x7F"
_HEX = "[0-9a-fA-F]"
_DAY = '( "0" [1-9] | "1" [0-9] | "2" [0-8] )'
_BASE = {
    "ws": '( " " | "\\n" [ ]{0,20} )?',
    "char": rf'{_PLAIN} | "\\" ( ["\\/bfnrt] | "u" ( [0-9a-cA-CefEF] {_HEX} | [dD] [0-7] ) {_HEX}{{2}} )',
    "string": r'"\"" char* "\""',
    "integer": gbnf.whole_number(None, None),
    "number": '"-"? natural ( "." [0-9]{1,15} )? ( [eE] [-+]? [0-9]{1,2} )?',
    "natural": gbnf.whole_number(0, None),
    "boolean": '"true" | "false"',
    "null": '"null"',
    "object": '"{" ws ( member ( "," ws member )* )? ws "}"',
    "member": 'string ":" " "? value',
    "array": '"[" ws ( value ( "," ws value )* )? ws "]"',
    "value": "object | array | string | number | boolean | null",
    "date": f'[0-9]{{4}} "-" ( ( "0" [1-9] | "1" [0-2] ) "-" {_DAY} | ( "0" [13-9] | "1" [0-2] ) "-" ( "29" | "30" ) '
    '| ( "0" [13578] | "1" [02] ) "-31" )',
    "time": '( [01] [0-9] | "2" [0-3] ) ":" [0-5] [0-9] ":" [0-5] [0-9] ( "." [0-9]{1,6} )? '
    '( "Z" | [-+] ( [01] [0-9] | "2" [0-3] ) ":" [0-5] [0-9] )',
    "date-time": 'date "T" time',
    "uuid": ' "-" '.join(f"{_HEX}{{{n}}}" for n in (8, 4, 4, 4, 12)),
}
_FORMATS = frozenset(("date", "time", "date-time", "uuid"))
_OTHER_FORMATS = frozenset(
    (
        "color",
        "duration",
        "email",
        "host-name",
        "hostname",
        "idn-email",
        "idn-hostname",
        "ip-address",
        "ipv4",
        "ipv6",
    )
) | {
    "iri",
    "iri-reference",
    "json-pointer",
    "phone",
    "regex",
    "relative-json-pointer",
    "style",
    "uri",
    "uri-reference",
}
"""Of strings, in any draft. Numbers may have them: they say nothing about those."""
_INT32 = {"minimum": -(2**31), "maximum": 2**31 - 1}
_NUMBER_FORMATS: dict[str, dict[str, int]] = {"int32": _INT32, "int64": {}, "double": {}}
"""OpenAPI's. Numbers are never written with more digits than the last two have."""
_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict, "array": list, "string": str, "number": (int, float), "integer": int, "boolean": bool,
    "null": type(None),
}  # fmt: skip


class SchemaError(ValueError):
    """A text is no JSON schema, or one that no grammar can promise; the message says where and why."""


def read_schema(text: str) -> Any:
    """The schema in a text. Raises SchemaError."""

    def read_int(digits: str) -> int:
        if len(digits) > _MOST_DIGITS:
            raise SchemaError(f"{_place(text, digits)}: a number of {len(digits):,} digits")
        return int(digits)

    def read_float(digits: str) -> float:
        number = float(digits)
        if math.isinf(number):
            raise SchemaError(f"{_place(text, digits)}: the number {digits[:20]} is too large")
        return number

    try:
        return json.loads(
            text, parse_constant=_refuse_constant, parse_int=read_int, parse_float=read_float
        )
    except json.JSONDecodeError as error:
        raise SchemaError(
            f"no JSON: line {error.lineno}, column {error.colno}: {error.msg}"
        ) from None
    except RecursionError:
        raise SchemaError("it is nested too deeply") from None


def grammar_of(schema: object) -> str:
    """The grammar in GBNF of the JSON that fits `schema`; its root is `root`. Raises SchemaError."""
    try:
        return _Converter(schema).convert()
    except RecursionError:
        raise SchemaError("it is nested too deeply") from None


class _Converter:
    def __init__(self, schema: object) -> None:
        self._schema = schema
        self._rules = dict(_BASE)
        self._names: dict[str, str] = {}  # of the rules that have been made, by what they say
        self._refs: dict[str, str] = {}
        self._pending: set[str] = (
            set()
        )  # refs that lead to what is looked at, without a character between

    def convert(self) -> str:
        self._rules["root"] = self._value(self._schema, "#", 0)
        return "\n".join(f"{name} ::= {rule}" for name, rule in self._rules.items())

    def _rule(self, body: str) -> str:
        """The name of a rule that says this."""
        if body not in self._names:
            self._names[body] = self._new_name()
            self._rules[self._names[body]] = body
        return self._names[body]

    def _new_name(self) -> str:
        if len(self._rules) > _MOST_RULES:
            raise SchemaError("it is too large")
        return f"r{len(self._rules)}"

    def _value(self, schema: object, at: str, depth: int) -> str:
        """The name of the rule for what fits `schema`."""
        if schema is True:
            return "value"
        if not isinstance(schema, dict):
            _fail(
                at, "a schema must be an object" if schema is not False else "nothing fits “false”"
            )
        if depth > _LONGEST_CHAIN:
            _fail(at, "it is nested too deeply")
        unknown = sorted(key for key in schema if key not in _KNOWN and not key.startswith("x-"))
        if unknown:
            _fail(at, f"“{unknown[0]}” is a rule that no reply can be held to")
        whole = [key for key in _WHOLE if key in schema]
        if whole:
            return self._whole(schema, sorted(whole)[0], at, depth)
        types = _types(schema, at)
        return (
            self._one_of([self._typed(schema, name, at, depth) for name in types])
            if types
            else "value"
        )

    def _one_of(self, names: Iterable[str]) -> str:
        names = list(dict.fromkeys(names))
        return names[0] if len(names) == 1 else self._rule(" | ".join(names))

    def _whole(self, schema: Mapping[str, Any], key: str, at: str, depth: int) -> str:
        beside = (
            set(schema) - _ANNOTATIONS - {key} - ({"type"} if key in ("const", "enum") else set())
        )
        beside = {other for other in beside if not other.startswith("x-")}
        if beside:
            _fail(
                at, f"“{sorted(beside)[0]}” beside “{key}” is a rule that no reply can be held to"
            )
        found = schema[key]
        if key == "$ref":
            return self._ref(found, at, depth)
        if key == "const":
            return self._constants(schema, [found], at)
        if not isinstance(found, list) or not found:
            _fail(at, f"“{key}” wants a list with something in it")
        if key == "enum":
            return self._constants(schema, found, at)
        if key == "allOf" and len(found) > 1:
            _fail(at, "“allOf” of several is a rule that no reply can be held to")
        return self._one_of(
            self._value(option, f"{at}/{key}/{n}", depth + 1) for n, option in enumerate(found)
        )

    def _constants(self, schema: Mapping[str, Any], values: list[Any], at: str) -> str:
        types = _types(schema, at)
        fitting = [
            value for value in values if not types or any(_is_of(value, name) for name in types)
        ]
        if not fitting:
            _fail(at, "none of the values has the type")
        return self._rule(" | ".join(gbnf.literal(_dump(value)) for value in fitting))

    def _ref(self, ref: object, at: str, depth: int) -> str:
        if not isinstance(ref, str) or not (ref == "#" or ref.startswith("#/")):
            _fail(at, f"“{ref}” is not in this schema, and others are not fetched")
        if ref in self._pending:
            _fail(at, f"“{ref}” leads back to itself")
        if ref not in self._refs:
            name = self._refs[ref] = f"ref{len(self._refs)}"
            self._rules[name] = ""
            self._pending.add(ref)
            self._rules[name] = self._value(self._find(ref, at), ref, depth + 1)
            self._pending.discard(ref)
        return self._refs[ref]

    def _find(self, ref: str, at: str) -> object:
        """What a JSON pointer (RFC 6901) points at."""
        found: Any = self._schema
        for part in ref.split("/")[1:]:
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            try:
                found = found[int(key)] if isinstance(found, list) else found[key]
            except (LookupError, TypeError, ValueError):
                _fail(at, f"“{ref}” points at nothing")
        return found

    def _inner(self, schema: object, at: str, depth: int) -> str:
        """As `_value`, behind a character: from here on a ref may lead back."""
        pending, self._pending = self._pending, set()
        name = self._value(schema, at, depth + 1)
        self._pending = pending
        return name

    def _typed(self, schema: Mapping[str, Any], name: str, at: str, depth: int) -> str:
        self._check_format(schema, name, at)
        if not any(key in schema for key in (*_OF_TYPE[name], "format")):
            return name
        match name:
            case "object":
                return self._object(schema, at, depth)
            case "array":
                return self._array(schema, at, depth)
            case "string":
                return self._string(schema, at)
            case "number" | "integer":
                return self._number(schema, name, at)
            case _:
                return name

    def _check_format(self, schema: Mapping[str, Any], name: str, at: str) -> None:
        form = schema.get("format")
        if "format" in schema and not isinstance(form, str):
            _fail(at, "“format” is the name of one")
        if name in ("number", "integer") and form is not None:
            about_strings = form in _FORMATS or form in _OTHER_FORMATS
            if not about_strings and (
                form not in _NUMBER_FORMATS or (name == "number" and form != "double")
            ):
                _fail(at, f"the format “{form}” is a rule that no reply can be held to")

    def _object(self, schema: Mapping[str, Any], at: str, depth: int) -> str:
        properties, required = schema.get("properties", {}), schema.get("required", [])
        more = schema.get("additionalProperties")
        if more is None and "additionalProperties" in schema:
            _fail(f"{at}/additionalProperties", "a schema is an object")
        if not isinstance(properties, dict):
            _fail(at, "“properties” is an object of schemas")
        if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
            _fail(at, "“required” is a list of names")
        if missing := [name for name in required if name not in properties]:
            if more is False:
                _fail(at, f"“{missing[0]}” is required and not allowed")
            properties = properties | dict.fromkeys(missing, True if more is None else more)
        members = [
            (
                self._member(name, self._inner(inner, f"{at}/properties/{name}", depth)),
                name in required,
            )
            for name, inner in properties.items()
        ]
        # Only what the schema speaks of; where it speaks of nothing, anything.
        is_open = not properties if more is None else more is not False
        extra = (
            self._extra(properties, True if more is None else more, at, depth) if is_open else None
        )
        return self._rule(f'"{{" ws {self._members(members, extra)} ws "}}"')

    def _member(self, name: str, value: str) -> str:
        return self._rule(f'{gbnf.literal(_dump(name))} ":" " "? {value}')

    def _extra(self, properties: Mapping[str, Any], schema: object, at: str, depth: int) -> str:
        """Any property but those: one of their names again would count instead of the first."""
        value = self._inner(schema, f"{at}/additionalProperties", depth)
        if not properties:
            return self._rule(f'string ":" " "? {value}')
        key = self._new_name()
        writable = [
            name for name in properties if _dump(name) == f'"{name}"' and "\x7f" not in name
        ]
        self._rules |= gbnf.text_except(writable, _PLAIN, _NOT_PLAIN, key)
        return self._rule(f'"\\"" {key} "\\"" ":" " "? {value}')

    def _members(self, members: list[tuple[str, bool]], extra: str | None) -> str:
        """The properties in their order, built from the last: once with nothing before them, once behind another."""
        first = f'( {extra} ( "," ws {extra} )* )?' if extra else '""'
        later = f'( "," ws {extra} )*' if extra else '""'
        for member, is_required in reversed(members):
            first = f"{member} {later}" if is_required else f"{member} {later} | {first}"
            later = f'"," ws {member} {later}' if is_required else f'( "," ws {member} )? {later}'
            first, later = self._rule(first), self._rule(later)
        return first

    def _array(self, schema: Mapping[str, Any], at: str, depth: int) -> str:
        if schema.get("uniqueItems"):
            _fail(at, "“uniqueItems” is a rule that no reply can be held to")
        least, most = _bounds(schema, "minItems", "maxItems", at)
        items, leading = schema.get("items", True), schema.get("prefixItems", [])
        if isinstance(items, list):  # draft 7
            items, leading = False, items
        elif "prefixItems" in schema and "items" not in schema:
            items = False
        if not isinstance(leading, list):
            _fail(at, "“prefixItems” is a list of schemas")
        rules = [
            self._inner(inner, f"{at}/prefixItems/{n}", depth) for n, inner in enumerate(leading)
        ]
        least, most = max(least - len(rules), 0), None if most is None else most - len(rules)
        if (most is not None and most < 0) or (items is False and least):
            _fail(at, "“prefixItems” and the count of items do not fit together")
        inside = ' "," ws '.join(rules)
        if items is not False and most != 0:
            item = self._inner(items, f"{at}/items", depth)
            more = self._rule(f'"," ws {item}')
            if rules:
                inside += f" {gbnf.repeated(more, least, most)}"
            else:
                inside = f"{item} {gbnf.repeated(more, max(least - 1, 0), None if most is None else most - 1)}"
                inside = inside if least else f"( {inside} )?"
        return self._rule(gbnf.sequence('"[" ws', inside, 'ws "]"'))

    def _string(self, schema: Mapping[str, Any], at: str) -> str:
        least, most = _bounds(schema, "minLength", "maxLength", at)
        form = schema.get("format")
        if form is not None:
            if "minLength" in schema or "maxLength" in schema:
                _fail(
                    at,
                    f"a length beside the format “{form}” is a rule that no reply can be held to",
                )
            if form not in _FORMATS:
                known = ", ".join(sorted(_FORMATS))
                _fail(
                    at,
                    f"the format “{form}” is a rule that no reply can be held to; there are {known}",
                )
            return self._rule(f'"\\"" {form} "\\""')
        return self._rule(f'"\\"" {gbnf.repeated("char", least, most)} "\\""')

    def _number(self, schema: Mapping[str, Any], name: str, at: str) -> str:
        bounds = {key: schema[key] for key in _OF_TYPE["integer"] if key in schema}
        of_format = _NUMBER_FORMATS.get(schema.get("format", ""), {}) if name == "integer" else {}
        if not bounds and not of_format:
            return name
        if any(not _is_of(bound, "integer") or abs(bound) >= 10**15 for bound in bounds.values()):
            _fail(at, "no bound but a whole number can be kept")
        bounds = {key: int(bound) for key, bound in bounds.items()}
        least = _tightest(max, bounds.get("minimum"), bounds.get("exclusiveMinimum"), 1)
        most = _tightest(min, bounds.get("maximum"), bounds.get("exclusiveMaximum"), -1)
        least = _tightest(max, least, of_format.get("minimum"), 0)
        most = _tightest(min, most, of_format.get("maximum"), 0)
        if name == "number":
            if bounds == {"minimum": 0}:
                return self._rule(_BASE["number"].removeprefix('"-"? '))
            _fail(at, "a number with a fraction can have no bound but a minimum of 0")
        if least is not None and most is not None and least > most:
            _fail(at, "no number is within the bounds")
        return self._rule(gbnf.whole_number(least, most))


def _types(schema: Mapping[str, Any], at: str) -> list[str]:
    """The types that a value may have; where the schema does not say, those that its keywords are about."""
    found = schema.get("type")
    if found is None:
        return [name for name, keys in _OF_TYPE.items() if name != "integer" and keys & set(schema)]
    names = found if isinstance(found, list) else [found]
    if not names:
        _fail(at, "“type” names none")
    for name in names:
        if not isinstance(name, str) or name not in _OF_TYPE:
            _fail(at, f"there is no type “{name}”")
    return list(dict.fromkeys(names))


def _bounds(
    schema: Mapping[str, Any], least_key: str, most_key: str, at: str
) -> tuple[int, int | None]:
    least, most = schema.get(least_key, 0), schema.get(most_key)
    for key, bound in ((least_key, least), (most_key, most)):
        if bound is not None and (not _is_of(bound, "integer") or bound < 0):
            _fail(at, f"“{key}” is a whole number, 0 or more")
        if bound is not None and bound > gbnf.LONGEST_REPETITION:
            _fail(
                at,
                f"“{key}” above {gbnf.LONGEST_REPETITION} is a rule that no reply can be held to",
            )
    if most is not None and least > most:
        _fail(at, f"“{least_key}” is more than “{most_key}”")
    return int(least), None if most is None else int(most)


def _tightest(
    choose: Callable[..., int], bound: int | None, exclusive: int | None, step: int
) -> int | None:
    """Of a bound and an exclusive one, which a whole number keeps by `step`."""
    bounds = [
        value
        for value in (bound, None if exclusive is None else exclusive + step)
        if value is not None
    ]
    return choose(bounds) if bounds else None


def _is_of(value: object, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()  # 2.0 is one
    return isinstance(value, _TYPES[name])


def _dump(value: object) -> str:
    """As JSON, with characters as themselves but for halves of surrogate pairs, which UTF-8 has no bytes for."""
    return "".join(
        f"\\u{ord(c):04x}" if "\ud800" <= c <= "\udfff" else c
        for c in json.dumps(value, ensure_ascii=False)
    )


def _place(text: str, found: str) -> str:
    at = text.find(found)
    return f"line {text.count(chr(10), 0, at) + 1}, column {at - text.rfind(chr(10), 0, at)}"


def _refuse_constant(name: str) -> NoReturn:
    raise SchemaError(f"no JSON: {name}")


def _fail(at: str, reason: str) -> NoReturn:
    place = "in its outermost part" if at == "#" else f"in its part {at}"
    raise SchemaError(f"{reason} ({place})")

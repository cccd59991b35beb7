"""Turns JSON schemas into grammars: whatever a grammar allows fits its schema.

The subset of JSON Schema (draft 2020-12, and draft 7's forms of the same) is the one that a grammar
can keep. Everything beyond it is refused, never left out silently: `minimum` without its effect
would be worse than an error. Optional properties may be missing, and properties that no keyword
names are not written. `oneOf` is read as `anyOf`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

from modechat.prompting import gbnf
from modechat.prompting.json_grammar import NOT_PLAIN, PLAIN, RuleTable
from modechat.prompting.schema_keywords import (
    KEYWORDS_OF_TYPE,
    SchemaError,
    check_format,
    check_keywords,
    count_bounds,
    dump,
    fail,
    is_of,
    types_of,
    unsupported,
    whole_keyword,
)
from modechat.prompting.schema_values import (
    integer_expression,
    number_expression,
    string_expression,
)

_DEEPEST = 64


def grammar_of(schema: object) -> str:
    """Return the grammar in GBNF of the JSON that fits `schema`; its first rule is `root`.

    Raises SchemaError.
    """
    try:
        return _Converter(schema).convert()
    except RecursionError:
        raise SchemaError("it is nested too deeply") from None


class _Converter:
    """Makes the rules of one schema.

    Methods return the name of a rule; `at` is a JSON pointer to a part of the schema.
    """

    def __init__(self, schema: object) -> None:
        self._schema = schema
        self._rules = RuleTable()
        self._refs: dict[str, str] = {}
        """The names of the rules for refs, by ref."""
        self._pending: set[str] = set()
        """Refs that are being followed, with no character written since."""

    def convert(self) -> str:
        self._rules.set("root", self._value(self._schema, "#", 0))
        return self._rules.text()

    def _value(self, schema: object, at: str, depth: int) -> str:
        """Add the rule for values that fit `schema`."""
        if schema is True:
            return "value"
        if schema is False:
            fail(at, "nothing fits “false”")
        if not isinstance(schema, dict):
            fail(at, "a schema must be an object")
        if depth > _DEEPEST:
            fail(at, "it is nested too deeply")
        check_keywords(schema, at)
        whole = whole_keyword(schema, at)
        if whole is not None:
            return self._whole(schema, whole, at, depth)
        types = types_of(schema, at)
        if not types:
            return "value"
        return self._rules.add_options([self._typed(schema, name, at, depth) for name in types])

    def _behind_a_character(self, schema: object, at: str, depth: int) -> str:
        """Add the rule for a part that follows a character, so that a ref in it may lead back."""
        pending, self._pending = self._pending, set()
        name = self._value(schema, at, depth + 1)
        self._pending = pending
        return name

    # Keywords that say everything

    def _whole(self, schema: Mapping[str, Any], key: str, at: str, depth: int) -> str:
        found = schema[key]
        if key == "$ref":
            return self._ref(found, at, depth)
        if key == "const":
            return self._constants(schema, [found], at)
        if not isinstance(found, list) or not found:
            fail(at, f"“{key}” wants a list with something in it")
        if key == "enum":
            return self._constants(schema, found, at)
        if key == "allOf" and len(found) > 1:
            unsupported(at, "the keyword “allOf” with several schemas")
        options = []
        for n, option in enumerate(found):
            options.append(self._value(option, f"{at}/{key}/{n}", depth + 1))
        return self._rules.add_options(options)

    def _constants(self, schema: Mapping[str, Any], values: list[Any], at: str) -> str:
        types = types_of(schema, at)
        literals = []
        for value in values:
            if not types or any(is_of(value, name) for name in types):
                literals.append(gbnf.literal(dump(value)))
        if not literals:
            fail(at, "none of the values has the type")
        return self._rules.add(" | ".join(literals))

    def _ref(self, ref: object, at: str, depth: int) -> str:
        if not isinstance(ref, str) or not (ref == "#" or ref.startswith("#/")):
            fail(at, f"“{ref}” is not in this schema, and others are not fetched")
        if ref in self._pending:
            fail(at, f"“{ref}” leads back to itself")
        name = self._refs.get(ref)
        if name is None:
            name = self._refs[ref] = f"ref{len(self._refs)}"
            self._rules.set(name, "")  # reserves the name before its parts add rules
            with self._following(ref):
                self._rules.set(name, self._value(_find(self._schema, ref, at), ref, depth + 1))
        return name

    @contextmanager
    def _following(self, ref: str) -> Iterator[None]:
        self._pending.add(ref)
        yield
        self._pending.discard(ref)

    # Types

    def _typed(self, schema: Mapping[str, Any], name: str, at: str, depth: int) -> str:
        """Add the rule for the values of one type."""
        check_format(schema, name, at)
        if KEYWORDS_OF_TYPE[name].isdisjoint(schema) and "format" not in schema:
            return name
        match name:
            case "object":
                return self._object(schema, at, depth)
            case "array":
                return self._array(schema, at, depth)
            case "string":
                return self._rules.add(string_expression(schema, at))
            case "number":
                return self._rules.add(number_expression(schema, at))
            case "integer":
                return self._rules.add(integer_expression(schema, at))
            case _:
                return name

    def _array(self, schema: Mapping[str, Any], at: str, depth: int) -> str:
        if schema.get("uniqueItems"):
            unsupported(at, "the keyword “uniqueItems”")
        least, most = count_bounds(schema, "minItems", "maxItems", at)
        leading, items = _leading_and_other_items(schema, at)
        rules = []
        for n, inner in enumerate(leading):
            rules.append(self._behind_a_character(inner, f"{at}/prefixItems/{n}", depth))
        least = max(least - len(rules), 0)
        most = _reduced(most, len(rules))
        if (most is not None and most < 0) or (items is False and least):
            fail(at, "“prefixItems” and the count of items do not fit together")
        inside = ' "," ws '.join(rules)
        if items is not False and most != 0:
            item = self._behind_a_character(items, f"{at}/items", depth)
            more = self._rules.add(f'"," ws {item}')
            if rules:
                inside += f" {gbnf.repeated(more, least, most)}"
            else:
                inside = _items(item, more, least, most)
        return self._rules.add(gbnf.sequence('"[" ws', inside, 'ws "]"'))

    # Objects

    def _object(self, schema: Mapping[str, Any], at: str, depth: int) -> str:
        properties, required = _properties(schema, at)
        members = []
        for name, inner in properties.items():
            value = self._behind_a_character(inner, f"{at}/properties/{name}", depth)
            member = self._rules.add(f'{gbnf.literal(dump(name))} ":" " "? {value}')
            members.append((member, name in required))
        # Only the properties that the schema names; if it names none, any.
        others = schema.get("additionalProperties", not properties)
        extra = None
        if others is not False:
            extra = self._extra(properties, others, at, depth)
        return self._rules.add(f'"{{" ws {self._members(members, extra)} ws "}}"')

    def _extra(self, properties: Mapping[str, Any], schema: object, at: str, depth: int) -> str:
        """Add the rule for a property with a name that is not in `properties`.

        A second property of the same name would replace the first one.
        """
        value = self._behind_a_character(schema, f"{at}/additionalProperties", depth)
        if not properties:
            return self._rules.add(f'string ":" " "? {value}')
        key = self._rules.new_name()
        names = [name for name in properties if _is_plain(name)]
        self._rules.check_room(gbnf.n_beginnings(names))
        for name, body in gbnf.text_except(names, PLAIN, NOT_PLAIN, key).items():
            self._rules.set(name, body)
        return self._rules.add(f'"\\"" {key} "\\"" ":" " "? {value}')

    def _members(self, members: list[tuple[str, bool]], extra: str | None) -> str:
        """Add the rules for the properties in their order; return the rule that begins them.

        Each member comes with True if it is required. The rules are built from the last member on:
        one for it as the first property written, and one for it after another.
        """
        first = later = '""'
        if extra is not None:
            first = f'( {extra} ( "," ws {extra} )* )?'
            later = f'( "," ws {extra} )*'
        for member, is_required in reversed(members):
            if is_required:
                first = f"{member} {later}"
                later = f'"," ws {member} {later}'
            else:
                first = f"{member} {later} | {first}"
                later = f'( "," ws {member} )? {later}'
            first, later = self._rules.add(first), self._rules.add(later)
        return first


def _properties(schema: Mapping[str, Any], at: str) -> tuple[dict[str, Any], list[str]]:
    """Return the schemas of all properties by name, and the names that are required."""
    properties, required = schema.get("properties", {}), schema.get("required", [])
    others = schema.get("additionalProperties", True)
    if others is None:
        fail(f"{at}/additionalProperties", "a schema is an object")
    if not isinstance(properties, dict):
        fail(at, "“properties” is an object of schemas")
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        fail(at, "“required” is a list of names")
    missing = [name for name in required if name not in properties]
    if missing and others is False:
        fail(at, f"“{missing[0]}” is required and not allowed")
    return properties | dict.fromkeys(missing, others), required


def _leading_and_other_items(schema: Mapping[str, Any], at: str) -> tuple[list[Any], Any]:
    """Return the schemas of an array's first items, and of all other items; False: none are
    allowed.
    """
    items, leading = schema.get("items", True), schema.get("prefixItems", [])
    if isinstance(items, list):  # draft 7
        items, leading = False, items
    elif "prefixItems" in schema and "items" not in schema:
        items = False
    if not isinstance(leading, list):
        fail(at, "“prefixItems” is a list of schemas")
    return leading, items


def _items(item: str, more: str, least: int, most: int | None) -> str:
    """Return the expression for `least` to `most` items.

    `more` is the rule of a further item with its comma.
    """
    items = f"{item} {gbnf.repeated(more, max(least - 1, 0), _reduced(most, 1))}"
    return items if least else f"( {items} )?"


def _reduced(most: int | None, count: int) -> int | None:
    return None if most is None else most - count


def _find(schema: object, ref: str, at: str) -> object:
    """Return the part of `schema` that a JSON pointer (RFC 6901) points at."""
    found: Any = schema
    for part in ref.split("/")[1:]:
        key = unquote(part).replace("~1", "/").replace("~0", "~")
        try:
            found = found[int(key)] if isinstance(found, list) else found[key]
        except (LookupError, TypeError, ValueError):
            fail(at, f"“{ref}” points at nothing")
    return found


def _is_plain(name: str) -> bool:
    """Return True if a name is written without escapes."""
    return dump(name) == f'"{name}"' and "\x7f" not in name

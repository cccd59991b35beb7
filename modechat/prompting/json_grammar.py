"""Defines the grammar of JSON itself in GBNF, and the table of rules that a schema adds to it."""

from __future__ import annotations

from modechat.prompting import gbnf
from modechat.prompting.schema_keywords import SchemaError

_MOST_RULES = 10_000

# The class leaves out the characters that JSON wants escaped, and surrogates: a pair of them would
# count as one character.
PLAIN = r"[\x20-\x21\x23-\x5B\x5D-\x7E\u0080-\uD7FF\uE000-\U0010FFFF]"
"""A character that stands for itself in a string."""
NOT_PLAIN = r"\x22\x5C\x00-\x1F\x7F"
"""All other characters, as they stand between the brackets of a class."""

_HEX = "[0-9a-fA-F]"
_ESCAPED = rf'"\\" ( ["\\/bfnrt] | "u" ( [0-9a-cA-CefEF] {_HEX} | [dD] [0-7] ) {_HEX}{{2}} )'
_DAY_OF_ANY_MONTH = '( "0" [1-9] | "1" [0-9] | "2" [0-8] )'

# White space is nothing, one space, or a new line with its indentation. Without this limit a model
# could write it for ever.
_JSON = {
    "ws": '( " " | "\\n" [ ]{0,20} )?',
    "char": f"{PLAIN} | {_ESCAPED}",
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
    "date": (
        f'[0-9]{{4}} "-" ( ( "0" [1-9] | "1" [0-2] ) "-" {_DAY_OF_ANY_MONTH} '
        '| ( "0" [13-9] | "1" [0-2] ) "-" ( "29" | "30" ) '
        '| ( "0" [13578] | "1" [02] ) "-31" )'
    ),
    "time": (
        '( [01] [0-9] | "2" [0-3] ) ":" [0-5] [0-9] ":" [0-5] [0-9] ( "." [0-9]{1,6} )? '
        '( "Z" | [-+] ( [01] [0-9] | "2" [0-3] ) ":" [0-5] [0-9] )'
    ),
    "date-time": 'date "T" time',
    "uuid": ' "-" '.join(f"{_HEX}{{{n}}}" for n in (8, 4, 4, 4, 12)),
}

NOT_NEGATIVE = _JSON["number"].removeprefix('"-"? ')
"""The body of a rule for numbers from 0."""


class RuleTable:
    """The rules of a grammar, each under its name. A rule that is added twice stands there once."""

    def __init__(self) -> None:
        self._rules = dict(_JSON)
        self._names: dict[str, str] = {}
        """The names of the rules that were added, by their bodies."""

    def add(self, body: str) -> str:
        """Return the name of a rule with this body.

        Raises SchemaError if there are too many rules.
        """
        if body in self._rules:  # the name of another rule
            return body
        name = self._names.get(body)
        if name is None:
            name = self._names[body] = self.new_name()
            self._rules[name] = body
        return name

    def new_name(self) -> str:
        """Return a name that no rule has yet. Raises SchemaError if there are too many rules."""
        self.check_room(0)
        return f"r{len(self._rules)}"

    def check_room(self, count: int) -> None:
        """Raise SchemaError if there is no room for `count` more rules."""
        if len(self._rules) + count > _MOST_RULES:
            raise SchemaError("it is too large")

    def set(self, name: str, body: str) -> None:
        self._rules[name] = body

    def add_options(self, names: list[str]) -> str:
        """Return the name of a rule that allows any one of the named rules."""
        return self.add(" | ".join(dict.fromkeys(names)))

    def text(self) -> str:
        return "\n".join(f"{name} ::= {rule}" for name, rule in self._rules.items())

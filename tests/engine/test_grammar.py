"""Schemas and grammars in llama.cpp: exactly what fits is allowed, and nothing ends the process."""

from __future__ import annotations

import json
import random
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modechat.engine.protocol import Generate
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.tokens import Vocabulary
from modechat.engine.worker.writing.candidates import Candidates
from modechat.engine.worker.writing.constraint import grammar_for
from modechat.prompting.answer_grammar import REPLY_ROOT, reply_grammar
from modechat.prompting.json_schema import grammar_of
from modechat.prompting.reasoning import HARMONY, KNOWN_TAGS, ReasoningTags
from tests.engine.driver import chat
from tests.engine.grammars import grammar, random_reply, takes
from tests.engine.vocabularies import load_vocabulary
from tests.examples import examples
from tests.tiny_models import write_llama

THINK = KNOWN_TAGS[0]
MARCO = next(tags for tags in KNOWN_TAGS if tags.answer_open == "<Output>")


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    """Its tokens are the bytes, and control tokens."""
    return load_vocabulary(write_llama(tmp_path_factory.mktemp("models") / "bytes.gguf")).vocabulary


# What fits is allowed, and what does not fit is not


@pytest.mark.parametrize(
    ("schema", "fits", "fails"),
    [
        ({"type": "integer"}, ["0", "-7", "120"], ["01", "1.5", "-0", '"1"', " 1", ""]),
        ({"type": "number"}, ["0", "-7.25", "1e5", "1E-5", "12"], ["1.", ".5", "+1", "01", "1e"]),
        ({"type": "boolean"}, ["true", "false"], ["True", "null", "truex"]),
        ({"type": ["string", "null"]}, ['""', '"a"', "null"], ["1", '"']),
        (
            {"type": "string"},
            ['"Grüße 👋"', r'"\n\"\\"', r'"\u00e9"'],
            ['"a\nb"', r'"\x"', '"\t"', '"\x7f"', r'"\ud83d"'],
        ),
        (
            {"type": "string", "minLength": 2, "maxLength": 3},
            ['"ab"', '"👋👋👋"', r'"\n\n"'],
            ['"a"', '"abcd"'],
        ),
        (
            {"type": "string", "format": "date"},
            ['"2024-02-28"', '"2024-12-31"'],
            ['"2024-02-30"', '"2024-13-01"', '"2024-04-31"'],
        ),
        (
            {"type": "string", "format": "date-time"},
            ['"2024-02-28T10:00:00Z"', '"2024-02-28T23:59:59.5+02:00"'],
            ['"2024-02-28"'],
        ),
        (
            {"type": "string", "format": "uuid"},
            ['"123e4567-e89b-12d3-a456-426614174000"'],
            ['"123e4567"'],
        ),
        (
            {"type": "integer", "minimum": 7, "maximum": 123},
            ["7", "9", "10", "99", "100", "123"],
            ["6", "124", "07", "-8"],
        ),
        (
            {"type": "integer", "exclusiveMinimum": -12, "maximum": 3},
            ["-11", "-1", "0", "3"],
            ["-12", "4", "-99"],
        ),
        ({"type": "integer", "minimum": 95}, ["95", "99", "100", "4000"], ["94", "9", "-95"]),
        ({"type": "integer", "maximum": -5}, ["-5", "-50"], ["-4", "0", "5"]),
        ({"type": "number", "minimum": 0}, ["0", "1.5"], ["-1"]),
        (
            {"enum": ['a"b', "c\\d", "e\nf", "é", "👋", 1, None, {"k": [1]}]},
            [r'"a\"b"', r'"c\\d"', r'"e\nf"', '"é"', '"👋"', "1", "null", '{"k": [1]}'],
            ['"a"', "2"],
        ),
        ({"type": "string", "enum": ["a", 1]}, ['"a"'], ["1"]),
        ({"const": "\ud800"}, [r'"\ud800"'], ['"x"']),
        (
            {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 3},
            ["[1]", "[1, 2,3]", "[\n 1\n]"],
            ["[]", "[1,2,3,4]", "[1,]"],
        ),
        ({"type": "array", "maxItems": 0}, ["[]", "[ ]"], ["[1]"]),
        ({"type": "array"}, ["[]", '[1, "a", {}]'], ["{}"]),
        (
            {"prefixItems": [{"type": "integer"}, {"type": "string"}]},
            ['[1, "a"]'],
            ['["a", 1]', "[1]", '[1, "a", 2]'],
        ),
        (
            {"prefixItems": [{"type": "integer"}], "items": {"type": "null"}, "maxItems": 2},
            ["[1]", "[1, null]"],
            ["[]", "[1, null, null]"],
        ),
        (
            {"type": "object"},
            ["{}", '{"a": {"b": []}}', '{\n  "a": 1\n}'],
            ["[]", '{"a"}', "{1: 2}"],
        ),
        (
            {
                "type": "object",
                "properties": {"a": {"type": "integer"}, "b": {"type": "null"}},
                "required": ["b"],
            },
            ['{"b": null}', '{"a": 1, "b": null}'],
            ["{}", '{"a": 1}', '{"b": null, "a": 1}', '{"b": null, "c": 1}'],
        ),
        (
            {"properties": {"a": {"type": "integer"}, "b": {"type": "null"}}},
            ["{}", '{"a":1}', '{"b":null}', '{"a":1,"b":null}'],
            ['{"c":1}', "{,}"],
        ),
        (
            {"properties": {"ab": {"type": "integer"}}, "additionalProperties": {"type": "null"}},
            ["{}", '{"ab":1}', '{"ab":1,"a":null}', '{"abc":null,"":null}', '{"x":null}'],
            ['{"ab":null}', '{"x":1}', '{"ab":1,"ab":null}'],
        ),
        ({"type": "object", "required": ["x"]}, ['{"x": [1]}'], ["{}"]),
        (
            {"type": "object", "additionalProperties": {"type": "boolean"}},
            ["{}", '{"a": true}'],
            ['{"a": 1}'],
        ),
        ({"anyOf": [{"type": "integer"}, {"const": "none"}]}, ["4", '"none"'], ['"some"']),
        ({"$ref": "#/$defs/n", "$defs": {"n": {"type": "null"}}}, ["null"], ["1"]),
        (
            {"properties": {"next": {"$ref": "#"}}, "additionalProperties": False},
            ["{}", '{"next": {"next": {}}}'],
            ['{"next": 1}'],
        ),
        (
            {"items": {"$ref": "#/definitions/a~1b"}, "definitions": {"a/b": {"type": "null"}}},
            ["[null]"],
            ["[1]"],
        ),
        ({"properties": {'a"\\\n': True}}, [r'{"a\"\\\n": 1}'], ['{"a": 1}']),
        ({}, ["1", "{}", "[]", '"a"', "null", "true"], ["a"]),
        (True, ["1"], ["a"]),
    ],
)
def test_a_schema_allows_what_fits_it_and_nothing_else(
    schema: Any, fits: list[str], fails: list[str], vocabulary: Vocabulary
) -> None:
    text = grammar_of(schema)
    assert [reply for reply in fits if not takes(vocabulary, text, reply)] == []
    assert [reply for reply in fails if takes(vocabulary, text, reply)] == []
    for reply in fits:
        jsonschema.validate(json.loads(reply), schema)


_names = st.text(st.sampled_from('ab"\\é👋'), max_size=3)
_scalars = st.one_of(
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.just({"type": "number"}),
    st.just({"type": "object"}),
    st.builds(
        lambda bounds: {"type": "integer", "minimum": min(bounds), "maximum": max(bounds)},
        st.tuples(st.integers(-2000, 2000), st.integers(-2000, 2000)),
    ),
    st.builds(
        lambda bounds: {"type": "string", "minLength": min(bounds), "maxLength": max(bounds)},
        st.tuples(st.integers(0, 6), st.integers(0, 6)),
    ),
    st.builds(
        lambda values: {"enum": values},
        st.lists(st.one_of(_names, st.integers(), st.none()), min_size=1),
    ),
)


def _nested(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    objects = st.builds(
        lambda properties, required, more: {
            "type": "object",
            "properties": properties,
            "required": sorted(properties)[:required],
            "additionalProperties": more,
        },
        st.dictionaries(_names, inner, max_size=3),
        st.integers(0, 3),
        st.one_of(st.just(False), inner),
    )
    arrays = st.builds(
        lambda items, bounds: {
            "type": "array",
            "items": items,
            "minItems": min(bounds),
            "maxItems": max(bounds),
        },
        inner,
        st.tuples(st.integers(0, 3), st.integers(0, 3)),
    )
    unions = st.builds(lambda options: {"anyOf": options}, st.lists(inner, min_size=1, max_size=3))
    return st.one_of(objects, arrays, unions)


@settings(
    max_examples=examples(60),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(schema=st.recursive(_scalars, _nested, max_leaves=6), seed=st.integers(0, 1000))
def test_whatever_a_schema_allows_parses_and_fits_it(
    schema: dict[str, Any], seed: int, vocabulary: Vocabulary
) -> None:
    reply = random_reply(vocabulary, grammar_of(schema), random.Random(seed), longest=600)
    if reply is not None:
        jsonschema.validate(json.loads(reply), schema)


# Thinking


@pytest.mark.parametrize(
    ("tags", "prompt_end", "may_think", "fits", "fails"),
    [
        ((), "assistant\n", True, ["yes"], ["<think></think>yes", "maybe"]),
        (
            (THINK,),
            "assistant\n",
            True,
            ["yes", "<think>a < b </thin </think>\n\nyes", "<think></think>no"],
            ["<think>yes", "<think></think>maybe", "<think></think><think></think>yes"],
        ),
        (
            (THINK,),
            "assistant\n<think>\n",
            True,
            ["Well <</think>yes", "</think>\nno"],
            ["yes", "Well</think>"],
        ),
        ((THINK,), "assistant\n", False, ["yes"], ["<think></think>yes"]),
        (
            (MARCO,),
            "assistant\n",
            True,
            ["<Thought>Hm</Thought>\n<Output>yes", "<Thought></Thought>yes"],
            ["<Output>"],
        ),
        (
            (HARMONY,),
            "<|start|>assistant",
            True,
            [
                "<|channel|>final<|message|>yes",
                "<|channel|>analysis<|message|>H<|end|><|start|>assistant<|channel|>final<|constrain|>json<|message|>no",
            ],
            ["yes", "<|channel|>analysis<|message|>yes"],
        ),
        (
            (HARMONY,),
            "<|channel|>analysis<|message|>",
            True,
            ["Hm<|end|><|start|>assistant<|channel|>final<|message|>yes"],
            ["yes"],
        ),
        ((HARMONY,), "<|channel|>final<|message|>", True, ["yes"], ["Hm"]),
    ],
)
def test_thinking_is_free_and_the_answer_is_not(
    tags: tuple[ReasoningTags, ...],
    prompt_end: str,
    may_think: bool,
    fits: list[str],
    fails: list[str],
    vocabulary: Vocabulary,
) -> None:
    text = reply_grammar('root ::= "yes" | "no"', tags, prompt_end, may_think=may_think)
    assert [reply for reply in fits if not takes(vocabulary, text, reply, REPLY_ROOT)] == []
    assert [reply for reply in fails if takes(vocabulary, text, reply, REPLY_ROOT)] == []


# What cannot be used


def refused(
    vocabulary: Vocabulary, *, schema_text: str | None = None, grammar: str | None = None
) -> WorkerFailure:
    request = Generate(id=1, prompt=chat("Hi"), schema_text=schema_text, grammar=grammar)
    with pytest.raises(WorkerFailure) as caught:
        grammar_for(request, vocabulary, (), "")
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('start ::= "a"', "no rule “root”"),
        ("", "no rule “root”"),
        ("root ::= other", "Undefined rule identifier 'other'"),
        ('root ::= "a', "unexpected end of input"),
        ("root ::= [a", "unexpected end of input"),
        ('root ::= ("a"', "expecting ')'"),
        ('root ::= "a" )', "expecting newline or end"),
        (r'root ::= "\q"', "unknown escape"),
        (r'root ::= "\u12"', "expecting 4 hex"),
        ('root ::= "a"{5000}', "more than 2,000 times"),
        ('root ::= "a"{5,2}', "the bounds {5,2} are the wrong way round"),
        ('root ::= "a"{99999999999999999999}', "more than 2,000 times"),
        ("root ::= *", "llama.cpp says"),
        ("root ::= <|nonesuch|>", "invalid token"),
        ('root ::= root "a" | "b"', "begin with itself"),
        ('root ::= a\na ::= b?\nb ::= a "x"', "begin with itself"),
        ('root ::= "a"\n\0', "too large"),
        ("root ::= " + "(" * 5000 + '"a"' + ")" * 5000, "too deeply"),
        ("root ::= r0\n" + "".join(f"r{n} ::= r{n + 1}\n" for n in range(30_000)), "too large"),
        ('root ::= "\ud800"', "UTF-8"),
        ("root ::= " + "[" * 300_000, "unexpected end of input"),
    ],
)
def test_a_wrong_grammar_is_refused_with_the_reason(
    text: str, expected: str, vocabulary: Vocabulary
) -> None:
    failure = refused(vocabulary, grammar=text)
    assert expected in f"{failure.title} {failure.hint}"


def test_the_longest_chain_of_rules_that_is_let_through_does_not_overflow_the_stack(
    vocabulary: Vocabulary,
) -> None:
    rules = "".join(f"r{n} ::= r{n + 1}\n" for n in range(19_000))
    assert takes(vocabulary, f'root ::= r0\n{rules}r19000 ::= "a"', "a")


def test_the_deepest_nesting_that_is_let_through_works(vocabulary: Vocabulary) -> None:
    assert takes(vocabulary, "root ::= " + "(" * 200 + '"a"' + ")" * 200, "a")


def test_a_wrong_schema_is_refused_with_the_place(vocabulary: Vocabulary) -> None:
    failure = refused(vocabulary, schema_text='{"properties": {"a": {"pattern": "x"}}}')
    assert "#/properties/a" in failure.title


def test_a_schema_and_a_grammar_at_once_are_refused(vocabulary: Vocabulary) -> None:
    assert "at once" in refused(vocabulary, schema_text="{}", grammar='root ::= "a"').title


def test_control_tokens_cannot_stand_in_a_string(vocabulary: Vocabulary) -> None:
    control = [token.id for token in vocabulary.special_tokens]
    with grammar(vocabulary, grammar_of({"type": "string"})) as found:
        found.accept(ord('"'))
        assert [token for token in control if found.allows(token)] == []


@pytest.mark.parametrize(
    ("begun", "never", "allowed"),
    [(b"\xe0", 0x82, 0xA0), (b"\xed", 0xB9, 0x80), (b"\xf0", 0x82, 0x90), (b"\xf4", 0x90, 0x80)],
)
def test_bytes_that_are_no_character_in_utf8_are_not_allowed(
    begun: bytes, never: int, allowed: int, vocabulary: Vocabulary
) -> None:
    with grammar(vocabulary, "root ::= .*") as found:
        for byte in begun:
            assert found.allows(byte)
            found.accept(byte)
        assert not found.allows(never)
        assert found.allows(allowed)


@pytest.mark.parametrize(
    ("rules", "written", "expected"),
    [
        ('root ::= "ab"{9}', "aba", False),
        ('root ::= "ab"{2} "!"?', "abab", True),
        ('root ::= "ab"{2}', "abab", False),
        ('root ::= "ab"+', "ab", True),
        ('root ::= "a" [ \\n]* "b"', "a", False),
        ('root ::= "a" | "b"', "", True),
        ("root ::= [^a]*", "xyz", True),
    ],
)
def test_it_is_known_where_a_grammar_leaves_a_choice(
    rules: str, written: str, expected: bool, vocabulary: Vocabulary
) -> None:
    with grammar(vocabulary, rules) as made:
        for byte in written.encode():
            made.accept(byte)
        assert made.has_choice(Candidates(vocabulary.n_tokens)) is expected


def test_endless_white_space_is_a_choice_where_something_else_may_follow(
    vocabulary: Vocabulary,
) -> None:
    for rules, expected in (('root ::= "a" [ ]* "b"', True), ('root ::= "a" [ ]{90} "b"', False)):
        with grammar(vocabulary, rules) as made:
            made.accept(ord("a"))
            assert made.has_choice(Candidates(vocabulary.n_tokens), blank=True) is expected

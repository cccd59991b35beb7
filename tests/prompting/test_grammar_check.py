"""Grammars are refused that llama.cpp would not survive, or would read differently."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modechat.prompting.grammar_check import GrammarError, check_grammar
from modechat.prompting.json_schema import grammar_of


@pytest.mark.parametrize(
    ("grammar", "expected"),
    [
        ('root ::= "a"{5,2}', "Line 1: the bounds {5,2} are the wrong way round."),
        ('root ::= "b"\n\nx ::= [a-z]{ 9 , 3 }', "Line 3: the bounds { 9 , 3 } are"),
        ('root ::= ("a" | "b"){1,0}', "wrong way round"),
        ("root ::= x{3,1}", "wrong way round"),
        ("root ::= .{3,1}", "wrong way round"),
        ('root ::= "\\"{9,9}"{2,1}', "the bounds {2,1}"),
        ('root ::= "a"{1000000}', "more than 2,000 times"),
        ('root ::= "a"{3000,}', "more than 2,000 times"),
        ('root ::= "a"{1,18446744073709551615}', "more than 2,000 times"),
        (f'root ::= "a"{{{"9" * 10_000}}}', "more than 2,000 times"),
        ('root ::= ("a"?){900}', "repeated too often"),
        ('root ::= ((("a"*){20}){20}){20}', "repeated too often"),
        ('root ::= ("a"{0,3} | "b"){500}', "repeated too often"),
        ('root ::= ("b" | ){500}', "repeated too often"),
        ("root ::= " + " | ".join(['"a"'] * 6000), "alternatives"),
    ],
)
def test_it_says_what_is_wrong_and_where(grammar: str, expected: str) -> None:
    with pytest.raises(GrammarError) as caught:
        check_grammar(grammar)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    "grammar",
    [
        'root ::= "{5,2}" [{5,2}] # {5,2}\n',
        'root ::= "a"{2,5} "b"{0,7} [0-9]{4} ("x" "y"?){900}',
        'root ::= "a"{0} "b"{0,0} "c"{0002,0003}',
        'root ::= (("a"?){6}){6}',
        "root ::= {1,0",
        "no grammar at all ) ( ]",
    ],
)
def test_everything_else_is_left_to_llama_cpp(grammar: str) -> None:
    check_grammar(grammar)


@given(st.text('ab"[](){}|?*+#:=,0123456789 \n\\', max_size=60))
def test_no_text_is_too_strange(text: str) -> None:
    with contextlib.suppress(GrammarError):
        check_grammar(f"root ::= {text}")


@pytest.mark.parametrize(
    "text",
    ["[" * 300_000, "<" * 300_000, '"' + '\\"' * 150_000, "{" + "1" * 300_000, "()" * 150_000],
    ids=["brackets", "angles", "quotes", "digits", "parentheses"],
)
def test_a_long_text_takes_no_longer_than_it_must(text: str) -> None:
    started = time.process_time()
    with contextlib.suppress(GrammarError):
        check_grammar(f"root ::= {text}")
    assert time.process_time() - started < 20  # a step for each pair of characters takes hours


def test_what_schemas_become_is_fine() -> None:
    rows = {"type": "array", "items": {"type": "string", "maxLength": 2000}, "maxItems": 2000}
    check_grammar(grammar_of({"type": "array", "items": rows, "maxItems": 50}))


@pytest.mark.parametrize(
    ("grammar", "expected"),
    [
        ('root ::= e root "a" | "b"\ne ::= "z"?', "begin with itself"),
        ('root ::= ("z"?) root "a" | "b"', "begin with itself"),
        ('root ::= "z"{0,3} x "a" | "b"\nx ::= "" root', "begin with itself"),
        ('root ::= (("a"?){40})*', "may be empty stand behind each other"),
        ('root ::= (("a"?){40}){0,}', "may be empty stand behind each other"),
        ('root ::= (("a"?){40}){1,}', "may be empty stand behind each other"),
        ('root ::= e{2000} "x"\ne ::= "a"?', "may be empty stand behind each other"),
        ('root ::= (e{90} f)*\ne ::= "a"?\nf ::= e{90}', "may be empty stand behind each other"),
        (
            "root ::= r0\n"
            + "".join(f"r{n} ::= r{n + 1} r{n + 1} | r{n + 1}\n" for n in range(20))
            + 'r20 ::= "x"',
            "too many ways",
        ),
    ],
    ids=[
        "behind a rule",
        "behind a group",
        "through a rule",
        "twice",
        "without an upper bound",
        "without an upper bound, once at least",
        "many",
        "many in two rules",
        "doubled twenty times",
    ],
)
def test_what_llama_cpp_would_follow_for_ever_through_several_rules_is_refused(
    grammar: str, expected: str
) -> None:
    with pytest.raises(GrammarError) as caught:
        check_grammar(grammar)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    "grammar",
    [
        'root ::= "a" root | "b"',
        'root ::= ("a"*)*',
        'root ::= s\ns ::= a ("+" a)*\na ::= n | "(" s ")"\nn ::= "-"? [0-9]+ ("." [0-9]+)?',
        'root ::= ws value ws\nvalue ::= "[" ws (value ("," ws value)*)? "]" | "1"\nws ::= [ \\n]*',
        "root ::= r0\n" + "".join(f"r{n} ::= r{n + 1}\n" for n in range(5000)) + 'r5000 ::= "x"?',
        "root ::= " + " | ".join(f'"{n}"' for n in range(4000)),
        'root ::= missing "a"',
    ],
)
def test_honest_rules_of_several_rules_are_let_through(grammar: str) -> None:
    check_grammar(grammar)


@pytest.mark.parametrize("n_optional", [5, 50, 150, 400])
def test_schemas_with_many_optional_properties_are_fine(n_optional: int) -> None:
    properties = {f"p{number}": {"type": "integer"} for number in range(n_optional)}
    check_grammar(grammar_of({"type": "object", "properties": properties}))

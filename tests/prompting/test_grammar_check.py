"""Grammars that llama.cpp would compute with for ever, or read in another way than they are meant, are refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modechat.prompting.grammar_check import GrammarError, check_grammar
from modechat.prompting.json_schema import grammar_of


@pytest.mark.parametrize(
    ("grammar", "told"),
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
def test_it_says_what_is_wrong_and_where(grammar: str, told: str) -> None:
    with pytest.raises(GrammarError) as caught:
        check_grammar(grammar)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "grammar",
    [
        'root ::= "{5,2}" [{5,2}] # {5,2}\n',
        'root ::= "a"{2,5} "b"{0,7} [0-9]{4} ("x" "y"?){900}',
        'root ::= "a"{0} "b"{0,0} "c"{0002,0003}',
        'root ::= (("a"?){9}){9}',
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


def test_what_schemas_become_is_fine() -> None:
    rows = {"type": "array", "items": {"type": "string", "maxLength": 2000}, "maxItems": 2000}
    check_grammar(grammar_of({"type": "array", "items": rows, "maxItems": 50}))

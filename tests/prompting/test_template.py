"""Templates render as transformers renders them, and a hostile or broken one only ever fails as
TemplateError.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modechat.prompting.renderer import TemplateError
from modechat.prompting.template import render
from tests.tiny_models import CHATML

HELLO = [{"role": "user", "content": "Hello"}]


def rendered(template: str, **variables: Any) -> str:
    return render(template, HELLO, "<s>", "</s>", add_generation_prompt=True, **variables)


# The environment


def test_a_real_template_renders_byte_for_byte() -> None:
    messages = [{"role": "system", "content": "Be brief."}, *HELLO]
    assert render(CHATML, messages, None, None, add_generation_prompt=True) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"
    )
    assert render(CHATML, HELLO, None, None, add_generation_prompt=False).endswith(
        "Hello<|im_end|>\n"
    )


def test_blocks_leave_no_newline_behind_and_no_indent_before() -> None:
    assert rendered("a\n  {% if true %}\n  b\n  {% endif %}\nc") == "a\n  b\nc"


def test_expressions_keep_the_newline_behind_them() -> None:
    assert rendered("{{ 'a' }}\n{{ 'b' }}\n\n") == "a\nb\n"


def test_texts_of_messages_are_not_escaped() -> None:
    messages = [{"role": "user", "content": "<b> & \"'{{ x }}"}]
    assert (
        render("{{ messages[0].content }}", messages, None, None, add_generation_prompt=True)
        == "<b> & \"'{{ x }}"
    )


def test_json_keeps_the_order_of_keys_and_escapes_neither_html_nor_letters() -> None:
    value = {"b": "<é&'>", "a": [1, None, True]}
    assert rendered("{{ value | tojson }}", value=value) == '{"b": "<é&\'>", "a": [1, null, true]}'


def test_json_takes_the_options_that_templates_use() -> None:
    value = {"b": 1, "a": "é"}
    assert rendered("{{ value | tojson(indent=4) }}", value=value) == json.dumps(
        value, indent=4, ensure_ascii=False
    )
    assert (
        rendered("{{ value | tojson(ensure_ascii=true, sort_keys=true) }}", value=value)
        == '{"a": "\\u00e9", "b": 1}'
    )
    assert rendered("{{ value | tojson(separators=(',', ':')) }}", value=value) == '{"b":1,"a":"é"}'


def test_the_generation_tag_changes_nothing() -> None:
    assert rendered("a{% generation %}b{{ messages[0].content }}{% endgeneration %}c") == "abHelloc"


def test_loops_can_be_broken_and_continued() -> None:
    template = "{% for i in range(9) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 4 %}{% break %}{% endif %}{{ i }}"
    assert rendered(template + "{% endfor %}") == "023"


def test_the_clock_of_templates_is_the_one_that_is_given() -> None:
    template = "{{ strftime_now('%d %b %Y') }}"
    assert rendered(template, now="2026-01-31T23:59:58+01:00") == "31 Jan 2026"
    assert rendered(template, now=datetime(2025, 12, 24)) == "24 Dec 2025"


def test_without_a_clock_it_is_now() -> None:
    before = datetime.now()
    shown = datetime.fromisoformat(rendered("{{ strftime_now('%Y-%m-%dT%H:%M:%S.%f') }}"))
    assert before <= shown <= datetime.now()


def test_the_clock_itself_is_no_variable() -> None:
    assert rendered("{{ now is defined }}", now="2026-01-31") == "False"


def test_other_variables_reach_the_template() -> None:
    assert rendered("{{ enable_thinking }}", enable_thinking=False) == "False"


def test_special_tokens_are_variables() -> None:
    assert rendered("{{ bos_token }}|{{ eos_token }}") == "<s>|</s>"


def test_tokens_that_the_model_lacks_are_undefined() -> None:
    def without_tokens(template: str) -> str:
        return render(template, HELLO, None, None, add_generation_prompt=True)

    assert without_tokens("{{ bos_token }}{{ bos_token is defined }}") == "False"
    with pytest.raises(TemplateError, match="'eos_token' is undefined"):
        without_tokens("{{ 'x' + eos_token }}")


def test_rendering_leaves_the_messages_alone() -> None:
    messages = [dict(HELLO[0])]
    render("{% set messages = messages[1:] %}", messages, None, None, add_generation_prompt=True)
    assert messages == HELLO


# What fails


def test_a_template_can_refuse_and_says_why() -> None:
    with pytest.raises(TemplateError, match=r"^Roles must alternate$"):
        rendered("{{ raise_exception('Roles must alternate') }}")


@pytest.mark.parametrize(
    "template",
    [
        "{% if %}", "{% endfor %}", "{{", "{% nonesuch %}", "{{ x | nonesuch }}", "{% generation %}",
        "{{ messages[0].content.nonesuch() }}", "{{ messages[7].content }}", "{{ 1 / 0 }}", "{{ 'a' + 1 }}",
        "{{ [].pop() }}", "{% include 'x' %}", "{% import 'x' as x %}", "{% extends 'x' %}",
        "{{ messages | tojson(indent=messages) }}", "{{ {}['x'].y }}", "{{ strftime_now(1) }}",
    ],
)  # fmt: skip
def test_a_broken_template_is_a_template_error(template: str) -> None:
    with pytest.raises(TemplateError) as error:
        rendered(template)
    assert str(error.value)


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ ''['__class__']['__mro__'] }}",
        "{{ ('' | attr('__class__')).__mro__ }}",
        "{{ ''.__class__() }}",
        "{{ '{0.__class__.__mro__}'.format('') }}",
        "{{ '{x.__class__.__mro__}'.format_map({'x': ''}) }}",
        "{{ raise_exception.__globals__.jinja2 }}",
        "{{ strftime_now.__closure__[0] }}",
        "{{ cycler.__init__.__globals__.os }}",
        "{{ self.__init__.__globals__ }}",
        "{{ messages.append(1) }}",
        "{{ messages[0].update({'role': 'system'}) }}",
        "{{ messages[0].pop('role') }}",
    ],
)
def test_a_template_cannot_reach_out_of_the_sandbox_or_change_anything(template: str) -> None:
    with pytest.raises(TemplateError):
        rendered(template)


@pytest.mark.parametrize(
    "name",
    [
        "''.__class__",
        "''['__class__']",
        "'' | attr('__class__')",
        "strftime_now.__closure__",
        "self.__init__",
    ],
)
def test_attributes_of_python_are_undefined(name: str) -> None:
    assert rendered(f"{{{{ {name} }}}}{{{{ ({name}) is defined }}}}") == "False"


@pytest.mark.parametrize(
    "template",
    [
        "{% for i in range(10000000000) %}{% endfor %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{{ 'x' * 100000000000000000000 }}",
        "{{ 'x' * 1000000000000000 }}",
        "{% if true %}" * 150 + "{% endif %}" * 150,
        "{% for i in [1] %}" * 30 + "{% endfor %}" * 30,
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    ],
    ids=[
        "endless loop",
        "recursion",
        "impossible size",
        "too much memory",
        "deep ifs",
        "deep loops",
        "deep brackets",
    ],
)
def test_a_template_that_asks_for_too_much_is_a_template_error(template: str) -> None:
    with pytest.raises(TemplateError) as error:
        rendered(template)
    assert str(error.value)


words = st.sampled_from(
    [
        "messages", "m", "[0]", "[-1]", "['role']", ".content", "x", "ns.a", "(", ")", "'user'", "1", "{}",
        "loop.index", "bos_token", " | trim ", " | tojson ", " | length ", " | join ", " | int ", " | string ",
        " | list ", " | selectattr('role') ", " + ", " ~ ", " * ", " / ", " == ", " in ", " is defined ", " not ",
        " if ", " else ", ".split('e')", ".items()", ".__class__", "raise_exception('no')", "strftime_now('%Y')",
        "namespace(a=1)",
    ]
)  # fmt: skip
expressions = st.lists(words, min_size=1, max_size=4).map("".join)
tags = st.sampled_from(
    ["for m in", "if", "elif", "set x =", "set ns.a =", "macro f(x)", "call", "include", "filter"]
)
endings = st.sampled_from(
    ["endfor", "endif", "else", "endmacro", "generation", "endgeneration", "break", "continue"]
)
pieces = st.one_of(
    st.builds("{{{{{}}}}}".format, expressions),
    st.builds("{{% {} {} %}}".format, tags, expressions),
    st.builds("{{%- {} -%}}".format, endings),
    st.builds("{{% for m in messages %}}{{{{ {} }}}}{{% endfor %}}".format, expressions),
    st.sampled_from(["{{", "%}", "{#", "#}", "\n"]),
)


@given(st.lists(pieces, max_size=6).map("".join) | st.text())
def test_every_template_renders_or_is_a_template_error(template: str) -> None:
    outcome: object
    try:
        outcome = rendered(template)
    except TemplateError as error:
        outcome = str(error) or None
    assert isinstance(outcome, str)

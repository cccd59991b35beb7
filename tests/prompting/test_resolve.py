"""Which format a model gets, and what the user is told about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import pytest

from modechat.domain.conversation import Message, Role
from modechat.domain.modes import Task
from modechat.prompting.formats import BASE, ENCODER, LAST_RESORT, FormatSource, NamedFormat
from modechat.prompting.prompt_format import AS_IS, CHAT_TEMPLATE, PromptFormat, SpecialTokens
from modechat.prompting.renderer import TemplateError
from modechat.prompting.resolve import ModelFacts, Resolved, resolve
from modechat.prompting.single_shot import SingleShot
from modechat.prompting.template import render
from tests.prompting.conftest import BY_NAME, SHIPPED, builder
from tests.tiny_models import CHATML

Messages: TypeAlias = Sequence[Mapping[str, Any]]

TOKENS = SpecialTokens(bos="<s>", eos="</s>")
UNKNOWN = ModelFacts(names=("model-q4_0",), tokens=TOKENS)
ALPACA = replace(UNKNOWN, names=("alpaca-7b",))
REFUSES_SYSTEM = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    "{{ '[' + m.content + ']' }}{% endfor %}"
)
DROPS_SYSTEM = (
    "{% for m in messages if m.role != 'system' %}{{ '[' + m.content + ']' }}{% endfor %}"
)


def resolved(
    facts: ModelFacts, chosen: str | None = None, formats: tuple[NamedFormat, ...] = SHIPPED
) -> Resolved:
    return resolve(facts, formats, render, chosen)


def named(format: PromptFormat) -> tuple[str, FormatSource]:
    return format.name, format.source


def test_the_models_own_template_wins_over_its_name() -> None:
    found = resolved(replace(ALPACA, chat_template=CHATML))
    assert named(found.format) == (CHAT_TEMPLATE, FormatSource.GGUF)
    assert found.format.chat_template == CHATML
    assert found.format.stop == ()
    assert found.notes == ()
    assert found.system_fallback == AS_IS


def test_a_task_is_one_user_turn_of_the_models_own_template() -> None:
    own = builder(resolved(replace(UNKNOWN, chat_template=CHATML)).format)
    task = own.task(SingleShot(Task("Count", "to ten"), "Be brief."))
    assert (
        task.text
        == own.chat((Message(Role.SYSTEM, "Be brief."), Message(Role.USER, "Count\n\nto ten"))).text
    )


def test_what_the_name_says_takes_the_place_of_a_template_that_refuses() -> None:
    assert named(resolved(replace(ALPACA, chat_template=CHATML)).fallback_format) == (
        "alpaca",
        FormatSource.BUILT_IN,
    )
    assert named(resolved(replace(UNKNOWN, chat_template=CHATML)).fallback_format) == (
        LAST_RESORT,
        FormatSource.BUILT_IN,
    )


@pytest.mark.parametrize("template", [None, "", "alpaka"])
def test_a_model_without_a_template_gets_the_format_of_its_name_and_a_note(
    template: str | None,
) -> None:
    found = resolved(replace(ALPACA, chat_template=template))
    assert found.format == PromptFormat.of_name(BY_NAME["alpaca"])
    (note,) = found.notes
    assert "no chat template" in note
    assert "“alpaca”" in note


def test_a_name_needs_the_tokens_of_its_format() -> None:
    facts = replace(UNKNOWN, names=("gemma-2b-it",))
    assert resolved(facts).format.name == BASE
    whole = replace(facts, special_texts=frozenset({"<start_of_turn>", "<end_of_turn>"}))
    assert resolved(whole).format.name == "gemma"


def test_llama_cpps_name_of_a_format_is_no_template() -> None:
    found = resolved(replace(UNKNOWN, chat_template="mistral-v7-tekken"))
    assert named(found.format) == ("mistral-v7-tekken", FormatSource.BUILT_IN)


def test_a_model_of_which_nothing_is_known_is_a_base_model_and_the_user_is_told() -> None:
    found = resolved(UNKNOWN)
    assert named(found.format) == (BASE, FormatSource.BUILT_IN)
    (note,) = found.notes
    assert "base model" in note
    assert "/format" in note


def test_an_encoder_decoder_gets_its_own_format_whatever_its_name_and_template() -> None:
    found = resolved(replace(ALPACA, chat_template=CHATML, is_encoder_decoder=True))
    assert found.format.name == ENCODER
    assert not found.format.sees_history
    assert "last message only" in found.notes[-1]


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{% if %}", "Expected an expression"),
        ("{{ raise_exception('No users here') }}", "No users here"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ pad_token + 'x' }}", "pad_token"),
        ("{{ cycler().next() }}", "at least one item"),
        ("{{ [] | random }}", "leaves out “Hello”"),
        ("{{ '<|im_start|>assistant' }}", "leaves out “Hello”"),
    ],
)
@pytest.mark.parametrize(
    ("facts", "name"), [(ALPACA, "alpaca"), (UNKNOWN, LAST_RESORT)], ids=["known", "unknown"]
)
def test_a_template_that_fails_falls_back_with_its_reason(
    facts: ModelFacts, name: str, template: str, reason: str
) -> None:
    found = resolved(replace(facts, chat_template=template))
    assert named(found.format) == (name, FormatSource.BUILT_IN)
    (note,) = found.notes
    assert reason in note
    assert f"“{name}”" in note


def test_a_template_that_needs_a_token_which_the_model_lacks_falls_back() -> None:
    facts = replace(UNKNOWN, chat_template="{{ bos_token + messages[0].content }}")
    assert resolved(facts).format.source is FormatSource.GGUF
    assert resolved(replace(facts, tokens=SpecialTokens())).format.source is FormatSource.BUILT_IN


# The user's choice


def test_the_users_choice_wins_over_everything() -> None:
    facts = replace(ALPACA, chat_template=CHATML)
    for facts_too in (facts, replace(facts, is_encoder_decoder=True)):
        found = resolved(facts_too, "vicuna")
        assert found.format.name == "vicuna"
        assert found.notes == ()


def test_the_user_can_choose_the_models_own_template() -> None:
    assert (
        resolved(replace(ALPACA, chat_template=CHATML), CHAT_TEMPLATE).format.name == CHAT_TEMPLATE
    )
    found = resolved(ALPACA, CHAT_TEMPLATE)
    assert found.format.name == "alpaca"
    assert "no chat template" in found.notes[0]


def test_a_choice_that_does_not_exist_is_told_and_changes_nothing() -> None:
    facts = replace(UNKNOWN, chat_template=CHATML)
    found = resolved(facts, "vikuna")
    assert found.format == resolved(facts).format
    assert found.notes == ("There is no format “vikuna”.",)


def test_a_format_of_the_user_that_fails_is_told_and_not_used() -> None:
    broken = NamedFormat(
        name="mine", source="me", chat_template="{% if %}", origin=FormatSource.USER
    )
    found = resolved(replace(UNKNOWN, chat_template=CHATML), "mine", (*SHIPPED, broken))
    assert found.format.name == CHAT_TEMPLATE
    assert "“mine”" in found.notes[0]
    assert "Expected an expression" in found.notes[0]


def test_the_users_own_file_takes_part_in_recognition() -> None:
    mine = NamedFormat(
        name="mine", source="me", names=("model-q4",), chat_template="{{ messages[0].content }}",
        origin=FormatSource.USER,
    )  # fmt: skip
    assert named(resolved(UNKNOWN, None, (*SHIPPED, mine)).format) == ("mine", FormatSource.USER)


# What a system text needs


@pytest.mark.parametrize(
    ("template", "fallback"),
    [
        (CHATML, AS_IS),
        (REFUSES_SYSTEM, "system text joined to a user's message"),
        (DROPS_SYSTEM, "system text joined to a user's message"),
        ("{{ messages[0].content }}{% if messages | length > 1 %}{{ raise_exception('one only') }}{% endif %}",
         "system text joined to a user's message"),
        ("{{ messages[0].content[0].text }}", "system text joined to a user's message, typed contents"),
    ],
)  # fmt: skip
def test_the_fallback_that_a_system_text_needs_is_known_at_load(
    template: str, fallback: str
) -> None:
    assert resolved(replace(UNKNOWN, chat_template=template)).system_fallback == fallback


def test_a_template_that_takes_no_system_text_in_any_way_says_so() -> None:
    picky = (
        "{% if messages[0].content != 'Hello' %}{{ raise_exception('only Hello') }}{% endif %}Hello"
    )
    assert resolved(replace(UNKNOWN, chat_template=picky)).system_fallback == "no system text"


def test_every_shipped_format_takes_a_system_text_as_it_is() -> None:
    assert {resolved(UNKNOWN, name).system_fallback for name in BY_NAME} == {AS_IS}


def test_templates_get_the_models_tokens_and_ask_for_a_reply() -> None:
    calls: list[tuple[str | None, str | None, bool]] = []

    def spy(
        template: str,
        messages: Messages,
        bos_token: str | None,
        eos_token: str | None,
        add_generation_prompt: bool,
        **variables: Any,
    ) -> str:
        calls.append((bos_token, eos_token, add_generation_prompt))
        if "raise" in template:
            raise TemplateError("no")
        return render(template, messages, bos_token, eos_token, add_generation_prompt, **variables)

    for template in (CHATML, None, "{{ raise }}"):
        resolve(replace(UNKNOWN, chat_template=template), SHIPPED, spy)
    assert set(calls) == {("<s>", "</s>", True)}

"""Which format a model gets, and what the user is told about it."""

from __future__ import annotations

import pytest

from modechat.domain.conversation import Message, Role
from modechat.domain.modes import Task
from modechat.prompting.formats import FormatSource, NamedFormat
from modechat.prompting.prompt_format import SpecialTokens
from modechat.prompting.resolve import CHAT_TEMPLATE, resolve
from tests.tiny_models import CHATML

TOKENS = SpecialTokens(bos="<s>", eos="</s>")


def test_the_models_own_template_wins(alpaca: NamedFormat) -> None:
    chosen, note = resolve(CHATML, TOKENS, alpaca)
    assert (chosen.name, chosen.source, note) == (CHAT_TEMPLATE, FormatSource.GGUF, "")
    assert chosen.chat_template == CHATML
    assert chosen.stop == ()
    assert chosen.render_task(Task("Hi")) == chosen.render_chat((Message(Role.USER, "Hi"),))


def test_a_model_without_a_template_gets_the_named_format_and_a_note(alpaca: NamedFormat) -> None:
    chosen, note = resolve(None, TOKENS, alpaca)
    assert (chosen.name, chosen.source) == ("alpaca", FormatSource.BUILT_IN)
    assert (chosen.chat_template, chosen.instruct_template) == (alpaca.chat_template, alpaca.instruct_template)
    assert chosen.stop == alpaca.stop
    assert "no chat template" in note
    assert "“alpaca”" in note


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{% if %}", "Expected an expression"),
        ("{{ raise_exception('No users here') }}", "No users here"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ pad_token + 'x' }}", "pad_token"),
        ("{{ cycler().next() }}", "at least one item"),
        ("{{ [] | random }}", "leaves out the message"),
        ("<|im_start|>assistant", "leaves out the message"),
    ],
)
def test_a_template_that_fails_falls_back_with_its_reason(alpaca: NamedFormat, template: str, reason: str) -> None:
    chosen, note = resolve(template, TOKENS, alpaca)
    assert (chosen.name, chosen.source) == ("alpaca", FormatSource.BUILT_IN)
    assert reason in note
    assert "“alpaca”" in note


@pytest.mark.parametrize("template", [CHATML, None, "{% if %}"])
def test_templates_get_the_models_tokens_whatever_the_format(alpaca: NamedFormat, template: str | None) -> None:
    chosen, _ = resolve(template, TOKENS, alpaca)
    assert chosen.tokens == TOKENS


def test_a_template_that_needs_a_token_which_the_model_lacks_falls_back(alpaca: NamedFormat) -> None:
    template = "{{ bos_token + messages[0].content }}"
    assert resolve(template, TOKENS, alpaca)[0].source is FormatSource.GGUF
    assert resolve(template, SpecialTokens(), alpaca)[0].source is FormatSource.BUILT_IN

"""modechat's prompt formatter under the names of the conformance corpus' checker.

python check.py --render tests.conformance.adapters:render --chat tests.conformance.adapters:chat …
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from modechat.domain.modes import Task
from modechat.prompt_files import load_prompt_files
from modechat.prompting.fallbacks import render_with_fallbacks
from modechat.prompting.formats import LAST_RESORT, NamedFormat
from modechat.prompting.guard import Guard, is_control_text, pieces
from modechat.prompting.prompt import PromptBuilder
from modechat.prompting.prompt_format import PromptFormat, SpecialTokens
from modechat.prompting.renderer import TemplateError
from modechat.prompting.single_shot import SingleShot
from modechat.prompting.template import render
from tests.engine.vocabularies import load_vocabulary

Messages = list[dict[str, Any]]

__all__ = ["chat", "encode", "family", "instruct", "render", "segments"]


def chat(
    template: str,
    messages: Messages,
    bos_token: str | None,
    eos_token: str | None,
    add_generation_prompt: bool,
    **extra: Any,
) -> str:
    """The prompt of any conversation: with fallbacks, the last of which is the named format."""

    def rendered(used: str) -> str:
        return render_with_fallbacks(
            lambda adapted: render(
                used, adapted, bos_token, eos_token, add_generation_prompt, **extra
            ),
            messages,
        ).text

    try:
        return rendered(template)
    except TemplateError:
        return rendered(named_formats()[LAST_RESORT].chat_template)


def segments(
    template: str,
    messages: Messages,
    bos_token: str | None,
    eos_token: str | None,
    add_generation_prompt: bool,
    *,
    control_strings: Sequence[str],
    **extra: Any,
) -> list[tuple[str, bool]]:
    """The pieces that are tokenised one by one."""
    guard = Guard(control_strings)
    neutralised = [guard.neutralise_message(message) for message in messages]
    rendered = render(template, neutralised, bos_token, eos_token, add_generation_prompt, **extra)
    return [(piece, True) for piece in pieces(rendered)]


def encode(
    vocab_path: str,
    template: str,
    messages: Messages,
    bos_token: str | None,
    eos_token: str | None,
    add_generation_prompt: bool,
    **extra: Any,
) -> list[int]:
    """The tokens of a conversation."""
    vocabulary = load_vocabulary(Path(vocab_path)).vocabulary
    control = {
        token.text
        for token in vocabulary.special_tokens
        if is_control_text(token.text, user_defined=token.user_defined, template=template)
    }
    parts = segments(
        template,
        messages,
        bos_token,
        eos_token,
        add_generation_prompt,
        control_strings=tuple(control),
        **extra,
    )
    return vocabulary.tokenize_prompt([text for text, _ in parts])


FAMILIES = {
    "alpaca": "alpaca",
    "chatml": "chatml",
    "claude": "human-assistant",
    "falcon": "falcon-instruct",
    "falcon-chat": "falcon-chat",
    "falcon-instruct": "falcon-instruct",
    "gemma": "gemma",
    "gemma-instruct": "gemma",
    "llama-2": "llama-2",
    "llama2-chat": "llama-2",
    "llama-3": "llama-3",
    "llama3-instruct": "llama-3",
    "mistral": "mistral",
    "mistral-instruct": "mistral",
    "mpt-30b-instruct": "mpt-instruct",
    "mpt-7b-chat": "mpt-chat",
    "orca-2": "chatml",
    "phi-3": "phi-3",
    "vicuna": "vicuna",
    "vicuna_v1.1": "vicuna",
    "wizardlm-13b-v1.x": "vicuna",
    "wizardlm-7b-v1.0": "wizardlm-7b",
    "zephyr": "zephyr",
}
"""The named format for a family of the corpus; references write some families in two ways."""

_TOKENS = {"gemma": SpecialTokens("<bos>"), "llama-3": SpecialTokens("<|begin_of_text|>")}
"""FastChat writes BOS into the text of these; elsewhere the corpus leaves it to the tokeniser."""


def family(name: str, messages: Messages, add_generation_prompt: bool) -> str:
    """The chat prompt of a named format."""
    used = _format(name)
    if used.system and messages[0]["role"] != "system":
        messages = [{"role": "system", "content": used.system}, *messages]
    tokens = _special_tokens(name)
    return render(used.chat_template, messages, tokens.bos, tokens.eos, add_generation_prompt)


def instruct(name: str, instruction: str, input: str) -> str:
    """The prompt of a single-shot task in a named format."""
    used = PromptFormat.of_name(_format(name))
    builder = PromptBuilder(used, used, render, Guard(()), _special_tokens(name))
    return builder.task(SingleShot(Task(instruction, input))).text


def _special_tokens(name: str) -> SpecialTokens:
    return _TOKENS.get(name, SpecialTokens("<s>" if FAMILIES[name] == "llama-2" else "", "</s>"))


def _format(name: str) -> NamedFormat:
    if name not in FAMILIES:
        raise LookupError(f"unknown family: {name}")
    return named_formats()[FAMILIES[name]]


@lru_cache(maxsize=1)
def named_formats() -> Mapping[str, NamedFormat]:
    return {used.name: used for used in load_prompt_files(own=Path("/nonexistent")).formats}

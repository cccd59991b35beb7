"""Named formats: Alpaca as Stanford published it, and files that are no formats."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from modechat.domain.conversation import Message, Role
from modechat.domain.modes import Task
from modechat.paths import prompts_folder
from modechat.prompting.formats import FormatSource, NamedFormat, parse_format
from modechat.prompting.prompt_format import PromptFormat, SpecialTokens

# tatsu-lab/stanford_alpaca, train.py, PROMPT_DICT.
PROMPT_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:"
)
PROMPT_NO_INPUT = (
    "Below is an instruction that describes a task. "
    "Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Response:"
)


def format_of(named: NamedFormat) -> PromptFormat:
    return PromptFormat(
        named.name,
        FormatSource.BUILT_IN,
        named.chat_template,
        named.instruct_template,
        named.stop,
        SpecialTokens("<s>"),
    )


@pytest.fixture(scope="session")
def alpaca_format(alpaca: NamedFormat) -> PromptFormat:
    return format_of(alpaca)


@given(instruction=st.text(), task_input=st.text(min_size=1))
def test_alpaca_tasks_are_byte_for_byte_as_stanford_published_them(
    alpaca_format: PromptFormat, instruction: str, task_input: str
) -> None:
    with_input = PROMPT_INPUT.format_map({"instruction": instruction, "input": task_input})
    assert alpaca_format.render_task(Task(instruction, task_input)) == with_input
    assert alpaca_format.render_task(Task(instruction)) == PROMPT_NO_INPUT.format_map({"instruction": instruction})


def test_an_alpaca_task_spelled_out(alpaca_format: PromptFormat) -> None:
    assert alpaca_format.render_task(Task("Translate into Spanish", "I love you")) == (
        "Below is an instruction that describes a task, paired with an input that provides further context. Write a "
        "response that appropriately completes the request.\n\n### Instruction:\nTranslate into Spanish\n\n### Input:\n"
        "I love you\n\n### Response:"
    )


def test_system_text_takes_the_place_of_alpacas_preamble(alpaca_format: PromptFormat) -> None:
    assert alpaca_format.render_task(Task("Count", "to ten"), system="Be brief.") == (
        "Be brief.\n\n### Instruction:\nCount\n\n### Input:\nto ten\n\n### Response:"
    )
    messages = (Message(Role.SYSTEM, "Be brief."), Message(Role.USER, "Hi"))
    assert alpaca_format.render_chat(messages) == "Be brief.\n\n### Instruction:\nHi\n\n### Response:\n"


def test_an_alpaca_chat_repeats_instruction_and_response(alpaca_format: PromptFormat) -> None:
    messages = (Message(Role.USER, "Hi"), Message(Role.ASSISTANT, "Hello"), Message(Role.USER, "Bye"))
    assert alpaca_format.render_chat(messages) == (
        "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
        "### Instruction:\nHi\n\n### Response:\nHello\n\n### Instruction:\nBye\n\n### Response:\n"
    )


def test_the_prompt_of_a_chat_begins_with_the_prompt_before_it(alpaca_format: PromptFormat) -> None:
    """So that the cache holds it."""
    first = (Message(Role.USER, "Hi"),)
    longer = (*first, Message(Role.ASSISTANT, "Hello"), Message(Role.USER, "Bye"))
    assert alpaca_format.render_chat(longer).startswith(alpaca_format.render_chat(first) + "Hello")


def test_alpaca_stops_where_the_model_would_begin_another_section(alpaca: NamedFormat) -> None:
    assert set(alpaca.stop) == {"### Instruction", "### Input", "### Response"}


def test_the_prefill_is_no_part_of_the_rendered_task(alpaca_format: PromptFormat) -> None:
    assert alpaca_format.render_task(Task("Count", prefill="One,")) == alpaca_format.render_task(Task("Count"))


def test_a_task_without_a_template_of_its_own_is_one_user_turn(alpaca: NamedFormat) -> None:
    chat_only = PromptFormat("x", FormatSource.GGUF, alpaca.chat_template)
    messages = (Message(Role.SYSTEM, "Be brief."), Message(Role.USER, "Count\n\nto ten"))
    assert chat_only.render_task(Task("Count", "to ten"), "Be brief.") == chat_only.render_chat(messages)


def test_templates_of_tasks_see_the_clock_and_the_tokens() -> None:
    template = "{{ bos_token }}{{ strftime_now('%Y') }}{{ instruction }}"
    dated = PromptFormat("x", FormatSource.BUILT_IN, template, template, tokens=SpecialTokens(bos="<s>"))
    assert dated.render_task(Task("Count"), now="2026-01-31") == "<s>2026Count"
    assert dated.render_chat((Message(Role.USER, "Hi"),), now="2026-01-31") == "<s>2026"


@pytest.mark.parametrize("path", sorted((prompts_folder() / "formats").glob("*.toml")), ids=lambda path: path.stem)
def test_every_format_that_ships_can_be_used_for_both_modes(path: object) -> None:
    named = parse_format((prompts_folder() / "formats" / str(path)).read_text(encoding="utf-8"))
    own = format_of(named)
    assert "Hi there" in own.render_chat((Message(Role.USER, "Hi there"),))
    assert "Count up" in own.render_task(Task("Count up"))
    assert named.source


def test_a_format_says_its_name_in_its_files_name(alpaca: NamedFormat) -> None:
    assert alpaca.name == "alpaca"


def test_a_file_that_is_no_format_is_refused() -> None:
    whole = 'name = "x"\nsource = ""\nstop = []\nchat_template = ""\ninstruct_template = ""\n'
    assert parse_format(whole).name == "x"
    with pytest.raises(tomllib.TOMLDecodeError):
        parse_format("name = ")
    with pytest.raises(ValidationError, match="instruct_template"):
        parse_format(whole.replace('instruct_template = ""', ""))
    with pytest.raises(ValidationError, match="colour"):
        parse_format(whole + "colour = 1")

"""Named formats: those that ship are whole and exact, models are recognised, and files that are no
formats refused.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modechat.domain.conversation import Message, Role
from modechat.domain.mode import Mode
from modechat.domain.modes import Task
from modechat.domain.tasks import Example
from modechat.errors import ConfigError
from modechat.paths import prompts_folder
from modechat.prompting.fallbacks import lost_text
from modechat.prompting.formats import (
    BASE,
    ENCODER,
    LAST_RESORT,
    FormatSource,
    NamedFormat,
    recognise,
)
from modechat.prompting.guard import without_marker
from modechat.prompting.prompt_format import AS_IS, NO_TOKENS, PromptFormat, SpecialTokens
from modechat.prompting.single_shot import SingleShot
from modechat.prompting.template import render
from modechat.typed_toml import read_text, read_toml
from tests.prompting.conftest import BY_NAME, SHIPPED, builder

FILES = sorted((prompts_folder() / "formats").glob("*.toml"))
ROLES = {"s": Role.SYSTEM, "u": Role.USER, "a": Role.ASSISTANT}
TOKENS = [
    NO_TOKENS,
    SpecialTokens("", ""),
    SpecialTokens("<s>", "</s>"),
    SpecialTokens("<s>"),
    SpecialTokens(None, "E"),
]
EXAMPLES = (Example("Add them.", "1 2", "3"), Example("Say hello.", "", "Hello!"))

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
ALPACA_SYSTEM = "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
VICUNA_SYSTEM = (
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, "
    "and polite answers to the user's questions. "
)

every_format = pytest.mark.parametrize("named", SHIPPED, ids=lambda named: named.name)
texts = st.text().filter(lambda text: without_marker(text) == text)


def conversation(roles: str) -> tuple[Message, ...]:
    """Messages of these roles (letters of s, u, a), each text once: `S`, `U1`, `A1`, `U2` …"""
    counts = dict.fromkeys(roles, 0)
    messages = []
    for letter in roles:
        counts[letter] += 1
        messages.append(
            Message(ROLES[letter], f"{letter.upper()}{counts[letter]}" if letter != "s" else "S")
        )
    return tuple(messages)


# The files


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_shipped_file_says_its_name_its_title_and_its_source(path: Path) -> None:
    named = read_toml(path, read_text(path), NamedFormat)
    assert named.name == path.stem
    assert named.title
    assert named.source
    assert named.origin is FormatSource.BUILT_IN


def test_the_formats_that_the_program_names_ship() -> None:
    assert {BASE, ENCODER, LAST_RESORT, "alpaca"} <= set(BY_NAME)
    assert len(SHIPPED) == len(FILES) == len(BY_NAME)


WHOLE = 'name = "x"\nsource = "me"\nchat_template = ""\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name = ", "not TOML"),
        (WHOLE.replace("source", "sauce"), "source"),
        (WHOLE + "colour = 1", "colour"),
        (WHOLE.replace('"x"', '"X y"'), "name"),
        (WHOLE + 'names = ["("]', "no regular expression"),
        (WHOLE + 'stop = "###"', "stop"),
    ],
)
def test_a_file_that_is_no_format_is_refused_with_its_line(text: str, problem: str) -> None:
    assert read_toml(Path("x.toml"), WHOLE, NamedFormat).name == "x"
    with pytest.raises(ConfigError, match=problem):
        read_toml(Path("x.toml"), text, NamedFormat)


# What templates do with texts


@every_format
@pytest.mark.parametrize("roles", ["u", "su", "uau", "suau", "uauau", "suauauau"])
def test_no_format_loses_a_text_of_an_ordinary_conversation(named: NamedFormat, roles: str) -> None:
    messages = [
        {"role": message.role.value, "content": message.content} for message in conversation(roles)
    ]
    for tokens, end in product(TOKENS, (True, False)):
        text = render(
            named.chat_template, messages, tokens.bos, tokens.eos, add_generation_prompt=end
        )
        assert lost_text(text, messages) is None
        places = [text.find(message["content"]) for message in messages]
        assert -1 not in places
        assert places == sorted(places)
        assert "None" not in text


@every_format
@pytest.mark.parametrize("roles", ["u", "suau"])
def test_a_chat_needs_no_fallback(named: NamedFormat, roles: str) -> None:
    assert builder(named.name).chat(conversation(roles)).fallback == AS_IS


@every_format
@pytest.mark.parametrize("task_input", ["", "some text"])
@pytest.mark.parametrize("system", ["", "Be brief."])
@pytest.mark.parametrize("examples", [(), EXAMPLES], ids=["no examples", "examples"])
@pytest.mark.parametrize("tokens", TOKENS, ids=repr)
def test_no_format_loses_a_text_of_a_task(
    named: NamedFormat,
    task_input: str,
    system: str,
    examples: tuple[Example, ...],
    tokens: SpecialTokens,
) -> None:
    single = SingleShot(Task("Count up.", task_input, "One,"), system, examples)
    prompt = builder(named.name, fallback=named.name, tokens=tokens).task(single)
    shown = [
        text
        for example in examples
        for text in (example.instruction, example.input, example.response)
    ]
    for text in ("Count up.", task_input, system, *shown):
        assert text in prompt.text
    assert prompt.text.endswith("One,")
    assert prompt.format.name == named.name
    assert "None" not in prompt.text


@every_format
def test_a_task_ends_where_the_reply_begins(named: NamedFormat) -> None:
    """What follows the input is the same with and without one: the template's own, no text of the
    user.
    """
    prompt = builder(named.name).task(SingleShot(Task("Count up.", "some text"))).text
    last = max(
        prompt.rindex("Count up.") + len("Count up."), prompt.rindex("some text") + len("some text")
    )
    other = builder(named.name).task(SingleShot(Task("Say no.", "another one"))).text
    assert other.endswith(prompt[last:])


@every_format
def test_the_prompt_of_a_chat_begins_with_the_prompt_before_it(named: NamedFormat) -> None:
    """So that the cache holds it: all of it, up to a space before the reply."""
    if not named.sees_history:
        return
    made = builder(named.name, tokens=SpecialTokens("<s>", "</s>"))
    before, after = made.chat(conversation("su")).text, made.chat(conversation("suau")).text
    assert after.startswith(before.rstrip())


# Exact strings. The source of each is in its file, and in part a of the notes on formats.

SUAU = {
    "alpaca": "S\n\n### Instruction:\nU1\n\n### Response:\nA1\n\n### Instruction:\nU2\n\n### Response:\n",
    "chatml": (
        "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU1<|im_end|>\n<|im_start|>assistant\nA1<|im_end|>\n"
        "<|im_start|>user\nU2<|im_end|>\n<|im_start|>assistant\n"
    ),
    "completion": "S\n\nU1\n\nA1\n\nU2",
    "falcon-chat": "System: S\nUser: U1\nFalcon: A1\nUser: U2\nFalcon:",
    "falcon-instruct": "SUser: U1\n\nAssistant: A1\n\nUser: U2\n\nAssistant:",
    "gemma": (
        "<bos><start_of_turn>user\nS\nU1<end_of_turn>\n<start_of_turn>model\nA1<end_of_turn>\n"
        "<start_of_turn>user\nU2<end_of_turn>\n<start_of_turn>model\n"
    ),
    "human-assistant": "S\n\nHuman: U1\n\nAssistant: A1\n\nHuman: U2\n\nAssistant:",
    "llama-2": "[INST] <<SYS>>\nS\n<</SYS>>\n\nU1 [/INST] A1 </s><s>[INST] U2 [/INST]",
    "llama-2-system": "[INST] <<SYS>>\nS\n<</SYS>>\n\nU1 [/INST] A1 </s><s>[INST] U2 [/INST]",
    "llama-3": (
        "<bos><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nU1"
        "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nA1<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nU2<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
    ),
    "mistral": "[INST] S\nU1 [/INST] A1</s>[INST] U2 [/INST]",
    "mistral-v7-tekken": "<bos>[SYSTEM_PROMPT]S[/SYSTEM_PROMPT][INST]U1[/INST]A1</s>[INST]U2[/INST]",
    "mpt-chat": (
        "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU1<|im_end|>\n<|im_start|>assistant\nA1<|im_end|>\n"
        "<|im_start|>user\nU2<|im_end|>\n<|im_start|>assistant\n"
    ),
    "mpt-instruct": "S\n\n### Instruction\nU1\n\n### Response\nA1\n\n### Instruction\nU2\n\n### Response\n",
    "phi-3": (
        "<|system|>\nS<|end|>\n<|user|>\nU1<|end|>\n<|assistant|>\nA1<|end|>\n<|user|>\nU2<|end|>\n<|assistant|>\n"
    ),
    "t5": "S U2",
    "vicuna": "S USER: U1 ASSISTANT: A1</s>USER: U2 ASSISTANT:",
    "wizardlm-7b": "S\n\nU1\n\n### Response: A1\n\nU2\n\n### Response:",
    "zephyr": "<|system|>\nS</s>\n<|user|>\nU1</s>\n<|assistant|>\nA1</s>\n<|user|>\nU2</s>\n<|assistant|>\n",
}
WITHOUT_SYSTEM = {
    "alpaca": ALPACA_SYSTEM + "### Instruction:\nU1\n\n### Response:\n",
    "chatml": "<|im_start|>user\nU1<|im_end|>\n<|im_start|>assistant\n",
    "completion": "U1",
    "falcon-chat": "User: U1\nFalcon:",
    "falcon-instruct": "User: U1\n\nAssistant:",
    "gemma": "<bos><start_of_turn>user\nU1<end_of_turn>\n<start_of_turn>model\n",
    "human-assistant": "\n\nHuman: U1\n\nAssistant:",
    "llama-2": "[INST] U1 [/INST]",
    "llama-3": (
        "<bos><|start_header_id|>user<|end_header_id|>\n\nU1<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
    ),
    "mistral": "[INST] U1 [/INST]",
    "mistral-v7-tekken": "<bos>[INST]U1[/INST]",
    "mpt-instruct": ALPACA_SYSTEM + "### Instruction\nU1\n\n### Response\n",
    "phi-3": "<|user|>\nU1<|end|>\n<|assistant|>\n",
    "t5": "U1",
    "vicuna": VICUNA_SYSTEM + "USER: U1 ASSISTANT:",
    "wizardlm-7b": "U1\n\n### Response:",
    "zephyr": "<|user|>\nU1</s>\n<|assistant|>\n",
}
WRITES_BOS = ("gemma", "llama-3", "mistral-v7-tekken")
"""The other templates leave BOS to the tokeniser."""


def exact(name: str, roles: str) -> str:
    tokens = SpecialTokens("<bos>" if name in WRITES_BOS else "<s>", "</s>")
    return builder(name, tokens=tokens).chat(conversation(roles)).text


def test_the_exact_string_of_every_format_is_written_down_here() -> None:
    assert set(SUAU) == set(BY_NAME) - {BASE}
    assert {named.name for named in SHIPPED if not named.system} - set(WITHOUT_SYSTEM) == {BASE}


@pytest.mark.parametrize("name", SUAU)
def test_a_chat_is_byte_for_byte_what_the_models_were_trained_on(name: str) -> None:
    assert exact(name, "suau") == SUAU[name]


@pytest.mark.parametrize("name", WITHOUT_SYSTEM)
def test_a_first_message_without_a_system_text_is_exact_too(name: str) -> None:
    assert exact(name, "u") == WITHOUT_SYSTEM[name]


@pytest.mark.parametrize(
    ("name", "begin", "end"),
    [
        (
            "mpt-chat",
            "<|im_start|>system\n- You are a helpful assistant chatbot trained by MosaicML.\n- You answer",
            "U1",
        ),
        (
            "llama-2-system",
            "[INST] <<SYS>>\nYou are a helpful, respectful and honest assistant. Always",
            "U1 [/INST]",
        ),
        ("vicuna", VICUNA_SYSTEM, "USER: U1 ASSISTANT:"),
    ],
)
def test_a_published_system_text_is_sent_where_the_user_sets_none(
    name: str, begin: str, end: str
) -> None:
    text = exact(name, "u")
    assert text.startswith(begin)
    assert end in text
    assert BY_NAME[name].system not in exact(name, "suau")


LLAMA_2_TASK = "[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nsome text\n\nQuestion: Count up. [/INST]"


@pytest.mark.parametrize(
    ("name", "system", "expected"),
    [
        ("wizardlm-7b", "", "Count up.\n\nsome text\n\n### Response:"),
        ("vicuna", "", VICUNA_SYSTEM + "USER: Count up.\n\nsome text ASSISTANT:"),
        ("llama-2", "Be brief.", LLAMA_2_TASK),
        ("llama-2-system", "Be brief.", LLAMA_2_TASK),
        ("llama-2", "", "[INST] some text\n\nQuestion: Count up. [/INST]"),
        ("completion", "", "Count up.\n\nsome text"),
        ("t5", "", "Count up. some text"),
        ("t5", "Be brief.", "Be brief. Count up. some text"),
        (
            "mpt-instruct",
            "",
            ALPACA_SYSTEM + "### Instruction\nCount up.\n\nsome text\n\n### Response\n",
        ),
        ("human-assistant", "", "\n\nHuman: Count up.\n\nsome text\n\nAssistant:"),
        (
            "chatml",
            "",
            "<|im_start|>user\nCount up.\n\nsome text<|im_end|>\n<|im_start|>assistant\n",
        ),
    ],
)
def test_a_task_is_exact_in_each_kind_of_format(name: str, system: str, expected: str) -> None:
    assert builder(name).task(SingleShot(Task("Count up.", "some text"), system)).text == expected


def test_worked_examples_are_turns_in_llama_2() -> None:
    single = SingleShot(
        Task("Count up.", "some text"), "Be brief.", (Example("Add them.", "1 2", "3"),)
    )
    assert builder("llama-2", tokens=SpecialTokens("<s>", "</s>")).task(single).text == (
        "[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\n1 2\n\nQuestion: Add them. [/INST] 3 </s><s>"
        "[INST] some text\n\nQuestion: Count up. [/INST]"
    )


def test_a_base_model_continues_a_transcript() -> None:
    text = builder(BASE).chat(conversation("uau")).text
    assert text.endswith("User: U1\nAssistant: A1\nUser: U2\nAssistant:")
    assert BY_NAME[BASE].stop[0] == "\nUser:"


def test_a_base_model_is_shown_worked_examples_that_the_users_own_replace() -> None:
    own = builder(BASE).task(SingleShot(Task("Count up."), examples=EXAMPLES)).text
    built_in = builder(BASE).task(SingleShot(Task("Count up."))).text
    assert built_in.count("### Response:") == 4
    assert own.count("### Response:") == len(EXAMPLES) + 1
    assert own.endswith("### Instruction:\nCount up.\n\n### Response:\n")


# Alpaca


@given(instruction=texts, task_input=texts.filter(bool))
def test_alpaca_tasks_are_byte_for_byte_as_stanford_published_them(
    instruction: str, task_input: str
) -> None:
    alpaca = builder("alpaca")
    with_input = PROMPT_INPUT.format_map({"instruction": instruction, "input": task_input})
    assert alpaca.task(SingleShot(Task(instruction, task_input))).text == with_input
    without = PROMPT_NO_INPUT.format_map({"instruction": instruction})
    assert alpaca.task(SingleShot(Task(instruction))).text == without


def test_an_alpaca_task_spelled_out() -> None:
    assert builder("alpaca").task(
        SingleShot(Task("Translate into Spanish", "I love you"))
    ).text == (
        "Below is an instruction that describes a task, paired with an input that provides further context. Write a "
        "response that appropriately completes the request.\n\n### Instruction:\nTranslate into Spanish\n\n### Input:\n"
        "I love you\n\n### Response:"
    )


def test_system_text_takes_the_place_of_alpacas_preamble() -> None:
    assert builder("alpaca").task(SingleShot(Task("Count", "to ten"), "Be brief.")).text == (
        "Be brief.\n\n### Instruction:\nCount\n\n### Input:\nto ten\n\n### Response:"
    )


def test_alpaca_stops_where_the_model_would_begin_another_section() -> None:
    assert set(BY_NAME["alpaca"].stop) == {"### Instruction", "### Input", "### Response"}


# Of a format's file, what a loaded model uses


def test_tasks_stop_where_chats_do_unless_the_file_says_more() -> None:
    named = NamedFormat(name="x", source="me", stop=("\nUser:",), chat_template="")
    same = PromptFormat.of_name(named)
    assert (same.stops(Mode.CHAT), same.stops(Mode.INSTRUCT)) == (("\nUser:",), ("\nUser:",))
    other = PromptFormat.of_name(named.model_copy(update={"instruct_stop": ()}))
    assert (other.stops(Mode.CHAT), other.stops(Mode.INSTRUCT)) == (("\nUser:",), ())


def test_a_models_own_template_has_no_stop_strings() -> None:
    own = PromptFormat.of_gguf("{{ messages }}")
    assert (own.stop, own.instruct_stop, own.instruct_template, own.source) == (
        (),
        (),
        None,
        FormatSource.GGUF,
    )


def test_a_format_of_the_user_says_where_it_is_from() -> None:
    named = BY_NAME["alpaca"].model_copy(update={"origin": FormatSource.USER})
    assert PromptFormat.of_name(named).source is FormatSource.USER


# Recognition by name

CHATML_TOKENS = ("<|im_start|>", "<|im_end|>")
GEMMA_TOKENS = ("<bos>", "<start_of_turn>", "<end_of_turn>")
LLAMA_3_TOKENS = ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
PHI_3_TOKENS = ("<|user|>", "<|end|>", "<|assistant|>")
V7_TOKENS = ("[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]")
ALL_TOKENS = (*CHATML_TOKENS, *GEMMA_TOKENS, *LLAMA_3_TOKENS, *PHI_3_TOKENS, *V7_TOKENS)

RECOGNISED = [
    ("alpaca-13b", (), "alpaca"),
    ("alpaca-native-7B", (), "alpaca"),
    ("gpt4-x-alpaca-13b", (), "alpaca"),
    ("WizardCoder-15B-V1.0", (), "alpaca"),
    ("WizardCoder-Python-34B-V1.0", (), "alpaca"),
    ("WizardMath-7B-V1.1", (), "alpaca"),
    ("deepseek-coder-6.7b-instruct", (), "alpaca"),
    ("Nous-Hermes-13b", (), "alpaca"),
    ("Nous-Hermes-Llama2-13b", (), "alpaca"),
    ("claude2-alpaca-13B", (), "alpaca"),
    ("Some-13B-SFT", (), "alpaca"),
    ("OpenHermes-2.5-Mistral-7B", CHATML_TOKENS, "chatml"),
    ("dolphin-2.6-mistral-7b", CHATML_TOKENS, "chatml"),
    ("Nous-Hermes-2-Mistral-7B-DPO", CHATML_TOKENS, "chatml"),
    ("Hermes-3-Llama-3.1-8B", CHATML_TOKENS, "chatml"),
    ("Qwen1.5-7B-Chat", CHATML_TOKENS, "chatml"),
    ("qwen2-0_5b-instruct-q8_0", CHATML_TOKENS, "chatml"),
    ("Yi-34B-Chat", CHATML_TOKENS, "chatml"),
    ("SmolLM2-135M-Instruct-Q4_1", CHATML_TOKENS, "chatml"),
    ("Orca-2-7b", CHATML_TOKENS, "chatml"),
    ("internlm2-chat-7b", CHATML_TOKENS, "chatml"),
    ("falcon-7b-instruct", (), "falcon-instruct"),
    ("falcon-40b-instruct", (), "falcon-instruct"),
    ("falcon-180B-chat", (), "falcon-chat"),
    ("gemma-7b-it", GEMMA_TOKENS, "gemma"),
    ("gemma-1.1-2b-it-Q4_K_M", GEMMA_TOKENS, "gemma"),
    ("codegemma-7b-it", GEMMA_TOKENS, "gemma"),
    ("gemma_3_270m_it", GEMMA_TOKENS, "gemma"),
    ("gpt-j-6B-hh-rlhf", (), "human-assistant"),
    ("llama-2-13b-chat", (), "llama-2"),
    ("Llama-2-7B-Chat-GGML", (), "llama-2"),
    ("llama2_7b_chat_uncensored", (), "llama-2"),
    ("CodeLlama-7b-Instruct-hf", (), "llama-2"),
    ("Meta-Llama-3-8B-Instruct", LLAMA_3_TOKENS, "llama-3"),
    ("Llama 3.2 1B Instruct", LLAMA_3_TOKENS, "llama-3"),
    ("Mistral-7B-Instruct-v0.2", (), "mistral"),
    ("mistral-7b-instruct-v0.1.Q4_K_M", (), "mistral"),
    ("Mixtral-8x7B-Instruct-v0.1", (), "mistral"),
    ("Mistral-Small-24B-Instruct-2501", V7_TOKENS, "mistral-v7-tekken"),
    ("mpt-7b-chat", (), "mpt-chat"),
    ("mpt-30b-chat", CHATML_TOKENS, "mpt-chat"),
    ("mpt-30b-instruct", (), "mpt-instruct"),
    ("mpt-7b-instruct", (), "mpt-instruct"),
    ("phi-3-mini-4k-instruct", PHI_3_TOKENS, "phi-3"),
    ("Phi-3.5-mini-instruct", PHI_3_TOKENS, "phi-3"),
    ("vicuna-13b-v1.5", (), "vicuna"),
    ("WizardLM-13B-V1.2", (), "vicuna"),
    ("WizardLM-70B-V1.0", (), "vicuna"),
    ("WizardLM-2-7B", (), "vicuna"),
    ("Wizard-Vicuna-13B-Uncensored", (), "vicuna"),
    ("WizardLM-7B-V1.0", (), "wizardlm-7b"),
    ("wizardLM-7B.ggmlv3.q4_0", (), "wizardlm-7b"),
    ("zephyr-7b-beta", (), "zephyr"),
    ("tinyllama-1.1b-chat-v1.0", (), "zephyr"),
    # Base models.
    ("Llama-2-7b-hf", (), None),
    ("Mistral-7B-v0.1", (), None),
    ("falcon-7b", (), None),
    ("mpt-7b", (), None),
    ("mpt-7b-storywriter", (), None),
    ("gpt2", (), None),
    ("pythia-1.4b", (), None),
    ("Meta-Llama-3-8B", (), None),
    ("gemma-2b", (), None),
    ("gemma-3-270m", (), None),
    ("Qwen2-0.5B", (), None),
    ("phi-2", (), None),
    ("TinyLlama-1.1B-intermediate-step-1431k-3T", (), None),
    ("SmolLM2-135M", (), None),
    ("Yi-6B", (), None),
    ("bloom-560m", (), None),
]


@pytest.mark.parametrize(
    ("name", "tokens", "expected"), RECOGNISED, ids=[row[0] for row in RECOGNISED]
)
def test_real_models_are_recognised_by_their_names(
    name: str, tokens: tuple[str, ...], expected: str | None
) -> None:
    found = recognise(SHIPPED, [name], set(tokens))
    assert (found.name if found else None) == expected


@pytest.mark.parametrize(
    ("name", "tokens", "expected"),
    [row for row in RECOGNISED if row[2] is None],
    ids=[row[0] for row in RECOGNISED if row[2] is None],
)
def test_tokens_alone_make_no_chat_model(
    name: str, tokens: tuple[str, ...], expected: None
) -> None:
    """Base models share their vocabulary with the chat models."""
    assert recognise(SHIPPED, [name], {*tokens, *ALL_TOKENS}) is expected


NEEDS_TOKENS = [row for row in RECOGNISED if row[2] and BY_NAME[row[2]].tokens]


@pytest.mark.parametrize(
    ("name", "tokens", "expected"), NEEDS_TOKENS, ids=[row[0] for row in NEEDS_TOKENS]
)
def test_a_name_alone_does_not_make_a_format_whose_tokens_are_missing(
    name: str, tokens: tuple[str, ...], expected: str
) -> None:
    found = recognise(SHIPPED, [name], ())
    assert found is None or not found.tokens
    missing = recognise(SHIPPED, [name], set(tokens) - {BY_NAME[expected].tokens[0]})
    assert missing is None or missing.name != expected


def test_the_table_has_every_format_that_is_recognised_by_name() -> None:
    assert {row[2] for row in RECOGNISED} - {None} == {
        named.name for named in SHIPPED if named.names
    }


def test_the_longest_match_counts_whatever_the_order() -> None:
    for formats in (SHIPPED, SHIPPED[::-1]):
        found = recognise(formats, ["Mistral-Small-24B-Instruct-2501"], set(ALL_TOKENS))
        assert found is not None
        assert found.name == "mistral-v7-tekken"
    short = NamedFormat(name="short", source="", names=("chat",), chat_template="")
    long = NamedFormat(name="long", source="", names=("x.*chat",), chat_template="")
    for order in ((short, long), (long, short)):
        assert recognise(order, ["my_X 7b-chat"], ()) is long


def test_any_of_the_models_names_will_do() -> None:
    found = recognise(SHIPPED, ["model-q4_0", "Vicuna 13B"], ())
    assert found is BY_NAME["vicuna"]
    assert recognise(SHIPPED, [], ()) is None

"""Replies of the real worker that fit a schema or a grammar, from babbling and real models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from modechat.domain.conversation import StopReason
from modechat.domain.sampling import Sampling
from modechat.engine.protocol import InstructPrompt
from tests.engine.driver import GREEDY, Answer, chat, lent_engine
from tests.tiny_models import CHATML, write_endless, write_llama, write_t5

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "age": {"type": "integer", "minimum": 0, "maximum": 120},
        "home": {
            "type": "object",
            "properties": {
                "city": {"enum": ["Paris", "Roma", "Kraków"]},
                "flat": {"type": "boolean"},
            },
            "required": ["city"],
        },
        "friends": {"type": "array", "items": {"$ref": "#/$defs/friend"}, "maxItems": 2},
    },
    "required": ["name", "age", "home"],
    "$defs": {"friend": {"anyOf": [{"type": "string", "maxLength": 4}, {"type": "null"}]}},
}
BOUNDED: list[Any] = [
    PERSON,
    {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 4},
    {"anyOf": [{"const": {"a": [1, "é"]}}, {"type": "string", "format": "date-time"}]},
    {"type": "string", "minLength": 3, "maxLength": 8},
    {"type": "integer", "minimum": -1000},
]
UNBOUNDED: list[Any] = [{"type": "object"}, {"type": "array", "items": {"type": "string"}}, {}]
HOT = Sampling(temperature=2, top_k=0, top_p=1, min_p=0)


def seeded(temperature: float, seed: int, **more: Any) -> Sampling:
    if not temperature:
        return GREEDY.model_copy(update=more)
    return HOT.model_copy(update={"temperature": temperature, "seed": seed, **more})


def reason(answer: Answer) -> StopReason:
    return answer.finished.stop_reason


@pytest.mark.parametrize("temperature", [0, 2])
async def test_a_model_that_babbles_says_what_fits_or_that_it_was_cut(
    temperature: float, tmp_path: Path
) -> None:
    for n_model in range(3):
        model = write_llama(tmp_path / f"{n_model}.gguf", n_ctx_train=2048, seed=n_model)
        async with lent_engine(model) as driver:
            for n, schema in enumerate(BOUNDED + UNBOUNDED):
                sampling = seeded(temperature, n, max_tokens=1000 if schema in BOUNDED else 120)
                answer = await driver.generate(chat("Hi"), sampling, schema=schema)
                if schema in BOUNDED:
                    assert reason(answer) is StopReason.END, answer.text
                if reason(answer) is StopReason.END:
                    jsonschema.validate(json.loads(answer.text), schema)
                else:
                    assert reason(answer) is StopReason.LENGTH


async def test_the_same_seed_gives_the_same_reply_and_another_one_another(tmp_path: Path) -> None:
    async with lent_engine(write_llama(tmp_path / "tiny.gguf", n_ctx_train=2048)) as driver:
        replies = [
            (await driver.generate(chat("Hi"), seeded(2, seed), schema=PERSON)).text
            for seed in (1, 1, 2, 3)
        ]
    assert replies[0] == replies[1]
    assert len(set(replies)) > 1


async def test_a_reply_that_is_whole_at_the_limit_was_not_cut(tmp_path: Path) -> None:
    async with lent_engine(write_llama(tmp_path / "tiny.gguf")) as driver:
        for limit, expected in ((6, StopReason.END), (5, StopReason.LENGTH)):
            answer = await driver.generate(
                chat("Hi"), seeded(0, 0, max_tokens=limit), schema={"const": "four"}
            )
            assert (reason(answer), answer.text) == (expected, '"four"'[:limit])


async def test_a_full_context_cuts_a_reply_and_says_so(tmp_path: Path) -> None:
    async with lent_engine(write_llama(tmp_path / "tiny.gguf"), n_ctx=256) as driver:
        answer = await driver.generate(chat("Hi"), GREEDY, grammar='root ::= "a"{400}')
        assert reason(answer) is StopReason.CONTEXT


async def test_stop_strings_markers_and_trimming_leave_it_whole(tmp_path: Path) -> None:
    text = "  User: stop\n### Instruction:\n<|im_start|> \n"
    grammar = f"root ::= {json.dumps(text)}"

    model = write_llama(tmp_path / "tiny.gguf", n_ctx_train=1024)
    async with lent_engine(model, format="alpaca") as driver:
        answer = await driver.generate(chat("Hi"), seeded(0, 0, stop=("stop",)), grammar=grammar)
        assert (reason(answer), answer.text) == (StopReason.END, text)


async def test_a_thinking_block_that_the_prompt_opens_is_free_and_apart(tmp_path: Path) -> None:
    template = (
        CHATML.replace("<|im_start|>assistant\n", "<|im_start|>assistant\n<think>\n")
        + "{# </think> #}"
    )

    model = write_llama(tmp_path / "tiny.gguf", n_ctx_train=2048, chat_template=template)
    async with lent_engine(model) as driver:
        answer = await driver.generate(chat("Hi"), seeded(2, 1, max_tokens=60), schema={"const": 1})
        thinking = "".join(delta.text for delta in answer.deltas if delta.is_thinking)
        assert reason(answer) is StopReason.LENGTH
        assert len(thinking) > 10
        assert thinking == answer.text


async def test_what_cannot_be_done_fails_and_the_engine_goes_on(tmp_path: Path) -> None:
    begun = InstructPrompt(instruction="Count", prefill="One")

    async with lent_engine(write_llama(tmp_path / "tiny.gguf")) as driver:
        wrong = await driver.generate(chat("Hi"), grammar='root ::= "a')
        assert "unexpected end of input" in wrong.failed.hint
        assert (
            "pattern" in (await driver.generate(chat("Hi"), schema={"pattern": "a"})).failed.title
        )
        assert "begin with a given text" in (await driver.generate(begun, schema={})).failed.title
        assert reason(await driver.generate(chat("Hi"), schema={"const": 1})) is StopReason.END


async def test_a_vocabulary_that_cannot_write_it_is_told_and_the_engine_goes_on(
    tmp_path: Path,
) -> None:
    async with lent_engine(write_t5(tmp_path / "t5.gguf")) as driver:
        task = InstructPrompt(instruction="Count")
        assert "vocabulary" in (await driver.generate(task, schema={"type": "object"})).failed.title
        answer = await driver.generate(task, grammar='root ::= "yes" | "no"')
        assert answer.text in ("yes", "no")


@pytest.mark.real_model
async def test_a_real_model_fills_in_a_schema(starter: Path) -> None:
    task = InstructPrompt(
        instruction="Extract the person as JSON.", input="Maria Lopez, 34, is a nurse in Madrid."
    )
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "age": {"type": "integer"},
            "city": {"type": "string"},
        },
        "required": ["name", "age", "city"],
    }

    async with lent_engine(starter) as driver:
        answer = await driver.generate(task, schema=schema)
        assert reason(answer) is StopReason.END
        found = json.loads(answer.text)
        assert found["name"] == "Maria Lopez"
        assert found["age"] == 34
        jsonschema.validate(found, schema)


SAME = "the same words, "


async def test_what_a_grammar_or_a_schema_wants_to_be_repeated_is_no_loop(tmp_path: Path) -> None:
    likeliest = Sampling(temperature=0, max_tokens=6000)
    rows = {"type": "array", "items": {"const": "yes and no"}, "minItems": 60, "maxItems": 60}

    async with lent_engine(write_endless(tmp_path / "tiny.gguf"), n_ctx=8192) as driver:
        forced = await driver.generate(
            chat("Hello"), likeliest, grammar=f'root ::= ("{SAME}"){{60}}'
        )
        assert (forced.text, reason(forced)) == (SAME * 60, StopReason.END)
        answer = await driver.generate(chat("Hello"), likeliest, schema=rows)
        assert reason(answer) is StopReason.END
        assert json.loads(answer.text) == ["yes and no"] * 60

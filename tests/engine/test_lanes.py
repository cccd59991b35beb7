"""Lanes: only new tokens are evaluated, and the answers are those of evaluating everything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from modechat.domain.sampling import Sampling
from modechat.engine.protocol import ChatPrompt, InstructPrompt
from tests.engine.driver import Answer, Driver, chat, lent_engine
from tests.tiny_models import write_hybrid, write_llama, write_recurrent, write_sliding

LIMITED = Sampling(temperature=0, max_tokens=12)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_llama(tmp_path_factory.mktemp("models") / "tiny.gguf", n_ctx_train=1024)


async def test_a_chat_evaluates_only_what_is_new(model: Path) -> None:
    async with lent_engine(model) as driver:
        first = await driver.generate(chat("Hello there"), LIMITED)
        second = await driver.generate(chat("Hello there", "General reply", "And now?"), LIMITED)
        assert first.finished.stats.reused_tokens == 0
        assert second.finished.stats.reused_tokens >= first.finished.stats.prompt_tokens
        assert second.progress[0].reused == second.finished.stats.reused_tokens


async def test_an_instruct_turn_does_not_disturb_the_chat(model: Path) -> None:
    async with lent_engine(model) as driver:
        first = await driver.generate(chat("Hello there"), LIMITED)
        await driver.generate(InstructPrompt(instruction="Something else"), LIMITED)
        second = await driver.generate(chat("Hello there", "General reply", "And now?"), LIMITED)
        assert second.finished.stats.reused_tokens >= first.finished.stats.prompt_tokens


async def test_lanes_give_way_to_each_other_when_the_context_is_short(tmp_path: Path) -> None:
    model = write_llama(tmp_path / "small.gguf", n_ctx_train=256)

    async with lent_engine(model) as driver:
        await driver.generate(chat("x" * 150), LIMITED)
        task = await driver.generate(InstructPrompt(instruction="y" * 150), LIMITED)
        assert task.finished.stats.prompt_tokens > 150
        again = await driver.generate(chat("x" * 150), LIMITED)
        assert again.finished.stats.reused_tokens < 10  # what both modes' prompts begin with


PROMPTS: tuple[ChatPrompt | InstructPrompt, ...] = (
    chat("Hello there"),
    chat("Hello there", "abc", "More"),
    InstructPrompt(instruction="Translate", input="abc"),
    chat("Hello there", "abc", "Something else"),
    InstructPrompt(instruction="Translate", input="xyz"),
    chat("Hello"),
    chat("Hello there", "abc", "More", "def", "Even more"),
)


@pytest.mark.parametrize("write", [write_llama, write_recurrent, write_sliding, write_hybrid])
async def test_reuse_never_changes_an_answer(write: Callable[[Path], Path], tmp_path: Path) -> None:
    model = write(tmp_path / "model.gguf")

    async def with_reuse() -> list[str]:
        async with lent_engine(model, n_ctx=1024) as driver:
            return [(await driver.generate(prompt, LIMITED)).text for prompt in PROMPTS]

    async def from_scratch() -> list[str]:
        texts = []
        for prompt in PROMPTS:
            async with lent_engine(model, n_ctx=1024) as driver:
                texts.append((await driver.generate(prompt, LIMITED)).text)
        return texts

    assert await with_reuse() == await from_scratch()


async def test_answers_stay_right_after_a_stop_in_the_middle_of_a_prompt(model: Path) -> None:
    long = chat("z" * 900)

    async def after_a_stop() -> str:
        async with lent_engine(model) as driver:
            await driver.generate(long, LIMITED, stop_when=lambda _event: True)
            return (await _answer(driver, long)).text

    async def fresh() -> str:
        async with lent_engine(model) as driver:
            return (await _answer(driver, long)).text

    assert await after_a_stop() == await fresh()


async def _answer(driver: Driver, prompt: ChatPrompt) -> Answer:
    return await driver.generate(prompt, LIMITED)

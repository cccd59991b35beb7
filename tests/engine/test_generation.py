"""What the worker answers, on tiny random models. Each of their tokens is one byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from modechat.domain.conversation import StopReason
from modechat.domain.sampling import Sampling
from modechat.engine.protocol import Delta, Event, InstructPrompt, Loaded, PromptProgress
from modechat.prompting.formats import FormatSource
from tests.engine.driver import chat, run, running_engine
from tests.tiny_models import write_llama

LIMITED = Sampling(temperature=0, max_tokens=24)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_llama(tmp_path_factory.mktemp("models") / "tiny.gguf", n_ctx_train=2048)


def test_loading_tells_what_was_loaded(model: Path) -> None:
    async def work() -> Loaded:
        async with running_engine() as driver:
            loaded = await driver.load(model)
            assert isinstance(loaded, Loaded)
            return loaded

    info = run(work()).model
    assert (info.name, info.architecture, info.device) == ("tiny", "llama", "CPU")
    assert (info.n_ctx, info.n_ctx_train) == (2048, 2048)
    assert (info.format, info.format_source, info.notes) == ("chat-template", FormatSource.GGUF, ())


def test_a_model_without_template_gets_alpaca_and_says_so(tmp_path: Path) -> None:
    model = write_llama(tmp_path / "plain.gguf", chat_template=None, n_ctx_train=2048)

    async def work() -> tuple[Loaded, int]:
        async with running_engine() as driver:
            loaded = await driver.load(model)
            assert isinstance(loaded, Loaded)
            answer = await driver.generate(InstructPrompt(instruction="Say hi."), LIMITED)
            return loaded, answer.finished.stats.prompt_tokens

    loaded, prompt_tokens = run(work())
    assert (loaded.model.format, loaded.model.format_source) == ("alpaca", FormatSource.BUILT_IN)
    assert "no chat template" in loaded.model.notes[0]
    stanford = (
        "Below is an instruction that describes a task. Write a response that appropriately completes the request."
        "\n\n### Instruction:\nSay hi.\n\n### Response:"
    )
    assert prompt_tokens == len(stanford)  # a token for each byte


def test_the_same_seed_gives_the_same_reply(model: Path) -> None:
    async def reply(sampling: Sampling) -> tuple[str, int]:
        async with running_engine(model) as driver:
            answer = await driver.generate(chat("Hello"), sampling)
            return answer.text, answer.finished.stats.seed

    seeded = Sampling(temperature=1.5, seed=7, max_tokens=24)
    assert run(reply(seeded)) == run(reply(seeded))
    text, seed = run(reply(seeded.model_copy(update={"seed": None})))
    assert run(reply(seeded.model_copy(update={"seed": seed}))) == (text, seed)


def test_max_tokens_cuts_a_reply(model: Path) -> None:
    async def work() -> None:
        async with running_engine(model) as driver:
            answer = await driver.generate(chat("Hello"), Sampling(temperature=1, seed=1, max_tokens=5))
            assert answer.finished.stop_reason is StopReason.LENGTH
            assert answer.finished.stats.completion_tokens == 5

    run(work())


def test_a_reply_ends_when_the_context_is_full(tmp_path: Path) -> None:
    model = write_llama(tmp_path / "small.gguf", n_ctx_train=256)

    async def work() -> None:
        async with running_engine(model) as driver:
            answer = await driver.generate(chat("x" * 150), Sampling(temperature=0, repeat_penalty=1))
            stats = answer.finished.stats
            assert answer.finished.stop_reason in (StopReason.CONTEXT, StopReason.END)
            if answer.finished.stop_reason is StopReason.CONTEXT:
                assert stats.prompt_tokens + stats.completion_tokens == 256 + 1  # the last one is not evaluated

    run(work())


def test_a_prompt_that_does_not_fit_fails_with_both_numbers(tmp_path: Path) -> None:
    model = write_llama(tmp_path / "small.gguf", n_ctx_train=256)

    async def work() -> None:
        async with running_engine(model) as driver:
            failed = (await driver.generate(chat("x" * 1000))).failed
            assert failed.kind == "context"
            assert "1,0" in failed.title
            assert "256" in failed.title
            assert not failed.died
            await driver.generate(chat("short"), LIMITED)  # and the engine goes on

    run(work())


def test_the_prefill_begins_the_reply(model: Path) -> None:
    async def work() -> tuple[str, str]:
        async with running_engine(model) as driver:
            prompt = InstructPrompt(instruction="Count.", prefill="One, two,")
            with_prefill = await driver.generate(prompt, LIMITED)
            without = await driver.generate(InstructPrompt(instruction="Count."), LIMITED)
            assert with_prefill.finished.stats.prompt_tokens == without.finished.stats.prompt_tokens + len("One, two,")
            return with_prefill.text, without.text

    with_prefill, without = run(work())
    assert with_prefill.startswith("One, two,")
    assert not without.startswith("One, two,")


def test_a_stop_string_ends_the_reply_and_is_not_shown(model: Path) -> None:
    async def work() -> tuple[str, str, StopReason]:
        async with running_engine(model) as driver:
            whole = (await driver.generate(chat("Hello"), LIMITED)).text
            stop = whole[3:5]
            cut = await driver.generate(chat("Hello"), LIMITED.model_copy(update={"stop": (stop,)}))
            return whole[: whole.find(stop)].strip(), cut.text, cut.finished.stop_reason

    expected, text, reason = run(work())
    assert (text, reason) == (expected, StopReason.STOP_STRING)


def test_a_stop_ends_the_evaluation_of_a_prompt(tmp_path: Path) -> None:
    model = write_llama(tmp_path / "long.gguf", n_ctx_train=65536)

    def first_progress(event: Event) -> bool:
        return isinstance(event, PromptProgress)

    async def work() -> None:
        async with running_engine(model, n_ctx=65536) as driver:
            answer = await driver.generate(chat("x" * 60000), stop_when=first_progress)
            assert answer.finished.stop_reason is StopReason.STOPPED
            assert answer.finished.stats.completion_tokens == 0
            assert answer.progress[-1].evaluated < 60000
            again = await driver.generate(chat("x" * 60000), LIMITED, stop_when=first_progress)
            assert again.finished.stats.reused_tokens >= answer.progress[-1].evaluated  # what was ready is kept

    run(work())


def test_a_stop_ends_a_reply_and_keeps_what_came(model: Path) -> None:
    def first_delta(event: Event) -> bool:
        return isinstance(event, Delta)

    async def work() -> None:
        async with running_engine(model) as driver:
            sampling = Sampling(temperature=1.0, seed=3)
            whole = await driver.generate(chat("Hello"), sampling.model_copy(update={"max_tokens": 400}))
            answer = await driver.generate(chat("Hello"), sampling, stop_when=first_delta)
            if answer.finished.stop_reason is StopReason.STOPPED:
                assert whole.text.startswith(answer.text) or answer.text.startswith(whole.text)
                assert answer.finished.stats.completion_tokens >= 1

    run(work())


def test_sampling_defaults_come_from_the_file(tmp_path: Path) -> None:
    greedy = write_llama(tmp_path / "greedy.gguf", n_ctx_train=1024, extra={"general.sampling.temp": 0.0})

    async def replies() -> set[str]:
        async with running_engine(greedy) as driver:
            limit = Sampling(max_tokens=16)
            return {(await driver.generate(chat("Hello"), limit)).text for _ in range(3)}

    assert len(run(replies())) == 1


def test_a_template_that_refuses_the_conversation_fails_the_request_only(tmp_path: Path) -> None:
    template = "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}{{ messages }}"
    model = write_llama(tmp_path / "strict.gguf", chat_template=template, n_ctx_train=1024)

    async def work() -> None:
        async with running_engine(model) as driver:
            failed = (await driver.generate(InstructPrompt(instruction="Hi", system="Be brief"))).failed
            assert "no system role" in failed.title
            await driver.generate(InstructPrompt(instruction="Hi"), LIMITED)

    run(work())

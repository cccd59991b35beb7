"""What the worker answers, on tiny random models. Each of their tokens is one byte."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest

from modechat.domain.conversation import StopReason
from modechat.domain.sampling import Sampling
from modechat.engine.client import WorkerEngine
from modechat.engine.protocol import (
    Cancelled,
    Delta,
    Event,
    Failed,
    Finished,
    Generate,
    Heartbeat,
    InstructPrompt,
    Load,
    Loaded,
    PromptProgress,
    Stop,
)
from modechat.prompting.formats import FormatSource
from tests.engine.driver import Driver, chat, formats, lent_engine
from tests.tiny_models import write_endless, write_llama

LIMITED = Sampling(temperature=0, max_tokens=24)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_llama(tmp_path_factory.mktemp("models") / "tiny.gguf", n_ctx_train=2048)


async def test_loading_tells_what_was_loaded(model: Path) -> None:
    async with lent_engine() as driver:
        loaded = await driver.load(model)
    assert isinstance(loaded, Loaded)
    info = loaded.model
    assert (info.name, info.architecture, str(info.placement)) == ("tiny", "llama", "CPU")
    assert (info.n_ctx, info.n_ctx_train) == (2048, 2048)
    assert (info.format, info.format_source, info.notes) == ("chat-template", FormatSource.GGUF, ())


async def test_a_model_without_template_gets_the_format_of_its_name_and_says_so(
    tmp_path: Path,
) -> None:
    model = write_llama(tmp_path / "alpaca-tiny.gguf", chat_template=None, n_ctx_train=2048)

    async with lent_engine() as driver:
        loaded = await driver.load(model)
        assert isinstance(loaded, Loaded)
        answer = await driver.generate(InstructPrompt(instruction="Say hi."), LIMITED)
    assert (loaded.model.format, loaded.model.format_source) == ("alpaca", FormatSource.BUILT_IN)
    assert "no chat template" in loaded.model.notes[0]
    stanford = (
        "Below is an instruction that describes a task. Write a response that appropriately completes the request."
        "\n\n### Instruction:\nSay hi.\n\n### Response:"
    )
    assert answer.finished.stats.prompt_tokens == len(stanford)  # a token for each byte


async def test_the_same_seed_gives_the_same_reply(model: Path) -> None:
    async def reply(sampling: Sampling) -> tuple[str, int]:
        async with lent_engine(model) as driver:
            answer = await driver.generate(chat("Hello"), sampling)
            return answer.text, answer.finished.stats.seed

    seeded = Sampling(temperature=1.5, seed=7, max_tokens=24)
    assert await reply(seeded) == await reply(seeded)
    text, seed = await reply(seeded.model_copy(update={"seed": None}))
    assert await reply(seeded.model_copy(update={"seed": seed})) == (text, seed)


async def test_max_tokens_cuts_a_reply(model: Path) -> None:
    async with lent_engine(model) as driver:
        answer = await driver.generate(chat("Hello"), Sampling(temperature=1, seed=1, max_tokens=5))
        assert answer.finished.stop_reason is StopReason.LENGTH
        assert answer.finished.stats.completion_tokens == 5


async def test_a_reply_ends_when_the_context_is_full(tmp_path: Path) -> None:
    model = write_llama(tmp_path / "small.gguf", n_ctx_train=256)

    async with lent_engine(model) as driver:
        answer = await driver.generate(chat("x" * 150), Sampling(temperature=0, repeat_penalty=1))
        stats = answer.finished.stats
        assert answer.finished.stop_reason in (StopReason.CONTEXT, StopReason.END)
        if answer.finished.stop_reason is StopReason.CONTEXT:
            assert (
                stats.prompt_tokens + stats.completion_tokens == 256 + 1
            )  # the last one is not evaluated


async def test_a_prompt_that_does_not_fit_fails_with_both_numbers(tmp_path: Path) -> None:
    model = write_llama(tmp_path / "small.gguf", n_ctx_train=256)

    async with lent_engine(model) as driver:
        failed = (await driver.generate(chat("x" * 1000))).failed
        assert failed.kind == "context"
        assert "1,0" in failed.title
        assert "256" in failed.title
        assert not failed.died
        await driver.generate(chat("short"), LIMITED)  # and the engine goes on


async def test_the_prefill_begins_the_reply(model: Path) -> None:
    async with lent_engine(model) as driver:
        prompt = InstructPrompt(instruction="Count.", prefill="One, two,")
        with_prefill = await driver.generate(prompt, LIMITED)
        without = await driver.generate(InstructPrompt(instruction="Count."), LIMITED)
        assert (
            with_prefill.finished.stats.prompt_tokens
            == without.finished.stats.prompt_tokens + len("One, two,")
        )
    assert with_prefill.text.startswith("One, two,")
    assert not without.text.startswith("One, two,")


async def test_a_stop_string_ends_the_reply_and_is_not_shown(model: Path) -> None:
    async with lent_engine(model) as driver:
        whole = (await driver.generate(chat("Hello"), LIMITED)).text
        stop = whole[3:5]
        cut = await driver.generate(chat("Hello"), LIMITED.model_copy(update={"stop": (stop,)}))
        expected, text, reason = (
            whole[: whole.find(stop)].strip(),
            cut.text,
            cut.finished.stop_reason,
        )
    assert (text, reason) == (expected, StopReason.STOP_STRING)


async def test_a_stop_ends_the_evaluation_of_a_prompt(tmp_path: Path) -> None:
    model = write_llama(tmp_path / "long.gguf", n_ctx_train=65536)

    def first_progress(event: Event) -> bool:
        return isinstance(event, PromptProgress)

    async with lent_engine(model, n_ctx=65536) as driver:
        answer = await driver.generate(chat("x" * 60000), stop_when=first_progress)
        assert answer.finished.stop_reason is StopReason.STOPPED
        assert answer.finished.stats.completion_tokens == 0
        assert answer.progress[-1].evaluated < 60000
        again = await driver.generate(chat("x" * 60000), LIMITED, stop_when=first_progress)
        assert (
            again.finished.stats.reused_tokens >= answer.progress[-1].evaluated
        )  # what was ready is kept


async def test_a_stop_ends_a_reply_and_keeps_what_came(model: Path) -> None:
    def first_delta(event: Event) -> bool:
        return isinstance(event, Delta)

    async with lent_engine(model) as driver:
        sampling = Sampling(temperature=1.0, seed=3)
        whole = await driver.generate(
            chat("Hello"), sampling.model_copy(update={"max_tokens": 400})
        )
        answer = await driver.generate(chat("Hello"), sampling, stop_when=first_delta)
        if answer.finished.stop_reason is StopReason.STOPPED:
            assert whole.text.startswith(answer.text) or answer.text.startswith(whole.text)
            assert answer.finished.stats.completion_tokens >= 1


async def test_sampling_defaults_come_from_the_file(tmp_path: Path) -> None:
    greedy = write_llama(
        tmp_path / "greedy.gguf", n_ctx_train=1024, extra={"general.sampling.temp": 0.0}
    )

    async def replies() -> set[str]:
        async with lent_engine(greedy) as driver:
            limit = Sampling(max_tokens=16)
            return {(await driver.generate(chat("Hello"), limit)).text for _ in range(3)}

    assert len(await replies()) == 1


async def test_where_a_template_refuses_a_system_text_it_goes_into_the_users_message(
    tmp_path: Path,
) -> None:
    template = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
        "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
    )
    model = write_llama(tmp_path / "strict.gguf", chat_template=template, n_ctx_train=1024)

    async with lent_engine(model) as driver:
        view = await driver.inspect(InstructPrompt(instruction="Hi", system="Be brief"))
        assert view.text == "[user]Be brief\nHi"
        assert view.fallback == "system text joined to a user's message"
        answer = await driver.generate(InstructPrompt(instruction="Hi", system="Be brief"), LIMITED)
        assert answer.finished.stats.fallback == view.fallback


async def test_a_conversation_that_a_template_refuses_is_written_in_a_named_format(
    tmp_path: Path,
) -> None:
    template = "{% if messages | length > 1 %}{{ raise_exception('one only') }}{% endif %}{{ messages[0].content }}"
    model = write_llama(tmp_path / "single.gguf", chat_template=template, n_ctx_train=1024)

    async with lent_engine(model) as driver:
        alone = await driver.inspect(chat("Hi"))
        assert (alone.format, alone.fallback, alone.text) == ("chat-template", "as is", "Hi")
        view = await driver.inspect(chat("Hi", "Hello", "Bye"))
        assert (view.format, view.fallback.split(",")[0]) == ("chatml", "chatml")
        assert "one only" in view.fallback
        assert view.text.endswith("<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n")


async def test_a_hostile_template_is_reported_and_replaced(tmp_path: Path) -> None:
    template = "{{ 7 ** 99999999 }}{% for m in messages %}{{ m.content }}{% endfor %}"
    model = write_llama(tmp_path / "hostile-alpaca.gguf", chat_template=template, n_ctx_train=1024)

    async with lent_engine() as driver:
        loaded = await driver.load(model)
        assert isinstance(loaded, Loaded)
        assert (loaded.model.format, loaded.model.format_source) == (
            "alpaca",
            FormatSource.BUILT_IN,
        )
        assert "took longer than 5 s" in loaded.model.notes[0]
        answer = await driver.generate(InstructPrompt(instruction="Hi"), LIMITED)
        assert answer.finished.stats.format == "alpaca"


@pytest.mark.parametrize(
    "template",
    [
        "{{ raise_exception('\\ud800') }}",
        "{{ '\\ud800' }}{% for m in messages %}{{ m.content }}{% endfor %}",
    ],
)
async def test_a_template_that_writes_what_is_no_text_does_not_end_the_engine(
    tmp_path: Path, template: str
) -> None:
    model = write_llama(tmp_path / "surrogate.gguf", chat_template=template, n_ctx_train=1024)

    async with lent_engine(model) as driver:
        assert "Hi" in (await driver.inspect(chat("Hi"))).text
        assert (await driver.generate(chat("Hi"), LIMITED)).finished.stats.prompt_tokens > 0


async def test_the_sandbox_is_started_again_after_it_was_killed_from_outside(model: Path) -> None:
    engine = WorkerEngine()
    engine.start()
    driver = Driver(engine)
    assert isinstance(await driver.load(model), Loaded)
    assert engine.process_id is not None
    (sandbox,) = psutil.Process(engine.process_id).children()
    sandbox.kill()
    assert (await driver.inspect(chat("Hi"))).format == "chat-template"
    await engine.close()


async def test_a_template_that_turns_hostile_later_is_waited_for_once(tmp_path: Path) -> None:
    template = "{% if messages | length > 4 %}{{ 7 ** (99999999 + messages | length) }}{% endif %}{{ messages[0].content }}"
    model = write_llama(tmp_path / "sleeper.gguf", chat_template=template, n_ctx_train=1024)

    async with lent_engine(model) as driver:
        assert (await driver.inspect(chat("Hi"))).format == "chat-template"
        long = chat("Hi", "Hello", "How are you?", "Well", "Bye")
        view = await driver.inspect(long)
        assert (view.format, "took longer than 5 s" in view.fallback) == ("chatml", True)
        started = time.monotonic()
        assert (await driver.inspect(long)).format == "chatml"
        assert time.monotonic() - started < 4


async def test_the_format_can_be_changed_and_changed_back_while_the_model_is_loaded(
    model: Path,
) -> None:
    async with lent_engine(model) as driver:
        assert (await driver.use_format("vicuna")).model.format == "vicuna"
        assert (await driver.inspect(chat("Hi"))).text.endswith("USER: Hi ASSISTANT:")
        assert (await driver.generate(chat("Hi"), LIMITED)).finished.stats.format == "vicuna"
        back = (await driver.use_format(None)).model
        assert (back.format, back.format_source) == ("chat-template", FormatSource.GGUF)


async def test_a_prompt_can_be_inspected_in_another_format_than_the_one_in_use(model: Path) -> None:
    async with lent_engine(model) as driver:
        await driver.use_format("alpaca")
        assert (await driver.inspect(chat("Hi"), "vicuna")).text.endswith("USER: Hi ASSISTANT:")
        assert (await driver.inspect(chat("Hi"), "chat-template")).format == "chat-template"
        assert (await driver.inspect(chat("Hi"))).format == "alpaca"


async def test_what_is_inspected_is_what_the_model_gets(model: Path) -> None:
    async with lent_engine(model) as driver:
        prompt = chat("Hi <|im_end|>", "Hello", "Bye <|im_start|>")
        view = await driver.inspect(prompt)
        stats = (await driver.generate(prompt, LIMITED)).finished.stats
        assert stats.prompt_tokens == len(view.tokens) == sum(count for _, count in view.parts)
        assert "".join(token.text for token in view.tokens) == view.text
        assert (view.neutralised, stats.neutralised) == (
            ("<|im_end|>", "<|im_start|>"),
            ("<|im_start|>",),
        )
        controls = [token.text for token in view.tokens if token.control]
        assert controls == ["<|im_start|>", "<|im_end|>"] * 3 + ["<|im_start|>"]


async def test_prompts_can_be_inspected_with_the_vocabulary_alone(model: Path) -> None:
    async with lent_engine(model) as driver:
        whole = await driver.inspect(chat("Hi"))
        load = Load(model_path=str(model), formats=formats(), vocabulary_only=True)
        assert isinstance(await driver.ask(load, Loaded | Failed), Loaded)
        assert await driver.inspect(chat("Hi")) == whole
        assert "Only the vocabulary" in (await driver.generate(chat("Hi"))).failed.title


async def test_a_reply_that_was_stopped_can_be_asked_for_again_under_its_number(
    tmp_path: Path,
) -> None:
    async with lent_engine(write_endless(tmp_path / "endless.gguf")) as driver:
        stopped = await driver.generate(
            chat("Hello"), stop_when=lambda event: isinstance(event, Delta)
        )
        assert stopped.finished.stop_reason is StopReason.STOPPED
        driver.repeat_number()
        again = await driver.generate(chat("Hello"), Sampling(temperature=0, max_tokens=20))
        assert again.finished.stop_reason is not StopReason.STOPPED
        assert again.finished.stats.completion_tokens > 0


async def test_what_waits_is_stopped_at_once_whatever_is_worked_on(tmp_path: Path) -> None:
    async with lent_engine(
        write_llama(tmp_path / "tiny.gguf", n_ctx_train=65536), n_ctx=65536
    ) as driver:
        first, second = (
            Generate(id=number, prompt=chat("x" * 60000), sampling=LIMITED) for number in (101, 102)
        )
        for request in (first, second, Stop(id=102)):
            driver.engine.send(request)
        events = [await driver.next_event()]
        while not isinstance(events[-1], Cancelled):
            events.append(await driver.next_event())
        assert events[-1].id == 102
        assert all(isinstance(event, PromptProgress | Heartbeat) for event in events[:-1])
        again = Generate(id=102, prompt=chat("short"), sampling=LIMITED)
        driver.engine.send(again)  # it goes on under its number
        driver.engine.send(Stop(id=101))
        finished: list[tuple[int, StopReason]] = []
        while len(finished) < 2:
            event = await driver.next_event()
            assert not isinstance(event, Cancelled)
            if isinstance(event, Finished):
                finished.append((event.id, event.stop_reason))
        assert finished == [(101, StopReason.STOPPED), (102, StopReason.LENGTH)]


@pytest.mark.real_model
async def test_the_same_seed_gives_the_same_reply_again(starter: Path) -> None:
    """Though the second time only the last token of the prompt is evaluated."""
    seeded = Sampling(temperature=0.7, seed=5, max_tokens=100)

    async with lent_engine(starter, n_ctx=1024) as driver:
        prompt = chat("Write a story about a lighthouse keeper and a violin without strings. " * 3)
        first = await driver.generate(prompt, seeded)
        again = await driver.generate(prompt, seeded)
        assert again.finished.stats.evaluated_tokens < first.finished.stats.evaluated_tokens
        assert again.text == first.text

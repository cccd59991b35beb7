"""Workers that really die in llama.cpp's kernels: the engine goes on without them, or says what
helps.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from modechat.domain.conversation import StopReason
from modechat.domain.sampling import Sampling
from modechat.engine.client import WorkerEngine
from modechat.engine.death import Death
from modechat.engine.diagnosis import Remedy
from modechat.engine.extras_memory import ExtrasMemory
from modechat.engine.protocol import (
    Cancelled,
    Cause,
    CPUExtras,
    Delta,
    Event,
    Failed,
    Finished,
    FormatChanged,
    Generate,
    Inspect,
    Inspected,
    Load,
    Loaded,
    MeasureRaw,
    RawMeasured,
    Recovered,
    Stop,
    UseFormat,
)
from modechat.engine.second_try import SecondTry
from tests.dying_worker import FOLDER
from tests.engine.driver import GREEDY, Driver, chat, formats
from tests.tiny_models import write_llama

SHORT = Sampling(temperature=0, max_tokens=8)
REMEDY = Remedy("It was built elsewhere.", "build it here")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_llama(tmp_path_factory.mktemp("models") / "tiny.gguf", n_ctx_train=8192)


@pytest.fixture
def memory(tmp_path: Path) -> ExtrasMemory:
    return ExtrasMemory(
        tmp_path / "state" / "cpu-extras.json", lambda: {"build": "b", "processor": "p"}
    )


@pytest.fixture
def dies(monkeypatch: pytest.MonkeyPatch) -> _Dies:
    return _Dies(monkeypatch)


class _Dies:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def __call__(self, moment: str, number: str = "SIGILL", where: str = "extras") -> None:
        self._monkeypatch.setenv("DYING_WORKER", f"{moment} {number} {where}")
        self._monkeypatch.setenv(
            "PYTHONPATH", os.pathsep.join(filter(None, (FOLDER, os.environ.get("PYTHONPATH"))))
        )


@asynccontextmanager
async def second_try(memory: ExtrasMemory) -> AsyncIterator[Driver]:
    engine = SecondTry(WorkerEngine(), memory, lambda _: REMEDY)
    engine.start()
    try:
        yield Driver(engine)
    finally:
        await engine.close()


def load_request(model: Path, cpu_extras: CPUExtras = "auto") -> Load:
    return Load(
        model_path=str(model), n_gpu_layers=0, n_threads=1, formats=formats(), cpu_extras=cpu_extras
    )


async def events_until(driver: Driver, kind: type[Event]) -> list[Event]:
    events = [await driver.next_event()]
    while not isinstance(events[-1], kind):
        events.append(await driver.next_event())
    return events


def recoveries(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Recovered)]


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        ("decode", "SIGILL"),
        ("decode", "SIGSEGV"),
        ("decode", "SIGABRT"),
        ("load", "SIGILL"),
        ("load", "SIGSEGV"),
        ("load", "SIGABRT"),
        ("load", "SIGBUS"),
    ],
)
@pytest.mark.every_day(2)
async def test_a_message_is_answered_although_the_kernels_crash_and_that_is_remembered(
    model: Path, memory: ExtrasMemory, dies: _Dies, moment: str, number: str
) -> None:
    dies(moment, number)

    async with second_try(memory) as driver:
        driver.engine.send(load_request(model))
        driver.engine.send(Generate(id=1, prompt=chat("Hello"), sampling=SHORT))
        events = await events_until(driver, Finished)
        assert len(recoveries(events)) == 1
        assert not any(isinstance(event, Failed) for event in events)
        assert memory.says_off
        answer = await driver.generate(chat("Again"), SHORT)
        assert answer.finished.stats.completion_tokens > 0


async def test_what_is_remembered_spares_the_crash(
    model: Path, memory: ExtrasMemory, dies: _Dies
) -> None:
    dies("decode")
    memory.remember()

    async with second_try(memory) as driver:
        driver.engine.send(load_request(model))
        driver.engine.send(Generate(id=1, prompt=chat("Hello"), sampling=SHORT))
        assert recoveries(await events_until(driver, Finished)) == []


def test_another_build_or_another_processor_is_tried_anew(tmp_path: Path) -> None:
    path = tmp_path / "cpu-extras.json"
    ExtrasMemory(path, lambda: {"build": "1", "processor": "1"}).remember()
    assert ExtrasMemory(path, lambda: {"build": "1", "processor": "1"}).says_off
    assert not ExtrasMemory(path, lambda: {"build": "2", "processor": "1"}).says_off
    assert not ExtrasMemory(path, lambda: {"build": "1", "processor": "2"}).says_off
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"\xff\xfe", b"null", b"[" * 100_000])
def test_a_damaged_memory_says_nothing(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "cpu-extras.json"
    path.write_bytes(damage)
    assert not ExtrasMemory(path, lambda: {"build": "1", "processor": "1"}).says_off


def test_a_memory_that_cannot_be_written_counts_while_the_program_runs(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where a folder should be")
    memory = ExtrasMemory(
        tmp_path / "state" / "cpu-extras.json", lambda: {"build": "1", "processor": "1"}
    )
    memory.remember()
    assert memory.says_off


async def test_everything_that_was_asked_is_asked_again_in_its_order(
    model: Path, memory: ExtrasMemory, dies: _Dies
) -> None:
    dies("decode")

    async with second_try(memory) as driver:
        driver.engine.send(load_request(model))
        driver.engine.send(UseFormat(format="alpaca"))
        driver.engine.send(Generate(id=1, prompt=chat("One"), sampling=SHORT))
        driver.engine.send(Inspect(id=7, prompt=chat("Two")))
        driver.engine.send(Generate(id=2, prompt=chat("Three"), sampling=SHORT))
        events = await events_until(driver, Finished)
        events += await events_until(driver, Finished)
        ends = [event.id for event in events if isinstance(event, Finished | Inspected)]
        assert ends == [1, 7, 2]
        loaded = [event.model.format for event in events if isinstance(event, Loaded)]
        assert loaded[-1] == "alpaca"  # what was changed since the first load is part of the second
        assert [event.model.format for event in events if isinstance(event, FormatChanged)] == [
            "alpaca"
        ]


async def test_llama_cpps_own_loop_is_measured_although_the_kernels_crash(
    model: Path, memory: ExtrasMemory, dies: _Dies
) -> None:
    dies("decode")

    async with second_try(memory) as driver:
        driver.engine.send(load_request(model))
        driver.engine.send(MeasureRaw(prompt=chat("Hello"), n_generate=4))
        assert len(recoveries(await events_until(driver, RawMeasured))) == 1


async def test_a_message_that_was_stopped_stays_stopped(
    model: Path, memory: ExtrasMemory, dies: _Dies
) -> None:
    dies("decode")

    async with second_try(memory) as driver:
        driver.engine.send(load_request(model))
        await events_until(driver, Loaded)
        driver.engine.send(Generate(id=1, prompt=chat("x" * 3000), sampling=GREEDY))
        await events_until(driver, Recovered)
        driver.engine.send(Stop(id=1))
        end = await driver.next_event()
        while not isinstance(end, Finished | Cancelled):
            end = await driver.next_event()
        assert isinstance(end, Cancelled) or end.stop_reason is StopReason.STOPPED


async def test_a_reply_that_has_begun_is_not_asked_again_but_the_next_one_works(
    model: Path, memory: ExtrasMemory, dies: _Dies
) -> None:
    dies("decode:60")
    endless = Sampling(temperature=1.0, seed=5)

    async with second_try(memory) as driver:
        driver.engine.send(load_request(model))
        driver.engine.send(Generate(id=1, prompt=chat("Hello"), sampling=endless))
        events = await events_until(driver, Failed)
        if not any(isinstance(event, Delta) for event in events):
            pytest.skip("the reply had not begun")
        assert recoveries(events) == []
        failed = events[-1]
        assert isinstance(failed, Failed)
        assert failed.cause is not Cause.BUILD
        assert memory.says_off
        driver.engine.start()
        driver.engine.send(load_request(model))
        driver.engine.send(Generate(id=2, prompt=chat("Hello"), sampling=SHORT))
        assert recoveries(await events_until(driver, Finished)) == []


@pytest.mark.parametrize("moment", ["load", "decode"])
async def test_where_it_dies_without_the_kernels_too_the_death_says_what_helps(
    model: Path, memory: ExtrasMemory, dies: _Dies, moment: str
) -> None:
    dies(moment, where="always")

    async with second_try(memory) as driver:
        driver.engine.send(load_request(model))
        driver.engine.send(Generate(id=1, prompt=chat("Hello"), sampling=SHORT))
        events = await events_until(driver, Failed)
        failed = events[-1]
        assert isinstance(failed, Failed)
        assert failed.died
        assert failed.death is Death.ILLEGAL_INSTRUCTION
        assert failed.cause is Cause.BUILD
        assert failed.hint == str(REMEDY)
        assert recoveries(events) == []  # nothing is told that turns out to be untrue
        assert not memory.says_off  # it did not help


async def test_a_crash_that_the_kernels_are_not_to_blame_for_is_told_as_ever(
    model: Path, memory: ExtrasMemory, dies: _Dies
) -> None:
    dies("load", "SIGABRT", "always")

    async with second_try(memory) as driver:
        driver.engine.send(load_request(model))
        failed = (await events_until(driver, Failed))[-1]
        assert isinstance(failed, Failed)
        assert (failed.death, failed.hint, failed.cause) == (Death.ABORT, "", Cause.OTHER)
        assert not memory.says_off


@pytest.mark.parametrize("moment", ["decode:40"])
async def test_a_crash_after_the_model_has_computed_is_not_blamed_on_the_kernels(
    model: Path, memory: ExtrasMemory, dies: _Dies, moment: str
) -> None:
    dies(moment, "SIGSEGV")

    async with second_try(memory) as driver:
        driver.engine.send(load_request(model))
        driver.engine.send(Generate(id=1, prompt=chat("Hello"), sampling=SHORT))
        await events_until(driver, Finished)
        driver.engine.send(
            Generate(id=2, prompt=chat("x" * 2000), sampling=Sampling(temperature=1.0, seed=5))
        )
        failed = (await events_until(driver, Failed))[-1]
        assert isinstance(failed, Failed)
        assert failed.death is Death.CRASH
        assert not memory.says_off


async def test_who_wants_the_kernels_gets_them(
    model: Path, memory: ExtrasMemory, dies: _Dies
) -> None:
    dies("decode")
    memory.remember()

    async with second_try(memory) as driver:
        driver.engine.send(load_request(model, "on"))
        driver.engine.send(Generate(id=1, prompt=chat("Hello"), sampling=SHORT))
        failed = (await events_until(driver, Failed))[-1]
        assert isinstance(failed, Failed)
        assert "--cpu-extras auto" in failed.hint


async def test_who_wants_none_of_them_has_no_crash(
    model: Path, memory: ExtrasMemory, dies: _Dies
) -> None:
    dies("decode")

    async with second_try(memory) as driver:
        driver.engine.send(load_request(model, "off"))
        driver.engine.send(Generate(id=1, prompt=chat("Hello"), sampling=SHORT))
        events = await events_until(driver, Finished)
        assert recoveries(events) == []
        assert not memory.says_off
        assert events[-1].stop_reason in (StopReason.LENGTH, StopReason.END)  # type: ignore[union-attr]

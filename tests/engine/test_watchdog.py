"""Workers that hang: noticed, killed and told, and nothing else is taken for a hang."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from modechat.domain.sampling import Sampling
from modechat.engine.client import WorkerEngine
from modechat.engine.protocol import (
    Cancelled,
    Delta,
    Event,
    Failed,
    Generate,
    Heartbeat,
    Inspect,
    Inspected,
    Load,
    Loaded,
    LoadProgress,
    ModelInfo,
    Placement,
    Request,
    SaveLanes,
)
from modechat.engine.scripted import MODEL
from modechat.engine.watchdog import HangDetector, Patience, Watchdog
from tests.engine.driver import Driver, chat
from tests.tiny_models import write_llama

PATIENCE = Patience(silent=10, starting=60, standing_still=30, loading=120)
GENERATE = Generate(id=1, prompt=chat("Hello"))
LOAD = Load(model_path="x.gguf", formats=())


def detector(*asked: Request, spoken: bool = True) -> HangDetector:
    detector = HangDetector(PATIENCE, 0)
    if spoken:
        detector.heard(LoadProgress(fraction=0.1), 0)
    for request in asked:
        detector.asked(request, 0)
    return detector


def test_a_worker_that_was_asked_nothing_may_be_silent() -> None:
    assert detector().verdict(1000) == ""
    assert detector(SaveLanes()).verdict(1000) == ""


def test_silence_is_a_hang_and_a_heartbeat_is_not() -> None:
    watched = detector(GENERATE)
    assert watched.verdict(10) == ""
    watched.heard(Heartbeat(progress=1), 10)
    assert watched.verdict(20) == ""
    assert watched.verdict(20.1) == "it gave no sign of life for 10 seconds"


def test_a_worker_that_has_not_said_anything_yet_may_start_slowly() -> None:
    watched = detector(LOAD, spoken=False)
    watched.heard(Heartbeat(progress=0), 1)
    assert watched.verdict(59) == ""
    assert "no sign of life for 60 seconds" in watched.verdict(62)


def test_a_computation_that_stands_still_is_a_hang_though_the_heart_beats() -> None:
    watched = detector(GENERATE)
    for second in range(1, 32):
        watched.heard(Heartbeat(progress=min(second, 5)), second)
    assert watched.verdict(34) == ""
    watched.heard(Heartbeat(progress=5), 34)
    assert watched.verdict(36) == "its computation stood still for 30 seconds"


@pytest.mark.parametrize("request_", [LOAD, Inspect(id=1, prompt=chat("Hello"))])
def test_loading_and_looking_may_stand_still_for_longer(request_: Request) -> None:
    watched = detector(request_)
    for second in range(0, 122, 5):
        watched.heard(Heartbeat(progress=5), second)
    assert watched.verdict(120) == ""
    assert "120 seconds" in watched.verdict(121)


def test_what_is_asked_while_it_saves_may_wait_for_longer() -> None:
    watched = detector(SaveLanes(), GENERATE)
    for second in range(0, 60, 5):
        watched.heard(Heartbeat(progress=5), second)
    assert watched.verdict(60) == ""
    watched.heard(Delta(id=1, text="x", completion_tokens=1), 60)
    watched.heard(Heartbeat(progress=5), 90)
    watched.heard(Heartbeat(progress=5), 95)
    assert "30 seconds" in watched.verdict(96)


@pytest.mark.parametrize(("uses_gpu", "hangs"), [(False, True), (True, False)])
def test_a_gpu_tells_nothing_within_a_batch(uses_gpu: bool, hangs: bool) -> None:
    watched = detector(LOAD)
    model: ModelInfo = MODEL.model_copy(
        update={"placement": Placement(n_gpu_layers=1 if uses_gpu else 0)}
    )
    watched.heard(Loaded(model=model, seconds_load=1), 1)
    watched.asked(GENERATE, 1)
    for second in range(1, 60, 5):
        watched.heard(Heartbeat(progress=5), second)
    assert bool(watched.verdict(60)) is hangs


def test_an_answer_ends_what_was_asked_up_to_it() -> None:
    watched = detector(LOAD, GENERATE, Inspect(id=7, prompt=chat("Hello")))
    watched.heard(Delta(id=1, text="x", completion_tokens=1), 1)
    assert watched.verdict(100)
    watched.heard(Inspected(id=7, error="none"), 100)
    assert watched.verdict(1000) == ""


def test_what_is_cancelled_is_no_answer_to_what_is_before_it() -> None:
    watched = detector(SaveLanes(), LOAD, GENERATE)
    watched.heard(Cancelled(id=1), 1)
    for second in range(0, 120, 5):
        watched.heard(Heartbeat(progress=5), second)
    assert "120 seconds" in watched.verdict(121)
    watched.heard(Loaded(model=MODEL, seconds_load=1), 122)
    assert watched.verdict(1000) == ""


def test_the_time_before_a_request_does_not_count() -> None:
    watched = detector()
    watched.asked(GENERATE, 500)
    assert watched.verdict(505) == ""


class SteppedClock:
    """A clock that jumps when it is told to."""

    def __init__(self) -> None:
        self.offset = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.offset


def test_a_program_that_slept_itself_does_not_take_its_worker_for_hanging() -> None:
    clock, hangs, looked = SteppedClock(), list[str](), threading.Event()

    class Watched(SteppedClock):
        def __call__(self) -> float:
            looked.set()
            return clock()

    watchdog = Watchdog(Patience(silent=0.4, starting=0.4), hangs.append, Watched())
    watchdog.asked(GENERATE)
    clock.offset = 3600.0  # the lid of the laptop was closed
    for _ in range(2):
        looked.clear()
        assert looked.wait(5)
    assert hangs == []
    watchdog.end()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_llama(tmp_path_factory.mktemp("models") / "tiny.gguf", n_ctx_train=8192)


QUICK = Patience(silent=2.5, starting=20, standing_still=5, loading=20)


@asynccontextmanager
async def watched_engine(
    model: Path, patience: Patience = QUICK
) -> AsyncIterator[tuple[Driver, WorkerEngine]]:
    """A worker with this model, and the hang detector's patience."""
    engine = WorkerEngine(patience=patience)
    engine.start()
    driver = Driver(engine)
    try:
        assert isinstance(await driver.load(model), Loaded)
        yield driver, engine
    finally:
        await engine.close()


async def test_a_worker_that_was_stopped_in_a_reply_is_killed_and_told_once(model: Path) -> None:
    async with watched_engine(model) as (driver, engine):
        assert engine.process_id is not None
        process = psutil.Process(engine.process_id)

        def freeze(event: Event) -> bool:
            if isinstance(event, Delta):
                process.send_signal(signal.SIGSTOP)
            return False

        answer = await driver.generate(
            chat("x" * 2000), Sampling(temperature=1.0, seed=5), stop_when=freeze
        )
        failed = answer.failed
        assert failed.died
        assert failed.title == "The engine hung: it gave no sign of life for 2.5 seconds"
        assert failed.log_tail
        assert not process.is_running()
        engine.start()
        assert isinstance(await driver.load(model), Loaded)  # the very next answer


async def test_heartbeats_keep_a_long_request_alive_and_never_reach_the_front_end(
    model: Path,
) -> None:
    async with watched_engine(
        model, Patience(silent=1.5, starting=20, standing_still=1.5, loading=20)
    ) as (driver, engine):
        sampling = Sampling(temperature=1.0, seed=11, max_tokens=3000)
        answer = await driver.generate(
            chat("Go " * 1000), sampling
        )  # it asserts that no other event comes
        assert answer.finished.stats.completion_tokens > 0
        assert engine.process_id is not None


async def test_an_idle_worker_that_was_stopped_is_noticed_when_it_is_asked(model: Path) -> None:
    async with watched_engine(model) as (driver, engine):
        assert engine.process_id is not None
        os.kill(engine.process_id, signal.SIGSTOP)
        answer = await driver.generate(chat("Hello"))
        assert isinstance(answer.failed, Failed)
        assert "hung" in answer.failed.title


async def test_a_worker_that_was_stopped_only_for_a_moment_goes_on(model: Path) -> None:
    async with watched_engine(model) as (driver, engine):
        assert engine.process_id is not None
        os.kill(engine.process_id, signal.SIGSTOP)
        threading.Timer(0.5, os.kill, (engine.process_id, signal.SIGCONT)).start()
        answer = await driver.generate(chat("Hello"), Sampling(temperature=0, max_tokens=4))
        assert answer.finished.stats.completion_tokens <= 4

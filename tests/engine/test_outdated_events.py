"""No event of a worker that is dead, killed or replaced reaches whoever started the next one."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from modechat.engine.client import WorkerEngine
from modechat.engine.death import Death
from modechat.engine.diagnosis import Remedy
from modechat.engine.extras_memory import ExtrasMemory
from modechat.engine.protocol import (
    Cause,
    Delta,
    Event,
    Failed,
    Finished,
    FormatChanged,
    Generate,
    Load,
    Loaded,
    LoadProgress,
    Recovered,
    Request,
    UseFormat,
)
from modechat.engine.scripted import MODEL
from modechat.engine.second_try import SecondTry
from modechat.engine.watchdog import Patience, Watchdog
from modechat.engine.wire import encode
from modechat.engine.worker_process import WorkerProcess
from tests.engine.driver import Driver, chat, formats
from tests.tiny_models import write_llama

SPEAKS = """
import sys, time
sys.stdout.buffer.write(bytes.fromhex(sys.argv[1]))
sys.stdout.buffer.flush()
time.sleep(60)
"""
OLD = MODEL.model_copy(update={"name": "old"})


def speaking(*events: Event) -> subprocess.Popen[bytes]:
    """A process that says this and then nothing more."""
    return saying(b"".join(encode(event) for event in events))


def saying(said: bytes) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", SPEAKS, said.hex()], stdin=pipe, stdout=pipe, stderr=pipe
    )


async def until_said(engine: WorkerEngine, count: int) -> None:
    """Wait until the client has so many events of the worker."""
    for _ in range(2000):
        if engine._events.qsize() >= count:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the worker did not say it")


async def test_a_model_that_a_killed_worker_loaded_is_not_taken_for_the_one_that_follows(
    tmp_path: Path,
) -> None:
    model = write_llama(tmp_path / "new.gguf")

    engine = WorkerEngine(process=speaking(Loaded(model=OLD, seconds_load=1)))
    engine.start()
    driver = Driver(engine)
    await until_said(engine, 1)
    engine.start()
    loaded = await driver.load(model)
    assert isinstance(loaded, Loaded)
    assert loaded.model.name == "new"
    await engine.close()


class _Slow(Watchdog):
    """Holds the thread that reads events when the first one has come, until it may go on."""

    def __init__(self, on_hang: Callable[[str], None]) -> None:
        super().__init__(Patience(), on_hang, time.monotonic)
        self.has_come, self.may_go_on = threading.Event(), threading.Event()

    def heard(self, event: Event) -> None:
        self.has_come.set()
        assert self.may_go_on.wait(20)
        super().heard(event)


def test_what_is_read_of_a_worker_after_its_kill_is_dropped() -> None:
    said: list[Event] = []
    watchdogs: list[_Slow] = []

    def watchdog(on_hang: Callable[[str], None]) -> Watchdog:
        watchdogs.append(_Slow(on_hang))
        return watchdogs[0]

    process = speaking(LoadProgress(fraction=1), Loaded(model=OLD, seconds_load=1))
    worker = WorkerProcess(process, said.append, None, watchdog, None)
    assert watchdogs[0].has_come.wait(20)
    worker.kill()
    watchdogs[0].may_go_on.set()
    worker.close()
    assert said == []


async def test_a_worker_of_another_version_is_reported_and_not_waited_for() -> None:
    finished = Finished.model_construct(type="finished", id=1)  # without what this version needs
    of_other_version = finished.model_dump_json().encode() + b"\n"

    engine = WorkerEngine(process=saying(b"what a library prints\n" + of_other_version))
    engine.start()
    engine.send(Generate(id=1, prompt=chat("Hello")))
    died = await Driver(engine).next_event()
    assert isinstance(died, Failed)
    assert (died.id, died.death, died.cause) == (1, Death.OTHER_VERSION, Cause.VERSION)
    assert died.died
    assert died.hint
    assert any("what a library prints" in line for line in died.log_tail)
    await engine.close()


async def test_a_worker_that_is_cut_off_within_a_line_died_of_what_killed_it() -> None:
    half = encode(Delta(id=1, text="Hello", completion_tokens=1))[:30]
    says_half = f"import sys; sys.stdout.buffer.write({half!r}); sys.stdout.flush(); sys.exit(3)"

    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [sys.executable, "-c", says_half], stdin=pipe, stdout=pipe, stderr=pipe
    )
    engine = WorkerEngine(process=process)
    engine.start()
    died = await Driver(engine).next_event()
    assert isinstance(died, Failed)
    assert died.death is Death.EXIT
    assert "exit code 3" in died.title
    await engine.close()


async def test_a_worker_that_cannot_read_a_request_says_so_and_ends() -> None:
    class _Unknown(Load):
        type: str = "of the future"  # type: ignore[assignment]

    engine = WorkerEngine()
    engine.start()
    engine.send(_Unknown(model_path="x.gguf", formats=()))
    died = await Driver(engine).next_event()
    assert isinstance(died, Failed)
    assert (died.death, died.cause) == (Death.OTHER_VERSION, Cause.VERSION)
    assert any("of the future" in line for line in died.log_tail)
    await engine.close()


async def test_an_engine_that_was_closed_starts_no_worker_that_nobody_would_end() -> None:
    engine = WorkerEngine(process=speaking())
    engine.start()
    await engine.close()
    engine.start()
    assert engine.process_id is None


class _Inner:
    """An engine that says what a test lets it say."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[Event] = asyncio.Queue()
        self.sent: list[Request] = []
        self.n_started = 0

    def start(self) -> None:
        self.n_started += 1

    def send(self, request: Request) -> None:
        self.sent.append(request)

    async def events(self) -> AsyncIterator[Event]:
        while True:
            yield await self.said.get()

    async def close(self) -> None:
        pass


def died(death: Death) -> Failed:
    return Failed(id=None, kind="engine", title="The engine died", died=True, death=death)


async def test_a_death_whose_remedy_is_still_looked_for_is_not_reported_after_a_restart(
    tmp_path: Path,
) -> None:
    inner, may_answer, is_asked = _Inner(), threading.Event(), threading.Event()

    def diagnose(_with_extras: bool) -> Remedy:
        is_asked.set()
        assert may_answer.wait(20)
        return Remedy("It was built elsewhere.", "build it here")

    engine = SecondTry(inner, ExtrasMemory(tmp_path / "x.json", dict), diagnose)
    events = engine.events()
    engine.start()
    engine.send(Load(model_path="a.gguf", formats=(), cpu_extras="off"))
    inner.said.put_nowait(died(Death.ILLEGAL_INSTRUCTION))
    inner.said.put_nowait(Loaded(model=MODEL, seconds_load=1))
    next_event = asyncio.ensure_future(anext(events))
    await asyncio.to_thread(is_asked.wait, 20)
    engine.start()  # the user has chosen another model
    engine.send(Load(model_path="b.gguf", formats=(), cpu_extras="off"))
    may_answer.set()
    assert isinstance(await next_event, Loaded)


async def test_that_another_model_went_on_without_the_kernels_is_not_said_of_this_one(
    tmp_path: Path,
) -> None:
    inner = _Inner()

    memory = ExtrasMemory(tmp_path / "x.json", lambda: {"build": "b"})
    engine = SecondTry(inner, memory, lambda _: Remedy("", ""))
    events = engine.events()
    engine.start()
    engine.send(Load(model_path="a.gguf", formats=()))
    inner.said.put_nowait(died(Death.CRASH))
    inner.said.put_nowait(LoadProgress(fraction=0.1))
    assert isinstance(await anext(events), LoadProgress)
    assert inner.n_started == 2  # without the kernels
    engine.start()
    engine.send(Load(model_path="b.gguf", formats=()))
    engine.send(Generate(id=1, prompt=chat("Hello")))
    inner.said.put_nowait(Delta(id=1, text="Hi", completion_tokens=1))
    assert not isinstance(await anext(events), Recovered)


async def test_a_format_that_changed_although_nobody_asked_for_it_is_no_error(
    tmp_path: Path,
) -> None:
    inner = _Inner()

    engine = SecondTry(inner, ExtrasMemory(tmp_path / "x.json", dict), lambda _: Remedy("", ""))
    events = engine.events()
    engine.start()
    engine.send(UseFormat(format="chatml"))
    engine.start()
    inner.said.put_nowait(FormatChanged(model=MODEL))
    assert isinstance(await anext(events), FormatChanged)


async def test_every_event_about_a_load_has_its_number(tmp_path: Path) -> None:
    engine = WorkerEngine()
    engine.start()
    driver = Driver(engine)
    engine.send(Load(number=7, model_path=str(tmp_path / "missing.gguf"), formats=formats()))
    failed = await driver.next_event()
    assert isinstance(failed, Failed)
    assert failed.load == 7
    path = str(write_llama(tmp_path / "tiny.gguf"))
    engine.send(Load(number=8, model_path=path, formats=formats(), n_gpu_layers=0))
    while not isinstance(event := await driver.next_event(), Loaded):
        assert isinstance(event, LoadProgress)
        assert event.load == 8
    assert event.load == 8
    await engine.close()

"""The worker's life and death."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from modechat.domain.conversation import StopReason
from modechat.domain.sampling import Sampling
from modechat.engine.client import WorkerEngine
from modechat.engine.protocol import (
    Delta,
    Event,
    Failed,
    Generate,
    Loaded,
    PromptProgress,
    Shutdown,
)
from tests.engine.driver import Driver, chat, running_engine
from tests.tiny_models import write_llama


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_llama(tmp_path_factory.mktemp("models") / "tiny.gguf", n_ctx_train=8192)


async def test_closing_ends_the_process(model: Path) -> None:
    async with running_engine(model) as driver:
        process_id = _process_id(driver)
        assert psutil.pid_exists(process_id)
    assert not psutil.pid_exists(process_id)


async def test_a_killed_worker_fails_its_request_and_another_can_be_started(model: Path) -> None:
    endless = Sampling(temperature=1.0, seed=5)

    async with running_engine(model) as driver:
        process_id = _process_id(driver)

        def kill(event: Event) -> bool:
            if isinstance(event, Delta):
                os.kill(process_id, signal.SIGKILL)
            return False

        # A reply can end before the kill arrives; then the death has no request.
        answer = await driver.generate(chat("x" * 4000), endless, stop_when=kill)
        failed = answer.end if isinstance(answer.end, Failed) else await driver.next_event()
        assert isinstance(failed, Failed)
        assert failed.died
        assert "SIGKILL" in failed.title
        assert failed.log_tail  # llama.cpp says what it loads
        driver.engine.start()
        assert isinstance(await driver.load(model), Loaded)
        await driver.generate(chat("Hello"), Sampling(temperature=0, max_tokens=4))


async def test_a_death_is_told_once_whatever_is_sent_to_the_dead(model: Path) -> None:
    async with running_engine(model) as driver:
        os.kill(_process_id(driver), signal.SIGKILL)
        driver.engine.send(Generate(id=99, prompt=chat("Hello")))
        died = await driver.next_event()
        assert isinstance(died, Failed)
        assert died.died
        driver.engine.send(Generate(id=100, prompt=chat("Hello")))
        driver.engine.start()
        assert isinstance(await driver.load(model), Loaded)  # the very next answer


def test_the_worker_ends_when_its_front_end_is_killed() -> None:
    front_end = textwrap.dedent(
        """
        import sys, time
        from modechat.engine.client import WorkerEngine
        engine = WorkerEngine()
        engine.start()
        print(engine.process_id, flush=True)
        time.sleep(600)
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", front_end], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        worker = psutil.Process(int(process.stdout.readline()))
        process.kill()
        process.wait()
    psutil.wait_procs([worker], timeout=20)
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE


def test_what_native_code_prints_does_not_reach_the_pipe() -> None:
    code = textwrap.dedent(
        """
        import os
        from modechat.engine.protocol import LoadProgress
        from modechat.engine.worker.pipe import Pipe
        pipe = Pipe.take_over_standard_streams()
        os.write(1, b"noise from native code\\n")
        pipe.emit(LoadProgress(fraction=0.5))
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, input=""
    )
    assert done.stdout == '{"type":"load_progress","load":0,"fraction":0.5}\n'
    assert "noise from native code" in done.stderr


async def test_a_llama_cpp_that_cannot_be_loaded_is_named_as_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "llama_cpp"
    broken.mkdir()
    (broken / "__init__.py").write_text("")
    (broken / "llama_cpp.py").write_text(
        "raise OSError('libcudart.so.12: cannot open shared object file')"
    )
    monkeypatch.setenv(
        "PYTHONPATH",
        os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]),
    )

    async with running_engine() as driver:
        failed = await driver.next_event()
        assert isinstance(failed, Failed)
    assert "libcudart.so.12" in failed.title
    assert "Install the CUDA runtime" in failed.hint


async def test_the_worker_imports_nothing_from_the_folder_that_it_is_started_in(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("queue.py", "jinja2.py", "psutil.py"):
        (tmp_path / name).write_text("raise SystemExit('hijacked')")
    monkeypatch.chdir(tmp_path)

    async with running_engine(model) as driver:
        await driver.generate(chat("Hello"), Sampling(temperature=0, max_tokens=2))


def _process_id(driver: Driver) -> int:
    assert isinstance(driver.engine, WorkerEngine)
    assert driver.engine.process_id is not None
    return driver.engine.process_id


SLOW_TO_END = """
import sys, time, pathlib
from modechat.engine.protocol import Heartbeat
from modechat.engine.wire import encode
for line in sys.stdin.buffer:
    if b"shutdown" in line:
        break
for beat in range(8):  # it keeps something on disk
    try:
        sys.stdout.buffer.write(encode(Heartbeat(progress=beat)))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        pass
    time.sleep(0.4)
pathlib.Path(sys.argv[1]).write_text("kept")
"""


def _slow_to_end(kept: Path) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", SLOW_TO_END, str(kept)], stdin=pipe, stdout=pipe, stderr=pipe
    )


async def test_a_worker_that_still_keeps_things_on_disk_does_not_hold_up_the_terminal_and_finishes(
    tmp_path: Path,
) -> None:
    kept = tmp_path / "kept"
    process = _slow_to_end(kept)
    engine = WorkerEngine(process=process)
    engine.start()
    before = time.monotonic()
    await engine.close()
    assert time.monotonic() - before < 2.5
    assert not kept.exists()
    assert process.wait(20) == 0
    assert kept.read_text() == "kept"


async def test_a_worker_that_hangs_when_it_should_end_is_killed(model: Path) -> None:
    async with running_engine(model) as driver:
        process = psutil.Process(_process_id(driver))
        process.suspend()
    assert not process.is_running()


async def test_a_worker_that_was_unloaded_tells_no_death_and_its_successor_waits_for_it(
    model: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"

    engine = WorkerEngine(process=_slow_to_end(kept))
    engine.start()
    driver = Driver(engine)
    engine.send(Shutdown())
    engine.send(Generate(id=1, prompt=chat("Nobody hears this")))
    engine.start()
    assert isinstance(await driver.load(model), Loaded)  # the very next answer
    assert kept.exists()
    await engine.close()


async def test_a_stop_leaves_nothing_in_the_log_that_reads_like_a_failure(tmp_path: Path) -> None:
    """The last lines of the log are shown as the cause of a death."""
    log = io.StringIO()

    engine = WorkerEngine(log=log)
    engine.start()
    driver = Driver(engine)
    await driver.load(write_llama(tmp_path / "tiny.gguf", n_ctx_train=8192), n_ctx=8192)
    stopped = await driver.generate(
        chat("z" * 6000), stop_when=lambda event: isinstance(event, PromptProgress)
    )
    assert stopped.finished.stop_reason is StopReason.STOPPED
    await engine.close()
    assert "n_ctx" in log.getvalue()
    assert "failed" not in log.getvalue()


async def test_a_worker_that_was_dead_before_anybody_listened_is_reported() -> None:
    for _ in range(20):  # its threads begin in no certain order
        with subprocess.Popen(
            [sys.executable, "-S", "-c", "import sys; sys.exit('last words')"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            engine = WorkerEngine(process=process)
            engine.start()
            died = await Driver(engine).next_event()
            await engine.close()
        assert isinstance(died, Failed)
        assert died.log_tail == ("last words",)

"""`modechat run` with a worker that hangs."""

from __future__ import annotations

import io
import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from modechat.cli.one_task import OneTask
from modechat.domain.modes import Task
from modechat.domain.sampling import Sampling
from modechat.engine.client import WorkerEngine
from modechat.engine.protocol import Load
from modechat.engine.watchdog import Patience
from modechat.errors import EngineError
from modechat.session.settings import SessionSettings, generate_request
from tests.engine.driver import formats
from tests.tiny_models import write_endless


class StopsTheWorker(io.StringIO):
    """Standard output that stops the worker at the first word."""

    def __init__(self, engine: WorkerEngine) -> None:
        super().__init__()
        self._engine = engine

    def write(self, text: str) -> int:
        assert self._engine.process_id is not None
        if not self.getvalue():
            os.kill(self._engine.process_id, signal.SIGSTOP)
        return super().write(text)


async def test_a_hang_ends_it_with_the_cause_and_the_last_log_lines(tmp_path: Path) -> None:
    model = write_endless(tmp_path / "tiny.gguf")
    load = Load(model_path=str(model), n_ctx=65536, n_gpu_layers=0, n_threads=1, formats=formats())
    sampling = Sampling(temperature=0, stop_repetition=False)
    settings = SessionSettings(load=load, sampling=sampling)
    request = generate_request(1, Task("Go " * 100), (), settings, datetime.now(UTC))

    engine = WorkerEngine(patience=Patience(silent=2.5, starting=20, standing_still=10, loading=20))
    engine.start()
    task = OneTask(engine, settings, request, StopsTheWorker(engine), as_json=False)
    with pytest.raises(EngineError, match="The engine hung: it gave no sign of life") as caught:
        await task.run()
    assert "Its last log lines:" in caught.value.hint

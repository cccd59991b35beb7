"""The engine on this machine, as every command uses it."""

from __future__ import annotations

import subprocess
from typing import IO

from modechat.engine.client import WorkerEngine
from modechat.engine.diagnosis import diagnose
from modechat.engine.extras_memory import ExtrasMemory
from modechat.engine.protocol import Engine
from modechat.engine.second_try import SecondTry
from modechat.paths import cpu_extras_file


def local_engine(process: subprocess.Popen[bytes] | None, log: IO[str] | None = None) -> Engine:
    """An engine in a worker process, not started. `process` was spawned for it; `log` gets its standard error."""
    return SecondTry(WorkerEngine(log, process), ExtrasMemory(cpu_extras_file()), diagnose)

"""The engine on this machine, as every command uses it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import IO

from modechat.engine.client import WorkerEngine
from modechat.engine.diagnosis import diagnose
from modechat.engine.extras_memory import ExtrasMemory
from modechat.engine.protocol import Delta, Engine
from modechat.engine.second_try import SecondTry
from modechat.paths import cpu_extras_file


def local_engine(
    process: subprocess.Popen[bytes] | None,
    log: IO[str] | None = None,
    is_shown: Callable[[Delta], bool] = lambda _: True,
) -> Engine:
    """An engine in a worker process, not started. `process` was spawned for it; `log` gets its standard error.

    `is_shown` says which parts of a reply the user sees as they come.
    """
    return SecondTry(WorkerEngine(log, process), ExtrasMemory(cpu_extras_file()), diagnose, is_shown)

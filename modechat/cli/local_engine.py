"""Makes the engine on this machine that all commands use."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import IO, TYPE_CHECKING

from modechat.engine.client import WorkerEngine
from modechat.engine.extras_memory import ExtrasMemory
from modechat.engine.protocol import Delta, Engine
from modechat.engine.second_try import SecondTry
from modechat.paths import cpu_extras_file

if TYPE_CHECKING:
    from modechat.engine.diagnosis import Remedy


def local_engine(
    process: subprocess.Popen[bytes] | None,
    log: IO[str] | None = None,
    is_shown: Callable[[Delta], bool] | None = None,
) -> Engine:
    """Return an engine in a worker process, not started.

    `process` was spawned for it; `log` gets its standard error. `is_shown` returns True for parts
    of a reply that the user sees at once; None: all parts.
    """
    return SecondTry(
        WorkerEngine(log, process),
        ExtrasMemory(cpu_extras_file()),
        _diagnose,
        is_shown or _is_always_shown,
    )


def _is_always_shown(_delta: Delta) -> bool:
    return True


def _diagnose(with_extras: bool) -> Remedy:
    from modechat.engine.diagnosis import diagnose  # only after the engine has died

    return diagnose(with_extras)

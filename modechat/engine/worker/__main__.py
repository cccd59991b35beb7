"""Starts the worker. Imports llama.cpp last, while requests queue up."""

from __future__ import annotations

import gc
import os
import platform
import signal
import sys
import traceback
from collections.abc import Callable

from modechat.engine.protocol import Cause, Failed
from modechat.engine.worker.pipe import Pipe


def main() -> None:
    # Ctrl+C in the terminal is for the front end, which asks the worker to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # imports leave no garbage
    pipe = Pipe.take_over_standard_streams()
    pipe.start_reading()

    # Not sys.exit: the reading thread waits on standard input, and Python would abort over that.
    try:
        run_server = _import_server(pipe)
        gc.freeze()
        gc.enable()
        run_server()
    except Exception:  # noqa: BLE001 - the process ends here, whatever it was
        traceback.print_exc()  # a bug, or a broken llama.cpp; the client reports these lines
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def _import_server(pipe: Pipe) -> Callable[[], None]:
    """Return the server's loop. If llama.cpp cannot be imported, report the failure and raise."""
    try:
        from modechat.engine.worker.server import Server

        return Server(pipe).run
    except (ImportError, OSError, RuntimeError) as error:
        from modechat.engine.build import CANNOT_LOAD, how_to_load

        pipe.emit(
            Failed(
                id=None,
                kind="engine",
                title=f"{CANNOT_LOAD}: {error}",
                hint=how_to_load(str(error), sys.executable, platform.system()),
                cause=Cause.BUILD,
            )
        )
        raise


if __name__ == "__main__":
    main()

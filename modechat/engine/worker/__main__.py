"""Starts the worker. Importing llama.cpp comes last: requests queue up meanwhile."""

from __future__ import annotations

import os
import signal
import sys
import traceback

from modechat.engine.worker.pipe import Pipe


def main() -> None:
    # Ctrl+C in the terminal is for the front end, which asks the worker to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pipe = Pipe.take_over_standard_streams()
    pipe.start_reading()

    from modechat.engine.worker.server import Server

    # Not sys.exit: the reading thread waits on standard input, and Python would abort over that.
    try:
        Server(pipe).run()
    except Exception:  # noqa: BLE001 - a bug; the client reports these last words
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main()

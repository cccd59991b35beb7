"""`modechat`, and `python -m modechat`."""

from __future__ import annotations

import os
import sys

_WITH_ENGINE = ("run", "prompt", "bench")
_HELP = {"-h", "--help"}
_INTERRUPTED = 130  # as `modechat.errors` has it


def main() -> int:
    """Run the command line; returns the exit code."""
    try:
        code = _run(sys.argv[1:])
    except KeyboardInterrupt:  # before there was a command that could take it
        code = _INTERRUPTED
    import signal
    import threading

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done: one more Ctrl+C must not end in a traceback
    if threading.active_count() == 1:
        os._exit(code)  # all is closed and written: Python would take its modules apart first, for 0.05 s
    return code


def _run(arguments: list[str]) -> int:
    # pydantic looks for plugins in the metadata of every package that is installed.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # Imports come here, where a Ctrl+C is taken.
    from modechat.engine.process import spawn_worker

    # The worker starts while this process imports what reads the command line. One that nobody wants ends with us.
    worker = spawn_worker() if arguments[:1] and arguments[0] in _WITH_ENGINE and not _HELP & set(arguments) else None
    from modechat.cli.main import main as run_command

    return run_command(arguments, worker)


if __name__ == "__main__":
    sys.exit(main())

"""Starts the command line for `modechat` and `python -m modechat`."""

from __future__ import annotations

import os
import sys

_HELP = {"-h", "--help"}


def main() -> int:
    """Run the command line and return the exit code."""
    try:
        code = _run(sys.argv[1:])
    except KeyboardInterrupt:  # Ctrl+C before a command could handle it
        from modechat.errors import EXIT_INTERRUPTED

        code = EXIT_INTERRUPTED
    import signal
    import threading

    # All work is done: another Ctrl+C must not end in a traceback.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if threading.active_count() == 1:
        # All files are closed and written. Python would spend 0.05 s on unloading its modules.
        os._exit(code)
    return code


def _run(arguments: list[str]) -> int:
    # pydantic looks for plugins in the metadata of every installed package.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # The imports are here because this function handles Ctrl+C.
    from modechat.cli import WITH_ENGINE
    from modechat.engine.process import spawn_worker

    # The worker starts while this process imports the parser of the command line. An unneeded
    # worker ends with this process.
    is_wanted = bool(arguments) and arguments[0] in WITH_ENGINE and not _HELP & set(arguments)
    worker = None
    if is_wanted:
        worker = spawn_worker()
    from modechat.cli.main import main as run_command

    return run_command(arguments, worker)


if __name__ == "__main__":
    sys.exit(main())

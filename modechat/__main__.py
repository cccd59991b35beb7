"""`modechat`, and `python -m modechat`."""

from __future__ import annotations

import signal
import sys

from modechat.cli.main import main as run_command


def main() -> int:
    """Run the command line; returns the exit code."""
    code = run_command()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done: one more Ctrl+C must not end in a traceback
    return code


if __name__ == "__main__":
    sys.exit(main())

"""Runs the command of the command line. `--help` and `--version` import nothing heavy."""

from __future__ import annotations

import argparse
import subprocess
import threading
from collections.abc import Sequence

from modechat.cli import WITH_ENGINE
from modechat.cli.parser import make_parser
from modechat.cli.streams import forget_unwritten_output, tell
from modechat.errors import EXIT_INTERRUPTED, ModechatError

_STACK = 1 << 20
"""Bytes of a thread's stack. Linux reserves 8 MB for each, which is much if memory is limited."""


def main(argv: Sequence[str] | None = None, worker: subprocess.Popen[bytes] | None = None) -> int:
    """Run a command and return the exit code.

    `worker` was spawned for it, if it needs the engine.
    """
    threading.stack_size(_STACK)
    try:
        return _run_command(make_parser().parse_args(argv), worker)
    except ModechatError as error:
        tell(f"modechat: {error}")
        return error.exit_code
    except MemoryError:
        tell("modechat: There is not enough memory")
        return ModechatError.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return 0  # the reader of our output is gone (`| head`), which is no error
    finally:
        forget_unwritten_output()


def _run_command(arguments: argparse.Namespace, worker: subprocess.Popen[bytes] | None) -> int:
    if arguments.command == "doctor":
        from modechat.cli.doctor import doctor

        return doctor(arguments)
    if arguments.command in WITH_ENGINE:
        from modechat.engine.process import spawn_worker

        worker = worker or spawn_worker()  # starts while this process imports the rest
        if arguments.command == "run":
            from modechat.cli.run import run

            return run(arguments, worker)
        if arguments.command == "bench":
            from modechat.cli.bench import bench

            return bench(arguments, worker)
        from modechat.cli.prompt import prompt

        return prompt(arguments, worker)
    from modechat.cli.chat import chat

    return chat(arguments)

"""Work in daemon threads: results, errors, and an end of the program that waits for none of it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from modechat.daemon_thread import run_in_daemon_thread


def nothing() -> str | None:
    return None


async def test_what_the_function_returns_is_returned_and_it_may_be_none() -> None:
    assert await run_in_daemon_thread(divmod, 7, 2) == (3, 1)
    assert await run_in_daemon_thread(nothing) is None


async def test_what_the_function_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        await run_in_daemon_thread(divmod, 7, 0)


async def test_a_result_that_nobody_awaits_any_more_is_dropped() -> None:
    goes_on = threading.Event()
    waiting = asyncio.create_task(run_in_daemon_thread(goes_on.wait))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    goes_on.set()
    assert await run_in_daemon_thread(lambda: 1) == 1


def test_the_program_ends_while_the_function_hangs() -> None:
    code = """
import asyncio, threading
from modechat.daemon_thread import run_in_daemon_thread

async def main():
    asyncio.create_task(run_in_daemon_thread(threading.Event().wait))
    await asyncio.sleep(0)

asyncio.run(main())
print("ended")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "ended\n"

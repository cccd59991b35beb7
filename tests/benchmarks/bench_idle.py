"""How much of a core the app takes while nothing happens: in a pty of 120 × 40, after a reply has
come.

What the whole process takes counts (user and system time), over some seconds in which nobody types.
The promise is half a percent. Beside it, how many bytes were painted meanwhile: there should be
none.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.e2e.home import Home, type_and_enter, wait_for_start

TARGET = 0.5  # percent of a core
_SETTLING = (
    3.0  # seconds; what comes after a reply, such as importing what will be needed, is not idling
)


def percent_of_a_core(process: psutil.Process, seconds: float) -> float:
    before, started = sum(process.cpu_times()[:2]), time.perf_counter()
    time.sleep(seconds)
    return 100 * (sum(process.cpu_times()[:2]) - before) / (time.perf_counter() - started)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="how long each measurement takes"
    )
    parser.add_argument("--times", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        with home.start("--demo", columns=120, rows=40) as terminal:
            wait_for_start(terminal)
            type_and_enter(terminal, "What is Alpaca?")
            terminal.wait_for("Each task stands for itself")
            terminal.wait_for("Enter sends")
            terminal.look_away()
            time.sleep(_SETTLING)
            painted = len(terminal.raw)
            process = psutil.Process(terminal.process_id)
            measured = [
                percent_of_a_core(process, arguments.seconds) for _ in range(arguments.times)
            ]
            painted = len(terminal.raw) - painted
    middle = statistics.median(measured)
    verdict = "as promised" if middle <= TARGET else "MISSED"
    print(
        f"idle: median {middle:.2f} % of a core ({min(measured):.2f} to {max(measured):.2f}), {painted} bytes painted"
    )
    print(f"target: at most {TARGET} %: {verdict}")
    return 0 if middle <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())

"""What showing a reply costs while it streams, against Textual's own Markdown widget, in a real pty
of 120 × 40.

For each kind of text: the processor time of a flush (three tokens: layout and painting included)
when the reply has 1,000 and 16,000 tokens, and with the stock widget at 1,000.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.texts import KINDS
from tests.e2e.home import Home
from tests.e2e.window import Window

GROWTH = 1.5
"""At most: the cost at 16,000 tokens by that at 1,000."""
AGAINST_STOCK = {"prose": 1.0, "code": 1 / 5, "table": 1 / 5, "list": 1 / 20}
SHORT, LONG = 1000, 16000
APP = "tests.benchmarks.apps.flushes"


def costs(home: Home, whose: str, kind: str, *lengths: int) -> list[float]:
    """Seconds of the processor for a flush at each length."""
    results = home.folder / "results.json"
    command = [sys.executable, "-m", APP, whose, kind, str(results), *map(str, lengths)]
    with Window(command, home.env, columns=120, rows=40) as window:
        code = window.wait_for_end(timeout=600)
        assert code == 0, window.picture()
    measured = json.loads(results.read_text())
    return [measured[str(length)] for length in lengths]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=KINDS)
    arguments = parser.parse_args()
    is_kept = True
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        for kind in [arguments.only] if arguments.only else KINDS:
            growths, ratios = [], []
            for _ in range(arguments.rounds):
                short, long = costs(home, "ours", kind, SHORT, LONG)
                (stock,) = costs(home, "stock", kind, SHORT)
                growths.append(long / short)
                ratios.append(short / stock)
                print(
                    f"  {kind}: {short * 1e3:.1f} ms, {long * 1e3:.1f} ms at {LONG:,}; stock {stock * 1e3:.1f} ms"
                )
            growth, ratio = statistics.median(growths), statistics.median(ratios)
            for name, value, target in (
                ("growth", growth, GROWTH),
                ("against stock", ratio, AGAINST_STOCK[kind]),
            ):
                verdict = "as promised" if value <= target else "MISSED"
                print(
                    f"{kind}: {name} {value:.3f} (target: at most {target:.3f}): {verdict}",
                    flush=True,
                )
                is_kept &= value <= target
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())

"""How long until the first frame is painted, against the smallest Textual app with a text area.

The time runs from starting the process in a pty of 120 × 40 until the bytes of a frame have come
that show the app's own content on the alternate screen: for modechat the prompt's frame, for the
other the text in its text area.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from tests.benchmarks.pairs import compare
from tests.e2e.home import MODECHAT, Home
from tests.e2e.window import Window

MINIMAL_APP = """
from textual.app import App
from textual.widgets import Static, TextArea

class Minimal(App):
    def compose(self):
        yield Static("Minimal")
        yield TextArea("Please type here")

Minimal().run()
"""
ALTERNATE_SCREEN = b"\x1b[?1049h"


def seconds_to_first_frame(
    command: Sequence[str | Path], env: dict[str, str], content: str
) -> float:
    started = time.perf_counter()
    with Window(command, env, columns=120, rows=40) as window:
        window.wait_until(
            lambda: content.encode() in window.raw.partition(ALTERNATE_SCREEN)[2], content
        )
        seconds = time.perf_counter() - started
        workers = psutil.Process(window.process_id).children(recursive=True)
        window.kill()
    psutil.wait_procs(workers, timeout=10)  # the next one shall have the machine for itself
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", type=Path, help="the model for modechat; default: the starter model"
    )
    parser.add_argument("--pairs", type=int, default=12)
    arguments = parser.parse_args()
    model = ["--model", arguments.model] if arguments.model else []
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        # As when it is installed: modules are compiled once, by the pair that does not count.
        home.env = {
            name: value for name, value in home.env.items() if name != "PYTHONDONTWRITEBYTECODE"
        }
        home.env["PYTHONPYCACHEPREFIX"] = str(Path(folder) / "compiled")
        minimal = Path(folder) / "minimal.py"
        minimal.write_text(MINIMAL_APP, encoding="utf-8")
        is_kept = compare(
            (
                "modechat",
                lambda: seconds_to_first_frame([*MODECHAT, *model], home.env, "Enter sends"),
            ),
            (
                "minimal Textual app",
                lambda: seconds_to_first_frame([sys.executable, minimal], home.env, "type here"),
            ),
            pairs=arguments.pairs,
            target=1.25,
        )
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())

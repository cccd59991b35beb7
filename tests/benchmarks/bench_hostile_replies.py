"""What 100 kB of a strange reply cost before something of it is seen, and what one more token of it
costs.

Milliseconds of the processor: reading and layout of what a conversation that is opened shows at
once; all of it; and the dearest flush of three tokens while the reply grows.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace

from modechat.domain.conversation import Reply, ReplyState
from modechat.tui.render.markdown import MarkdownDocument
from modechat.tui.render.replies import ReplyLines

_N = 100_000
_FIRST = 0.3
"""Seconds at most before the first frame."""
_GROWN = 6_000
"""Characters that a reply has when its flushes are measured, and that it grows by meanwhile."""
_UNITS = (
    *(
        "> ",
        ">",
        "- ",
        "1. ",
        "[",
        "![",
        "[a](",
        "*",
        "**a** ",
        "*a**b",
        "*_",
        "_a",
        "~~a",
        "`a",
        "``a`",
        "<",
        "<!--",
    ),
    *(
        "&",
        "&amp;",
        "\\(",
        "$",
        "# ",
        "<http://a.b> ",
        "a\n",
        "|\n",
        "> a\n\n",
        "- a\n\n",
        "    a\n",
        "\t",
        "a\t",
    ),
)
TEXTS = {
    **{repr(unit): unit * (_N // len(unit)) for unit in _UNITS},
    "quotes of all depths": "".join(f"{'>' * (1 + number % 360)} x\n" for number in range(550)),
    "lists of all depths": "".join(f"{'  ' * (number % 100)}- item\n" for number in range(950)),
    "a wide table": f"|{'a|' * 16000}\n|{'-|' * 16000}\n|{'b|' * 16000}\n",
    "a table": "|a|b|\n|-|-|\n" + "|1|2|\n" * 16000,
    "code": "```python\n" + "x = (1)\n" * 12000,
    "prose": "The quick *brown* fox `jumps` over **lazy** dogs. " * 2000,
}


def main() -> int:
    is_kept = True
    for name, text in TEXTS.items():
        started = time.process_time()
        lines = ReplyLines(replace(Reply(), text=text, state=ReplyState.COMPLETE))
        lines.height(100)
        first = time.process_time() - started
        while lines.has_more:
            lines.flush()
            lines.height(100)
        whole = time.process_time() - started
        dearest = _dearest_flush(text)
        verdict = "as promised" if first <= _FIRST else "MISSED"
        print(
            f"{name:22} {first * 1e3:6.0f} ms, whole {whole * 1e3:6.0f} ms; a flush {dearest * 1e3:5.1f} ms: {verdict}",
            flush=True,
        )
        is_kept &= first <= _FIRST
    return 0 if is_kept else 1


def _dearest_flush(text: str) -> float:
    made = MarkdownDocument()
    made.append(text[:_GROWN])
    made.height(100)
    dearest = 0.0
    for start in range(_GROWN, 2 * _GROWN, 12):
        started = time.process_time()
        made.append(text[start : start + 12])
        made.height(100)
        dearest = max(dearest, time.process_time() - started)
    return dearest


if __name__ == "__main__":
    sys.exit(main())

"""Text that tries to act on a terminal or on the interface, and a program whose model writes it.

`python -m tests.e2e.hostile [FOLDER]` runs the interface with a model that answers every message
with ATTACK, then fails with it, or streams LONG_ATTACK in small pieces to `stream`. Conversations
are kept in FOLDER; models have hostile names.
"""

from __future__ import annotations

import asyncio
import random
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

from modechat.tui.background import QUERY

ATTACK = (
    "\x1b]0;PWNED\x07 \x1b]52;c;UFdORUQ=\x07 \x9b31mred \x9d0;PWNED\x9c \x1bP+q544e\x1b\\ \x1b_Gi=1\x1b\\ "
    "\x1b[2J \x1b[31mred \x1b[5n \x1b[21t \x1bc \x1b(0 \x0e \x07 \x08 \x7f \u202e "
    "[@click=app.quit]quit[/] [link=file:///etc/passwd]open[/link] [/nope]"
)
"""Titles, clipboard, colours, reports, resets, character sets and graphics, in 7 and 8 bits; markup
of Textual.
"""

LONG_ATTACK = (
    "# Title \x1b]0;PWNED\x07\n\n- [file](file:///etc/passwd) [script](javascript:alert(1)) <https://example.com>\n"
    f"- {ATTACK}\n\n| a | {ATTACK} |\n| - | - |\n"
    + f"| [/x] | 👩\u200d👩\u200d👧\u200d\u200d\u200d e{chr(0x301) * 40} |\n" * 20
    + f"\n```python\n# {ATTACK}\nprint('\u202e\u2066abc')\n"
    + "x = 1  # \x1b[2J\n" * 60
    + "```\n\n"
    + "y" * 100_000
    + "\n\n"
    + "1. nested\n   - \x9b31m \ufffd\ufdd0\uffff\x00 \xad\u2028\u2029\n" * 40
    + f"<think>{ATTACK}</think> **bold [@click=app.quit]quit[/]**\n\n> quote {ATTACK}\n\nThe end."
)
"""Every kind of block, links that must not open, and 100 kB without a line break."""

_SEQUENCE = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[P_^X][^\x1b]*\x1b\\|\x1b.|[\x00-\x1f\x7f-\x9f]",
    re.DOTALL,
)
_TEXTUALS_OWN = re.compile(
    r"\x1b\[(?:(?:[0-9]|[34]8;2;\d+;\d+;\d+)(?:;|(?=m)))*m"  # styles and true colours
    r"|\x1b\[\d+;\d+H"  # cursor
    r"|\x1b\[\?(?:7|25|1000|1003|1004|1006|1015|1016|1049|2004|2026|2048)(?:[hl]|\$p)"  # modes
    r"|\x1b\[[<>]\d*u"  # keyboard
    r"|\x1b\]22;\w*\x07"  # shape of the mouse pointer
    r"|[\r\n]|\x18"  # the last one cuts a picture that the terminal did not read in time
)


def foreign_sequences(raw: bytes) -> set[str]:
    """The escape sequences and control characters in `raw`, which must be UTF-8, that are not
    Textual's own.

    One is modechat's: it asks for the terminal's ground, once, before the screen is its own.
    """
    before, mark, screen = raw.decode().partition("\x1b[?1049h")
    text = before.replace(QUERY, "", 1) + mark + screen
    return {found for found in _SEQUENCE.findall(text) if not _TEXTUALS_OWN.fullmatch(found)}


def pieces(text: str) -> list[str]:
    """As a model might cut it: anywhere, also inside of escape sequences."""
    chosen, found, at = random.Random(0), [], 0
    while at < len(text):
        size = 997 if text.startswith("y" * 997, at) else chosen.randint(1, 12)
        found.append(text[at : at + size])
        at += size
    return found


async def steadily() -> None:
    await asyncio.sleep(0.001)


def main() -> None:
    from dataclasses import replace

    from modechat.cli.demo import demo_settings
    from modechat.domain.sampling import Sampling
    from modechat.engine.protocol import Failed, Generate
    from modechat.engine.scripted import ScriptedEngine, last_user_text
    from modechat.models.catalog import ModelFile
    from modechat.models.gguf import GGUFHeader
    from modechat.session.chat_setup import ChatSetup
    from modechat.store import Store
    from modechat.tui.app import ModechatApp
    from tests.session.fake_files import FakeFiles

    def script(request: Generate) -> str | Failed:
        if last_user_text(request) == "stream":
            return LONG_ATTACK
        if last_user_text(request).startswith("fail"):
            return Failed(id=None, kind="engine", title=ATTACK, hint=ATTACK, log_tail=(ATTACK,))
        markdown = f"# {ATTACK}\n\n- {ATTACK}\n\n```{ATTACK}\n{ATTACK}\n```\n\n`{ATTACK}`\n\n<b>{ATTACK}</b>\n\n"
        return f"{markdown}| a | b |\n| - | - |\n| {ATTACK} | b |\n\n[{ATTACK}](http://{ATTACK})\n\nThe end."

    header = GGUFHeader(
        version=3,
        architecture=ATTACK,
        name=ATTACK,
        quantization=ATTACK,
        n_ctx_train=8192,
        has_chat_template=True,
        n_tensors=1,
        size_bytes=1000,
        metadata={},
    )
    broken = ModelFile(
        Path(f"/b/{ATTACK}.gguf"), f"broken {ATTACK}", ATTACK, 1, None, problem=f"problem {ATTACK}"
    )
    models = (ModelFile(Path(f"/m/{ATTACK}.gguf"), f"model {ATTACK}", ATTACK, 1000, header), broken)
    sampling = Sampling(stop_repetition=False)  # what repeats itself is part of the attack
    settings = replace(
        demo_settings(),
        files=FakeFiles(find_models=lambda _cancelled: iter(models)),
        sampling=sampling,
    )

    def now() -> datetime:
        return datetime.now(UTC)

    store = Store.open(Path(sys.argv[1]), now) if len(sys.argv) > 1 else Store.in_memory(now)
    with patch("modechat.engine.scripted.words", pieces):
        engine = ScriptedEngine(script, steadily, n_ctx=10_000_000)
        ModechatApp(lambda: ChatSetup(engine, store, settings)).run()


if __name__ == "__main__":
    main()

"""Text that tries to act on a terminal or on the interface, and a program whose model writes it.

`python -m tests.e2e.hostile` runs the interface with a model that answers every message with ATTACK, then fails
with it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

ATTACK = (
    "\x1b]0;PWNED\x07 \x1b]52;c;UFdORUQ=\x07 \x9b31mred \x9d0;PWNED\x9c \x1bP+q544e\x1b\\ \x1b_Gi=1\x1b\\ "
    "\x1b[2J \x1b[31mred \x1b[5n \x1b[21t \x1bc \x1b(0 \x0e \x07 \x08 \x7f \u202e "
    "[@click=app.quit]quit[/] [link=file:///etc/passwd]open[/link] [/nope]"
)
"""Titles, clipboard, colours, reports, resets, character sets and graphics, in 7 and 8 bits; markup of Textual."""

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
    r"|[\r\n]"
)


def foreign_sequences(raw: bytes) -> set[str]:
    """The escape sequences and control characters in `raw`, which must be UTF-8, that are not Textual's own."""
    return {found for found in _SEQUENCE.findall(raw.decode()) if not _TEXTUALS_OWN.fullmatch(found)}


def main() -> None:
    from modechat.cli.demo import demo_settings
    from modechat.engine.protocol import Failed, Generate
    from modechat.engine.scripted import ScriptedEngine, last_user_text
    from modechat.store import Store
    from modechat.tui.app import Backstage, ModechatApp

    def script(request: Generate) -> str | Failed:
        if last_user_text(request).startswith("fail"):
            return Failed(id=None, kind="engine", title=ATTACK, hint=ATTACK, log_tail=(ATTACK,))
        markdown = f"# {ATTACK}\n\n- {ATTACK}\n\n```{ATTACK}\n{ATTACK}\n```\n\n`{ATTACK}`\n\n<b>{ATTACK}</b>\n\n"
        return f"{markdown}| a | b |\n| - | - |\n| {ATTACK} | b |\n\n[{ATTACK}](http://{ATTACK})\n\nThe end."

    store = Store.in_memory(lambda: datetime.now(UTC))
    ModechatApp(lambda: Backstage(ScriptedEngine(script), store, demo_settings())).run()


if __name__ == "__main__":
    main()

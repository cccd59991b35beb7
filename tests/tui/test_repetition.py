"""A reply that does nothing but repeat itself, on the screen."""

from __future__ import annotations

from pathlib import Path

from modechat.engine.protocol import Generate
from tests.tui.harness import running_app

LOOP = "Once there was a fox. " + "The fox was happy and ran. " * 200


def fox(request: Generate) -> str:
    return LOOP if request.prompt.prefill == "" else f"{request.prompt.prefill} The end."


async def test_once_is_kept_also_after_a_restart_and_the_reply_can_go_on(tmp_path: Path) -> None:
    async with running_app(tmp_path, fox) as screen:
        await screen.send("Tell me a story")
        await screen.sees("✂ The reply was stopped: it repeats itself.")
        await screen.sees("were left out. Ctrl+R asks again. /continue goes on.")
        assert screen.replies == ["Once there was a fox. The fox was happy and ran."]
        assert screen.text.count("was happy") == 1
    async with running_app(tmp_path, fox) as screen:
        await screen.sees("✂ The reply was stopped: it repeats itself.")
        assert screen.text.count("was happy") == 1
        await screen.send("/continue")
        await screen.sees("ran. The end.")
        assert screen.replies == ["Once there was a fox. The fox was happy and ran. The end."]


async def test_it_may_go_on_where_the_user_wants_it(tmp_path: Path) -> None:
    async with running_app(tmp_path, fox) as screen:
        await screen.send("/settings stop_repetition off")
        await screen.sees("stop_repetition: off (this conversation)")
        await screen.send("Tell me a story")
        await screen.until(lambda: screen.replies == [LOOP.rstrip()])

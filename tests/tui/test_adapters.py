"""LoRA adapters at the prompt and in the status line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from modechat.domain.mode import Mode
from modechat.engine.protocol import Adapter, UseAdapters
from modechat.engine.scripted import MODEL, ScriptedEngine
from modechat.errors import ModelError
from modechat.tui.widgets.status_line import Status, status_segments
from tests.session.harness import echo, settings
from tests.tui.harness import running_app

TONE = Adapter(path="/loras/tone.gguf", scale=0.5)
STYLE = Adapter(path="/loras/style.gguf")


def named(text: str) -> Adapter:
    known = {"tone": TONE, "tone:2": Adapter(path=TONE.path, scale=2), "style": STYLE}
    if text not in known:
        raise ModelError(f"There is no file {text}.", "Check the path.")
    return known[text]


def asked(engine: ScriptedEngine) -> list[tuple[Adapter, ...]]:
    return [request.adapters for request in engine.requests if isinstance(request, UseAdapters)]


async def test_the_command_applies_adapters_changes_their_scale_and_takes_them_away(
    tmp_path: Path,
) -> None:
    engine = ScriptedEngine(echo)
    options = replace(settings(), adapter_named=named)
    async with running_app(
        tmp_path, engine=engine, session_settings=options, size=(120, 24)
    ) as screen:
        await screen.settled()
        await screen.send("/lora")
        await screen.sees("No LoRA adapter is applied. /lora FILE[:SCALE] applies one.")
        await screen.send("/lora tone")
        await screen.sees("Applied: tone ×0.5.")
        await screen.sees(" · lora tone ×0.5 · ")
        await screen.send("/lora style")
        await screen.sees("Applied: tone ×0.5, style.")
        await screen.sees(" · lora tone ×0.5 +1 · ")
        await screen.send("/lora tone:2")
        await screen.sees("Applied: style, tone ×2.")
        await screen.send("/lora off")
        await screen.sees("No LoRA adapter is applied.")
        await screen.until(lambda: " lora " not in screen.text.splitlines()[-1])
        assert [len(adapters) for adapters in asked(engine)] == [1, 2, 2, 0]


async def test_a_file_that_is_no_adapter_is_named_and_what_was_typed_stays(tmp_path: Path) -> None:
    engine = ScriptedEngine(echo)
    options = replace(settings(), adapter_named=named)
    async with running_app(tmp_path, engine=engine, session_settings=options) as screen:
        await screen.settled()
        await screen.send("/lora missing.gguf")
        await screen.sees("There is no file missing.gguf. Check the path.")
        assert screen.prompt.text == "/lora missing.gguf"
        assert asked(engine) == []


def test_the_status_line_shows_those_of_the_mode() -> None:
    for_chat = STYLE.model_copy(update={"mode": "chat"})
    hostile = Adapter(path="/loras/[x]\x1b[2J.gguf")

    def shown(mode: Mode, *adapters: Adapter) -> list[str]:
        status = Status(mode=mode, model=MODEL, adapters=adapters)
        texts = [segment.text for segment in status_segments(status)]
        return [text for text in texts if text.startswith("lora")]

    assert shown(Mode.CHAT, for_chat, TONE) == ["lora style +1"]
    assert shown(Mode.INSTRUCT, for_chat, TONE) == ["lora tone ×0.5"]
    assert shown(Mode.INSTRUCT, for_chat) == []
    assert shown(Mode.CHAT, hostile) == ["lora [x]␛[2J"]

"""The status in sentences says what the status line shows."""

from __future__ import annotations

from pathlib import Path

from modechat.commands.status import status_sentences, status_table
from modechat.engine.protocol import Adapter
from tests.session.harness import opened_session, running_session


async def test_it_says_mode_model_context_and_speed(tmp_path: Path) -> None:
    async with running_session(tmp_path) as harness:
        assert status_sentences(harness.session) == (
            "The mode is chat.",
            "The model is being loaded.",
        )
        await harness.say("hello there")
        mode, model, context, speed = status_sentences(harness.session)
        assert mode == "The mode is chat."
        assert (
            model
            == "The model is Scripted demo; prompt format chat-template (gguf); it runs on CPU."
        )
        assert context.endswith("of the context's 4,096 tokens are used.")
        assert not context.startswith("0 ")
        assert speed == "The last reply: 50 tokens a second, 0.1 s to the first."


async def test_it_says_in_which_mode_an_adapter_is_applied(tmp_path: Path) -> None:
    adapters = (Adapter(path="/tone.gguf", scale=0.5), Adapter(path="/c.gguf", mode="chat"))
    async with opened_session(tmp_path) as harness:
        assert await harness.session.model_choice.use_adapters(adapters) is None
        assert "LoRA: tone ×0.5, c (chat)." in status_sentences(harness.session)
        assert "c (chat)" in status_table(harness.session)


async def test_it_says_a_standing_instruction(tmp_path: Path) -> None:
    async with running_session(tmp_path) as harness:
        await harness.say("### Instruction\nTranslate into French\n### Input\n")
        assert (
            "every message is an input for “Translate into French”"
            in status_sentences(harness.session)[0]
        )

"""Settings by name, as they are typed at the prompt."""

from __future__ import annotations

from pathlib import Path

from modechat.commands.setting_commands import SettingCommands, setting_lines
from modechat.domain.modes import Incomplete
from modechat.domain.own_settings import OwnSettings
from modechat.domain.sampling import Sampling
from tests.session.harness import running_session


async def test_a_setting_is_changed_for_this_conversation_shown_and_taken_back(
    tmp_path: Path,
) -> None:
    said: list[str] = []

    async with running_session(tmp_path) as harness:
        await harness.ready()
        commands, session = SettingCommands(said.append), harness.session
        assert await commands.set(session, "Top-K 5") is None
        assert await commands.set(session, "chat_system Be brief, please.") is None
        assert await commands.set(session, "format alpaca") is None
        assert session.effective.own == OwnSettings(
            sampling=Sampling(top_k=5), chat_system="Be brief, please.", format="alpaca"
        )
        assert said[0] == "top_k: 5 (this conversation)"
        assert "chat_system: Be brief, please. (this conversation)" in setting_lines(session)
        assert await commands.set(session, "top_k") is None
        assert said[-1].startswith("top_k: 5 (this conversation). Choose among")
        for name in ("top_k", "chat_system", "format"):
            assert await commands.set(session, f"{name} default") is None
        assert session.effective.own == OwnSettings()
        assert "top_k: 40 (default)" in setting_lines(session)


async def test_what_is_wrong_is_told(tmp_path: Path) -> None:
    async with running_session(tmp_path) as harness:
        await harness.ready()
        commands = SettingCommands(lambda _text: None)

        async def answer(words: str) -> str:
            reason = await commands.set(harness.session, words)
            assert isinstance(reason, Incomplete)
            return reason.reason

        assert (
            await answer("temprature 1")
            == "There is no setting “temprature”. Did you mean temperature?"
        )
        assert "There are: temperature, top_k" in await answer("[/x] 1")
        assert (
            await answer("temperature 99")
            == "temperature: input should be less than or equal to 10."
        )
        assert await answer("format [/x]") == "format: there is no format “[/x]”."
        assert harness.session.effective.own == OwnSettings()

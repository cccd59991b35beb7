"""What can be compared, what variants are called, and using the settings of one from then on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from modechat.commands.compare_fields import FIELDS, changed, shown, toggled, typed
from modechat.commands.comparing import (
    label_of_variant,
    labels_of,
    presets,
    question_of,
    use_from_now_on,
)
from modechat.commands.setting_values import WrongValue
from modechat.domain.mode import Mode
from modechat.domain.modes import ChatMessage, Incomplete
from modechat.engine.protocol import Generate
from modechat.engine.scripted import Leak
from modechat.session.variants import Question, VariantSettings
from tests.session.harness import opened_session, running_session

HELLO = Question(ChatMessage("Hello"), "Hello")
BY_NAME = {field.name: field for field in FIELDS}


async def test_the_format_in_use_comes_first_and_then_those_that_suit_the_model(
    tmp_path: Path,
) -> None:
    async with running_session(tmp_path) as harness:
        await harness.session.library.open_latest()
        await harness.ready()
        for count in (2, 3, 4):
            formats, temperatures, seeds, modes = presets(harness.session, HELLO, count)
            assert [own.format for own in formats.variants][:2] == ["chat-template", "chatml"]
            assert {len(formats.variants), len(temperatures.variants), len(seeds.variants)} == {
                count
            }
            assert len({own.temperature for own in temperatures.variants}) == count
            assert [own.mode for own in modes.variants] == [Mode.CHAT, Mode.INSTRUCT]


async def test_after_a_leak_formats_with_that_marker_come_first(tmp_path: Path) -> None:
    def script(_request: Generate) -> str | Leak:
        return Leak("Half", "[INST]")

    async with running_session(tmp_path, script) as harness:
        await harness.session.library.open_latest()
        await harness.ready()
        turn = await harness.say("Hello")
        assert turn is not None
        formats = presets(harness.session, question_of(turn), 2)[0]
        assert [own.format for own in formats.variants] == ["chat-template", "llama-2"]


@pytest.mark.parametrize(
    ("own", "label"),
    [
        (VariantSettings(), "as now"),
        (VariantSettings(format="alpaca", temperature=1.0), "alpaca · temperature 1"),
        (VariantSettings(model="/models/Big One.gguf", seed=3), "Big One · seed 3"),
        (VariantSettings(system="", mode=Mode.INSTRUCT), "instruct · no system text"),
        (
            VariantSettings(system="Be very brief,\nand very kind, always"),
            "system “Be very brief, and very kind,…”",
        ),
        (VariantSettings(model="/m/\x1b]0;T\x07.gguf"), "␛]0;T␇"),
    ],
)
def test_a_variant_is_called_by_what_is_different_in_it(own: VariantSettings, label: str) -> None:
    assert label_of_variant(own) == label


async def test_beside_variants_that_name_a_format_the_others_say_theirs(tmp_path: Path) -> None:
    async with running_session(tmp_path) as harness:
        await harness.session.library.open_latest()
        await harness.ready()
        variants = (
            VariantSettings(),
            VariantSettings(format="alpaca"),
            VariantSettings(seed=1),
        )
        assert labels_of(variants, harness.session) == (
            "chat-template",
            "alpaca",
            "chat-template · seed 1",
        )
        models = (VariantSettings(), VariantSettings(model="/models/other.gguf"))
        assert labels_of(models, harness.session) == ("(none)", "other")
        assert labels_of((VariantSettings(), VariantSettings(seed=1)), harness.session) == (
            "as now",
            "seed 1",
        )


async def test_settings_that_are_used_from_now_on_are_those_of_the_conversation(
    tmp_path: Path,
) -> None:
    async with running_session(tmp_path) as harness:
        session = harness.session
        await session.library.open_latest()
        await harness.ready()
        own = VariantSettings(
            format="alpaca", temperature=0.2, system="Be brief.", mode=Mode.INSTRUCT
        )
        assert await use_from_now_on(own, session) is None
        await harness.until(lambda: session.model is not None and session.model.format == "alpaca")
        assert session.settings.sampling.temperature == 0.2
        assert (session.settings.chat_system, session.settings.instruct_system) == (
            "Be brief.",
            "Be brief.",
        )
        assert session.state.mode is Mode.INSTRUCT
        assert await use_from_now_on(VariantSettings(), session) is None
        assert session.settings.sampling.temperature == 0.2


async def test_what_could_not_be_used_is_told_and_the_rest_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_arguments: object) -> Incomplete:
        return Incomplete("Not now.")

    own = VariantSettings(format="alpaca", temperature=0.2, mode=Mode.INSTRUCT)
    async with opened_session(tmp_path) as harness:
        session = harness.session
        monkeypatch.setattr(session, "toggle_mode", refuse)
        assert await use_from_now_on(own, session) == Incomplete("Not now.")
        assert session.settings.sampling.temperature == 0.2
        await harness.until(lambda: session.model is not None and session.model.format == "alpaca")
        monkeypatch.setattr(session.model_choice, "use_format", refuse)
        hotter = replace(own, temperature=1.0)
        assert await use_from_now_on(hotter, session) == Incomplete("Not now.")
        assert session.settings.sampling.temperature == 1.0
        monkeypatch.setattr(session.model_choice, "use", refuse)
        other = VariantSettings(model="/gone.gguf", temperature=1.5)
        assert await use_from_now_on(other, session) == Incomplete("Not now.")
        assert session.settings.sampling.temperature == 1.0


def test_fields_are_read_as_they_are_shown() -> None:
    own = VariantSettings()
    for name, text, value in (
        ("temperature", "0.5", 0.5),
        ("seed", "7", 7),
        ("system", " Be kind ", "Be kind"),
    ):
        field = BY_NAME[name]
        assert shown(field, own) == "–"
        own = changed(field, own, typed(field, text))
        assert getattr(own, name) == value
        assert shown(field, own) == text.strip()
    assert shown(BY_NAME["system"], replace(own, system=typed(BY_NAME["system"], "None"))) == "none"  # type: ignore[arg-type]
    assert typed(BY_NAME["seed"], "  ") is None
    for name, text in (("seed", "-1"), ("temperature", "hot")):
        with pytest.raises(WrongValue):
            typed(BY_NAME[name], text)


def test_the_mode_goes_round() -> None:
    own, modes = VariantSettings(), []
    for _ in range(3):
        own = toggled(own)
        modes.append(own.mode)
    assert modes == [Mode.CHAT, Mode.INSTRUCT, None]

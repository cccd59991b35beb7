"""Settings of a conversation over those that hold everywhere, and where each comes from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from modechat.domain.own_settings import OwnSettings
from modechat.domain.sampling import Sampling
from modechat.engine.protocol import ChatPrompt, Load, UseFormat
from modechat.errors import ConfigError
from modechat.models.gguf import GGUFHeader
from modechat.session.provenance import Valued, sampling_value, system_value
from modechat.session.settings import SessionSettings
from tests.session.fake_files import with_files
from tests.session.harness import Harness, running_session, settings

OWN = OwnSettings(sampling=Sampling(temperature=0.1), chat_system="Be brief.")


@asynccontextmanager
async def new_conversation(
    folder: Path, wanted: SessionSettings | None = None
) -> AsyncIterator[Harness]:
    async with running_session(folder, session_settings=wanted) as harness:
        await harness.session.library.begin_new()
        await harness.ready()
        yield harness


def system_text(harness: Harness) -> str:
    prompt = harness.requests[-1].prompt
    assert isinstance(prompt, ChatPrompt)
    return prompt.messages[0].content


async def test_what_a_conversation_has_of_its_own_counts_from_the_next_turn_on(
    tmp_path: Path,
) -> None:
    async with new_conversation(
        tmp_path, replace(settings(chat_system="Hi"), sampling=Sampling(temperature=0.9, top_k=7))
    ) as harness:
        await harness.say("one")
        assert harness.requests[-1].sampling.temperature == 0.9
        assert await harness.session.effective.set_own(OWN) is None
        await harness.say("two")
        assert harness.requests[-1].sampling == Sampling(temperature=0.1, top_k=7)
        assert system_text(harness) == "Be brief."


async def test_it_comes_back_with_the_conversation_and_only_with_it(tmp_path: Path) -> None:
    async with new_conversation(tmp_path) as harness:
        await harness.session.effective.set_own(OWN)  # before anything is saved
        await harness.say("one")
        conversation = harness.session.conversation
        assert conversation is not None
        await harness.session.library.begin_new()
        assert harness.session.effective.own == OwnSettings()
        await harness.say("elsewhere")
        assert harness.requests[-1].sampling.temperature is None
        await harness.session.library.open(conversation.id)
        assert harness.session.effective.own == OWN
        assert harness.session.settings.sampling.temperature == 0.1


async def test_a_format_of_its_own_is_used_while_the_conversation_is_open(tmp_path: Path) -> None:
    async with new_conversation(tmp_path) as harness:

        def asked() -> list[str | None]:
            return [
                request.format
                for request in harness.engine.requests  # type: ignore[attr-defined]
                if isinstance(request, UseFormat)
            ]

        session = harness.session
        await session.model_choice.use_format("vicuna")
        await harness.say("one")
        await session.effective.set_own(OwnSettings(format="alpaca"))
        first = session.conversation
        assert first is not None
        assert session.effective.default_format == "vicuna"
        await session.library.begin_new()
        await session.library.open(first.id)
        assert asked() == ["vicuna", "alpaca", "vicuna", "alpaca"]
        await session.model_choice.use_format("chatml")  # the newer word counts here, too
        assert session.effective.own == OwnSettings()
        assert asked()[-1] == "chatml"
        await session.library.begin_new()
        assert asked()[-1] == "chatml"


async def test_a_default_is_written_and_counts_at_once(tmp_path: Path) -> None:
    written: list[Mapping[str, object]] = []
    base = settings()

    def keep(options: Mapping[str, object]) -> SessionSettings:
        written.append(options)
        return replace(base, sampling=Sampling(top_k=3))

    async with new_conversation(tmp_path, with_files(base, write_defaults=keep)) as harness:
        harness.session.model_choice.set_thinking(False)
        await harness.session.effective.set_defaults({"sampling.top_k": 3})
        await harness.say("one")
        assert harness.requests[-1].sampling == Sampling(top_k=3)
        assert harness.requests[-1].thinking is False
        assert written == [{"sampling.top_k": 3}]


async def test_a_default_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    async with new_conversation(tmp_path) as harness:
        before = harness.session.settings
        try:
            await harness.session.effective.set_defaults({"sampling.top_k": 3})
        except ConfigError:
            assert harness.session.settings == before
        else:
            raise AssertionError


async def test_another_context_loads_the_model_again(tmp_path: Path) -> None:
    async with new_conversation(tmp_path) as harness:
        assert await harness.session.model_choice.use_context(1024) is None
        await harness.ready()
        loads = [request.n_ctx for request in harness.engine.requests if isinstance(request, Load)]  # type: ignore[attr-defined]
        assert loads == [None, 1024]
        assert harness.session.settings.load.n_ctx == 1024


async def test_what_the_engine_was_started_with_stays_when_a_default_is_written(
    tmp_path: Path,
) -> None:
    base = settings()

    def keep(_options: Mapping[str, object]) -> SessionSettings:
        load = base.load.model_copy(update={"n_ctx": 2048, "format": "vicuna"})
        return with_files(replace(base, load=load), write_defaults=keep)

    async with new_conversation(tmp_path, with_files(base, write_defaults=keep)) as harness:
        await harness.session.effective.set_defaults({"sampling.top_k": 3})
        assert harness.session.settings.load == base.load
        await harness.session.effective.set_defaults({"n_ctx": 2048})
        assert harness.session.settings.load.n_ctx == 2048


# Where a value comes from


def header(**metadata: float) -> GGUFHeader:
    return GGUFHeader(
        3,
        "llama",
        None,
        None,
        None,
        False,
        0,
        0,
        {f"general.sampling.{key}": v for key, v in metadata.items()},
    )


def test_every_value_names_its_source() -> None:
    wanted = replace(
        settings(),
        sampling=Sampling(temperature=0.5, top_p=0.9),
        sampling_sources=(
            ("command line", Sampling(temperature=0.5)),
            ("config file", Sampling(temperature=1, top_p=0.9)),
        ),
    )
    found = header(temp=0.3, top_k=20)
    own = OwnSettings(sampling=Sampling(min_p=0.2))

    def value(name: str) -> Valued:
        return sampling_value(name, wanted, found, own)

    assert value("min_p") == Valued(0.2, "this conversation")
    assert value("temperature") == Valued(0.5, "command line")
    assert value("top_p") == Valued(0.9, "config file")
    assert value("top_k") == Valued(20, "model's file")
    assert value("repeat_penalty") == Valued(1.0, "default")
    assert value("seed") == value("stop") == Valued(None, "default")


def test_system_texts_name_their_source() -> None:
    assert system_value("", None) == Valued("", "default")
    assert system_value("x", None) == Valued("x", "config file")
    assert system_value("x", "") == Valued("", "this conversation")

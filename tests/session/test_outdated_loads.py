"""Only the load that was asked for last decides which model the session has."""

from __future__ import annotations

from pathlib import Path

from modechat.domain.placement import Placement
from modechat.engine.protocol import Cause, Failed, Load, Loaded, LoadProgress, Request
from modechat.engine.scripted import MODEL, ScriptedEngine
from modechat.session.events import ModelLoading, ModelReady, Trouble
from modechat.session.phase import Phase
from tests.session.harness import echo, running_session

OLD = MODEL.model_copy(update={"name": "old", "placement": Placement(5, 5, 10)})


class _LateNews(ScriptedEngine):
    """Says something about the load before, once the next one was asked for."""

    def send(self, request: Request) -> None:
        if isinstance(request, Load):
            before = request.number - 1
            failed = Failed(id=None, load=before, kind="model", title="The old one is damaged")
            for event in (
                LoadProgress(load=before, fraction=0.123),
                Loaded(load=before, model=OLD, seconds_load=1),
                failed,
            ):
                self._events.put_nowait(event)
        super().send(request)


async def test_news_of_an_earlier_load_is_not_believed(tmp_path: Path) -> None:
    async with running_session(tmp_path, engine=_LateNews(echo)) as harness:
        await harness.session.library.open_latest()
        await harness.until(lambda: bool(harness.told(ModelReady)))
        await harness.ready()
        assert harness.session.phase is Phase.READY
        assert [ready.model.name for ready in harness.told(ModelReady)] == [MODEL.name]
        assert harness.session.model is not None
        assert harness.session.model.name == MODEL.name
        assert 0.123 not in [loading.fraction for loading in harness.told(ModelLoading)]
        assert not harness.told(Trouble)


async def test_less_is_offered_where_memory_is_the_cause_whatever_the_words_are(
    tmp_path: Path,
) -> None:
    failure = Failed(id=None, kind="model", cause=Cause.MEMORY, title="Not enough room")

    engine = ScriptedEngine(echo, load_error=failure)
    async with running_session(tmp_path, engine=engine) as harness:
        await harness.session.library.open_latest()
        await harness.until(lambda: bool(harness.told(Trouble)))
        assert "/retry loads it with" in harness.told(Trouble)[0].hint

"""The models on this machine as a numbered list, for front ends without a list to choose from: `/model 2` takes one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from modechat.daemon_thread import run_in_daemon_thread
from modechat.domain.byte_sizes import shown_bytes
from modechat.domain.modes import Incomplete
from modechat.domain.text import sanitize_line
from modechat.models.catalog import Looking, ModelFile, free_memory
from modechat.models.failures import shown_path
from modechat.models.fit import fit

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession

_SECONDS_TO_LOOK = 10.0
"""After that the list ends where it is: folders of a network can be slow."""


class ModelList:
    """Remembers what it listed last."""

    def __init__(self) -> None:
        self._listed: tuple[ModelFile, ...] = ()

    async def lines(self, session: ChatSession) -> list[str]:
        """What there is, each with the command that goes on with it."""
        search, give_up_at = session.settings.files.find_models, time.monotonic() + _SECONDS_TO_LOOK

        def search_all() -> tuple[ModelFile | Looking, ...]:
            return tuple(search(lambda: time.monotonic() > give_up_at))

        found = await run_in_daemon_thread(search_all)
        places = dict.fromkeys(place.place for place in found if isinstance(place, Looking))
        models = [model for model in found if isinstance(model, ModelFile)]
        self._listed = tuple(model for model in models if model.header is not None)
        free, current = free_memory(), session.settings.load.model_path
        lines = [
            _line(number, model, free, current)
            for number, model in enumerate(self._listed, start=1)
        ]
        if broken := len(models) - len(self._listed):
            lines.append(f"Besides {broken} file{'' if broken == 1 else 's'} that cannot be used.")
        if places:
            lines.append(f"Looked in: {', '.join(map(sanitize_line, places))}.")
        return lines

    def path_of(self, words: str) -> str | Incomplete:
        """What `words` name: a number of the list, or a file."""
        if not self._listed or not (words.isascii() and words.isdigit()):
            return words
        if not 1 <= int(words[:9]) <= len(self._listed):
            return Incomplete(f"There is no model {words[:9]} in the list. /model lists them.")
        return str(self._listed[int(words) - 1].path)


def _line(number: int, model: ModelFile, free_bytes: int, current: str) -> str:
    assert model.header is not None
    facts = (
        sanitize_line(model.name),
        sanitize_line(model.header.quantization or ""),
        shown_bytes(model.size_bytes),
        f"in memory: {fit(model.needed_bytes, free_bytes)}",
        sanitize_line(model.place) if str(model.path) != current else "in use",
        shown_path(model.path),
    )
    return f"/model {number}: {', '.join(filter(None, facts))}."

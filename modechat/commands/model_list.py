"""Lists the models on this machine with numbers, for front ends without a list to choose from.

`/model 2` changes to the second one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modechat.daemon_thread import run_in_daemon_thread
from modechat.domain.byte_sizes import shown_bytes
from modechat.domain.counted import counted
from modechat.domain.modes import Incomplete
from modechat.domain.text import sanitize_line
from modechat.models.catalog import Looking, ModelFile, free_memory, given_up_soon
from modechat.models.failures import shown_path
from modechat.models.fit import fit

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession


class ModelList:
    """Lists models, and remembers the last list."""

    def __init__(self) -> None:
        self._listed: tuple[ModelFile, ...] = ()

    async def lines(self, session: ChatSession) -> list[str]:
        """List the models, each with the command that changes to it."""
        usable: list[ModelFile] = []
        n_broken = 0
        places: list[str] = []
        for found in await run_in_daemon_thread(_search, session):
            if isinstance(found, Looking):
                if found.place not in places:
                    places.append(found.place)
            elif found.header is None:
                n_broken += 1
            else:
                usable.append(found)
        self._listed = tuple(usable)
        free, current = free_memory(), session.settings.load.model_path
        lines = [_line(number, model, free, current) for number, model in enumerate(usable, 1)]
        if n_broken:
            lines.append(f"Besides {counted(n_broken, 'file')} that cannot be used.")
        if places:
            lines.append(f"Looked in: {', '.join(map(sanitize_line, places))}.")
        return lines

    def path_of(self, words: str) -> str | Incomplete:
        """Return the file that `words` name, by its path or its number in the list."""
        if not self._listed or not (words.isascii() and words.isdigit()):
            return words
        if not 1 <= int(words[:9]) <= len(self._listed):
            return Incomplete(f"There is no model {words[:9]} in the list. /model lists them.")
        return str(self._listed[int(words) - 1].path)


def _search(session: ChatSession) -> tuple[ModelFile | Looking, ...]:
    return tuple(session.settings.files.find_models(given_up_soon()))


def _line(number: int, model: ModelFile, free_bytes: int, current: str) -> str:
    assert model.header is not None
    facts = (
        sanitize_line(model.name),
        sanitize_line(model.header.quantization or ""),
        shown_bytes(model.size_bytes),
        f"in memory: {fit(model.needed_bytes, free_bytes)}",
        "in use" if str(model.path) == current else sanitize_line(model.place),
        shown_path(model.path),
    )
    return f"/model {number}: {', '.join(filter(None, facts))}."

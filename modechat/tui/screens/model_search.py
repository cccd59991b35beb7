"""Searches this machine for models, in a thread, while the list of models is open."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeAlias

from modechat.domain.counted import counted
from modechat.models.catalog import CURRENT, RECENT, STARTER, Looking, ModelFile
from modechat.tui.screens.list_dialog import matches

FindModels: TypeAlias = Callable[[Callable[[], bool]], Iterator[ModelFile | Looking]]
"""A search: it calls its argument to see if it was cancelled, and yields what it finds."""


class ModelSearch:
    """A search in a thread. `poll` takes what it has found since the last call."""

    def __init__(self, find: FindModels) -> None:
        self._find = find
        self._cancelled = threading.Event()
        self._news: deque[ModelFile | Looking | None] = deque()
        self._models: list[ModelFile] = []
        self._places: list[str] = []
        self._looking: str | None = ""

    def start(self) -> None:
        # A daemon thread, because a search that hangs in a network folder must not block the exit.
        threading.Thread(target=self._run, name="models", daemon=True).start()

    def cancel(self) -> None:
        self._cancelled.set()

    def _run(self) -> None:
        try:
            for found in self._find(self._cancelled.is_set):
                self._news.append(found)
        finally:
            self._news.append(None)

    @property
    def is_running(self) -> bool:
        """True until `poll` has seen the end of the search."""
        return self._looking is not None

    def poll(self) -> bool:
        """Take what was found meanwhile. Return True if there are new models."""
        n_before = len(self._models)
        while self._news:
            match self._news.popleft():
                case Looking(place=place):
                    self._looking = place
                    if place not in self._places:
                        self._places.append(place)
                case ModelFile() as model:
                    self._models.append(model)
                case None:
                    self._looking = None
        return len(self._models) > n_before

    def found(self, words: str) -> list[ModelFile]:
        """Return the models that have `words`.

        Used models come first, in the order of their use; then others by name; unusable files come
        last.
        """
        models = [model for model in self._models if matches(words, *_searched_texts(model))]
        models.sort(key=_order)
        return models

    def describe(self, n_listed: int) -> str:
        """Return a text about what was found and where. `n_listed`: the number of listed models."""
        usable = sum(model.header is not None for model in self._models)
        broken = len(self._models) - usable
        count = counted(usable, "model")
        if broken:
            count += f", and {counted(broken, 'file')} that cannot be used"
        if self._looking:
            return f"Looking in {self._looking} … {count}"
        if self._looking is not None:
            return "Looking for models …"
        if self._models and not n_listed:
            return f"None of {count} has these words."
        if not self._models:
            count = "No model was found"
        if usable <= 1 and self._places:
            return (
                f"{count}. Looked in: {', '.join(self._places)}. To have more here, "
                "put GGUF files into ~/models, or name their folder in model_folders."
            )
        return count if self._models else f"{count}."


def _searched_texts(model: ModelFile) -> tuple[str, ...]:
    header = model.header
    if header is None:
        return (model.name, model.place)
    kind = (header.architecture, header.quantization or "", header.name or "")
    return (model.name, model.place, *kind)


def _order(model: ModelFile) -> tuple[bool, bool, str]:
    is_unusable = model.header is None
    if model.place in (CURRENT, RECENT, STARTER):
        return (is_unusable, False, "")
    return (is_unusable, True, model.name.casefold())

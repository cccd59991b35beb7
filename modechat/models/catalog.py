"""Lists the models on this machine: every GGUF file in the usual places, with its header.

The search runs in a thread and yields each model at once; a cancelled search stops soon.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from modechat.errors import ModelError
from modechat.models.check import check_header, check_part_name
from modechat.models.failures import shown_name
from modechat.models.fit import bytes_needed
from modechat.models.gguf import GGUFHeader, read_header
from modechat.models.places import Place
from modechat.models.walk import Candidate, candidate_at, candidates

CURRENT, RECENT, STARTER = "in use", "used before", "starter model"
"""The origins of files that are known without a search."""
_SECONDS_TO_LOOK = 10.0


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model on this machine. Texts come from files: sanitise them before showing them."""

    path: Path
    """The file to load; the first part of a split model."""
    name: str
    place: str
    """The place where it was found: `Hugging Face`."""
    size_bytes: int
    """Bytes of all its parts."""
    header: GGUFHeader | None = None
    """None: the model cannot be used."""
    problem: str = ""
    """The reason why the model cannot be used."""
    n_parts: int = 1

    @property
    def needed_bytes(self) -> int:
        """A rough number of bytes that the model takes in memory with the usual context."""
        if self.header is None:
            return self.size_bytes
        return bytes_needed(self.header, self.size_bytes)


@dataclass(frozen=True, slots=True)
class Looking:
    """A report that the search has come to a place."""

    place: str


def given_up_soon() -> Callable[[], bool]:
    """Return `cancelled` for a search that ends soon, because folders of a network can be slow."""
    give_up_at = time.monotonic() + _SECONDS_TO_LOOK

    def is_late() -> bool:
        return time.monotonic() > give_up_at

    return is_late


def find_models(
    places: Iterable[Place],
    known: Iterable[tuple[str, Path]] = (),
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[ModelFile | Looking]:
    """Yield the models of the `known` files (origin and path), then those in `places`.

    Each file comes once. Files that are no chat models (adapters, projectors, later parts) are left
    out.
    """
    seen: set[Path] = set()
    for origin, path in known:
        if not cancelled() and is_file(path) and (model := _new(candidate_at(path, origin), seen)):
            yield model
    for place in places:
        if cancelled():
            return
        yield Looking(place.name)
        for candidate in candidates(place, cancelled):
            if cancelled():
                return
            if model := _new(candidate, seen):
                yield model


def _new(candidate: Candidate, seen: set[Path]) -> ModelFile | None:
    """Return the model; None for a file that was seen before or cannot chat."""
    try:
        real = candidate.path.resolve()
    except (OSError, RuntimeError, ValueError):  # links that lead back to themselves
        real = candidate.path
    if real in seen:
        return None
    seen.add(real)
    return _look_at(candidate)


def _look_at(candidate: Candidate) -> ModelFile | None:
    path, name = candidate.path, candidate.name or candidate.path.stem
    size = sum(_size(part) for part in candidate.parts or (path,))
    model = ModelFile(path, name, candidate.place, size, n_parts=candidate.n_parts)
    try:
        header = read_header(path)
        check_part_name(path, header)
    except ModelError as error:
        return replace(model, problem=error.title)
    if len(candidate.parts) < candidate.n_parts and candidate.n_parts > 1:
        there = f"only {len(candidate.parts)} of its {candidate.n_parts} parts are here"
        return replace(model, problem=f"{shown_name(path)} is incomplete: {there}.")
    try:
        check_header(path, header)
    except ModelError:
        return None
    return replace(model, header=header)


def free_memory() -> int:
    """Return how many bytes are available to the system's processes."""
    import psutil

    return int(psutil.virtual_memory().available)


def is_file(path: Path) -> bool:
    """Return True if `path` is a file that this process may look at."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return 0

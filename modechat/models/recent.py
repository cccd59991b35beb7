"""Stores the list of the models that were used last, private to the user."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from modechat.private_json import read_json, write_json

_FILE = "recent-models.json"
_MOST = 12


class RecentModels:
    """The list, in a file in the data folder `folder`, which need not exist.

    Losing the list does no harm, so nothing raises.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE

    def paths(self) -> tuple[Path, ...]:
        """Return the models, the latest first; their files may be gone.

        A damaged list counts as empty.
        """
        found = read_json(self._path)
        if not isinstance(found, list):
            return ()
        return tuple(Path(path) for path in found if isinstance(path, str) and path)

    def remember(self, model: Path) -> None:
        paths = [model, *(path for path in self.paths() if path != model)][:_MOST]
        with suppress(OSError):
            write_json(self._path, [str(path) for path in paths])

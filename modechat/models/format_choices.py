"""Stores which prompt format the user chose for each model, by the name of the model's file."""

from __future__ import annotations

from pathlib import Path

from modechat.errors import StoreError
from modechat.private_json import read_json, write_json

_FILE = "formats.json"


class FormatChoices:
    """The choices, in a file in the data folder `folder`, which need not exist."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE

    def of(self, model: Path) -> str | None:
        """Return the format for this model; None if the user chose none.

        A damaged file counts as empty.
        """
        return self._read().get(model.name)

    def remember(self, model: Path, format: str | None) -> None:
        """Save the choice; None removes it. Raises StoreError if the disk refuses."""
        choices = self._read()
        choices.pop(model.name, None)
        if format is not None:
            choices[model.name] = format
        try:
            write_json(self._path, choices)
        except OSError as error:
            raise StoreError(
                f"{self._path} cannot be written: {error.strerror}", "Is the disk full?"
            ) from error

    def _read(self) -> dict[str, str]:
        found = read_json(self._path)
        if not isinstance(found, dict):
            return {}
        return {name: format for name, format in found.items() if isinstance(format, str)}

"""Reads and writes small JSON files that only the user can read."""

from __future__ import annotations

import json
from pathlib import Path

from modechat.private_files import private_folder, write_private


def read_json(path: Path) -> object:
    """Return the value in the file; None if the file is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def write_json(path: Path, value: object) -> None:
    """Write all of the value or nothing; create the folder if it is absent. Raises OSError."""
    private_folder(path.parent)
    write_private(path, json.dumps(value, indent=1, sort_keys=True))

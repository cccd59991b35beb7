"""Searches folders for files that may be models.

Folders may loop, vanish, or be closed to the user.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from modechat.gguf.parts import read_part_name
from modechat.models.places import Place

_MOST_ENTRIES = 50_000
"""Files and folders of one place that are looked at, at the most."""
_LONGEST_MANIFEST = 1 << 20
_MODEL_LAYER = "application/vnd.ollama.image.model"
_DIGEST = re.compile(r"sha256[:-][0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may be a model, with the other parts if it is split."""

    path: Path
    """The file to load; the first part of a split model."""
    place: str
    name: str = ""
    """The model's name, if it is not the file's name."""
    parts: tuple[Path, ...] = ()
    """All parts of a split model that are there, `path` included."""
    n_parts: int = 1


def candidate_at(path: Path, place: str) -> Candidate:
    """Return the file at `path` as a candidate, with its other parts if it is a first part."""
    part = read_part_name(path.name)
    if part is None:
        return Candidate(path, place)
    paths = map(path.with_name, part.all_names())
    return Candidate(path, place, part.stem, tuple(filter(Path.is_file, paths)), part.n_parts)


def candidates(place: Place, cancelled: Callable[[], bool]) -> Iterator[Candidate]:
    """Yield the files of `place` that may be models.

    Files and folders that cannot be read are skipped.
    """
    if place.is_ollama:
        yield from _of_ollama(place, cancelled)
        return
    split: dict[tuple[Path, str, int], list[Path]] = {}
    for path in _gguf_files(place, cancelled):
        part = read_part_name(path.name)
        if part is None:
            yield Candidate(path, place.name)
        else:
            split.setdefault((path.parent, part.stem, part.n_parts), []).append(path)
    for (_, stem, count), found in split.items():
        found.sort()
        yield Candidate(found[0], place.name, stem, tuple(found), count)


def _gguf_files(place: Place, cancelled: Callable[[], bool]) -> Iterator[Path]:
    seen: set[tuple[int, int]] = set()
    waiting = [(place.folder, place.depth)]
    left = _MOST_ENTRIES
    while waiting and left and not cancelled():
        folder, depth = waiting.pop()
        try:
            about = folder.stat()
            if (about.st_dev, about.st_ino) in seen and about.st_ino:  # a link that leads back
                continue
            seen.add((about.st_dev, about.st_ino))
            entries = os.scandir(folder)
        except (OSError, ValueError):
            continue
        with entries:
            while left and not cancelled():
                try:
                    entry = next(entries, None)
                except OSError:
                    break
                if entry is None:
                    break
                left -= 1
                if entry.name.lower().endswith(".gguf"):
                    if _is(entry, os.DirEntry.is_file):
                        yield Path(entry.path)
                elif depth and _is(entry, os.DirEntry.is_dir):
                    waiting.append((Path(entry.path), depth - 1))


def _is(entry: os.DirEntry[str], kind: Callable[[os.DirEntry[str]], bool]) -> bool:
    """Return True if `entry` is of this kind, following links: Hugging Face's cache consists of
    them.
    """
    try:
        return kind(entry)
    except OSError:
        return False


def _of_ollama(place: Place, cancelled: Callable[[], bool]) -> Iterator[Candidate]:
    """Yield Ollama's models, whose files are named by manifests/HOST/OWNER/MODEL/TAG."""
    root = place.folder / "manifests"
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        if cancelled():
            return
        if len(here.relative_to(root).parts) >= 4:
            folders.clear()
        for tag in sorted(files):
            digest = _model_digest(here / tag)
            if digest is not None:
                yield Candidate(
                    place.folder / "blobs" / digest, place.name, _ollama_name(here / tag, root)
                )


def _model_digest(manifest: Path) -> str | None:
    """Return the name of the file with the model; None if the manifest names none."""
    try:
        if manifest.stat().st_size > _LONGEST_MANIFEST:
            return None
        layers = json.loads(manifest.read_text(encoding="utf-8"))["layers"]
        found = next(layer["digest"] for layer in layers if layer["mediaType"] == _MODEL_LAYER)
    except (OSError, ValueError, LookupError, TypeError, StopIteration, RecursionError):
        return None
    if not isinstance(found, str) or not _DIGEST.fullmatch(found):
        return None
    return found.replace(":", "-")


def _ollama_name(manifest: Path, root: Path) -> str:
    """Return the name for `ollama run`, such as `llama3.2:3b`."""
    parts = manifest.relative_to(root).parts
    name = ":".join(parts[-2:])
    if len(parts) == 4 and parts[1] != "library":
        name = f"{parts[1]}/{name}"
    return name

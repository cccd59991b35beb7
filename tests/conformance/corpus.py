"""Where the conformance corpus is, and llama.cpp's vocabularies that belong to it. Neither is part
of the project: the data keep the licences of their sources.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

from filelock import FileLock

CORPUS = Path(
    os.environ.get("MODECHAT_CONFORMANCE")
    or Path(__file__).parents[2].parent / "shared" / "conformance"
)
_SECONDS_TO_FETCH = 300


@lru_cache(maxsize=1)
def vocabularies() -> str | None:
    """The folder with llama.cpp's `ggml-vocab-*.gguf`: that of `MODECHAT_VOCABS`, else one that the
    corpus' own script fills from llama-cpp-python's source archive (75 MB, kept for the next
    time). None where it cannot be had.
    """
    if folder := os.environ.get("MODECHAT_VOCABS"):
        return folder if list(Path(folder).glob("ggml-vocab-*.gguf")) else None
    script = CORPUS / "get_vocabs.sh"
    if not script.exists():
        return None
    cache = Path(tempfile.gettempdir()) / f"modechat-vocabularies-{os.getuid()}"
    try:
        with FileLock(f"{cache}.lock"):  # tests beside this one want them, too
            subprocess.run(
                ["sh", script, cache], check=True, capture_output=True, timeout=_SECONDS_TO_FETCH
            )
    except (OSError, subprocess.SubprocessError):
        return None  # no network
    return str(cache)

"""LoRA adapters as users name them: `FILE` or `FILE:SCALE`. Pure."""

from __future__ import annotations

import re

_SCALED = re.compile(r"(?P<file>.+):(?P<scale>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")
_STRONGEST = 1e30  # what llama.cpp computes with ends at 3e38


def read_scaled(text: str) -> tuple[str, float]:
    """The file, and how strongly it is applied: 1 unless `text` ends with a colon and a number, not too large.

    Other colons belong to the name: those of drives, too.
    """
    match = _SCALED.fullmatch(text)
    if match is None or abs(scale := float(match["scale"])) > _STRONGEST:
        return text, 1.0
    return match["file"], scale


def lora_label(path: str, scale: float) -> str:
    """As it is shown: `tone`, `tone ×0.5`."""
    name = re.sub(r"\.gguf$", "", re.split(r"[/\\]", path)[-1])
    return name if scale == 1 else f"{name} ×{scale:g}"

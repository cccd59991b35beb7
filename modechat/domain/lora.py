"""Reads LoRA adapters as users name them: `FILE` or `FILE:SCALE`."""

from __future__ import annotations

import re

_SCALED = re.compile(r"(?P<file>.+):(?P<scale>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")
_MAX_SCALE = 1e30  # llama.cpp's floats end at 3e38


def read_scaled(text: str) -> tuple[str, float]:
    """Return the file and its scale, which is 1 unless `text` ends with a colon and a number.

    Other colons belong to the name, for example those of drives. So does a number that is too
    large.
    """
    match = _SCALED.fullmatch(text)
    if match is None:
        return text, 1.0
    scale = float(match["scale"])
    if abs(scale) > _MAX_SCALE:
        return text, 1.0
    return match["file"], scale


def lora_label(path: str, scale: float) -> str:
    """Return the adapter's label: `tone`, `tone ×0.5`."""
    name = re.sub(r"\.gguf$", "", re.split(r"[/\\]", path)[-1])
    return name if scale == 1 else f"{name} ×{scale:g}"

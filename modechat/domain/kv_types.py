"""The types of the values in a KV cache: fewer bits take less memory and cost precision."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

KVType: TypeAlias = Literal["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0"]
"""The names in llama.cpp, the most precise first."""

KV_TYPES: tuple[KVType, ...] = get_args(KVType)

"""Whether a model fits into memory, from its header."""

from __future__ import annotations

from pathlib import Path

import pytest

from modechat.models.fit import Fit, bytes_needed, fit, kv_bytes_per_token
from modechat.models.gguf import GGUFHeader, read_header
from tests.tiny_models import Value, write_llama

LLAMA_3_8B: dict[str, Value] = {
    "llama.block_count": 32,
    "llama.embedding_length": 4096,
    "llama.attention.head_count": 32,
    "llama.attention.head_count_kv": 8,
}
GIB = 1 << 30


def header(**metadata: str | int | float | bool) -> GGUFHeader:
    return GGUFHeader(
        version=3,
        architecture="llama",
        name=None,
        quantization=None,
        n_ctx_train=8192,
        has_chat_template=True,
        n_tensors=1,
        size_bytes=0,
        metadata=metadata,
    )


def test_the_cache_of_a_known_model_has_its_known_size() -> None:
    assert kv_bytes_per_token(header(**LLAMA_3_8B)) == 128 * 1024  # type: ignore[arg-type]


def test_the_usual_context_counts_and_no_longer_one() -> None:
    model = header(**LLAMA_3_8B)  # type: ignore[arg-type]
    assert GIB // 2 < bytes_needed(model, 0) < GIB


@pytest.mark.parametrize("value", [-5, 0, 1 << 62, "text", 3.5, True])
def test_senseless_numbers_of_a_file_are_no_trouble(value: str | int | float | bool) -> None:
    keys = (*LLAMA_3_8B, "llama.attention.key_length", "llama.attention.key_length_mla")
    assert bytes_needed(header(**dict.fromkeys(keys, value)), 1000) >= 1000


def test_a_real_file_is_estimated(tmp_path: Path) -> None:
    path = write_llama(tmp_path / "x.gguf")
    assert bytes_needed(read_header(path), path.stat().st_size) > path.stat().st_size


def test_what_takes_nearly_all_memory_is_tight() -> None:
    assert [fit(needed, 100) for needed in (50, 85, 86, 100, 101)] == [
        Fit.FITS,
        Fit.FITS,
        Fit.TIGHT,
        Fit.TIGHT,
        Fit.TOO_LARGE,
    ]

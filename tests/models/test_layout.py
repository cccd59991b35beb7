"""What planning a load reads of a model's files, and what the header's arrays may cost."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from modechat.errors import AdapterError
from modechat.gguf.layout import read_layout
from modechat.models.check import check_adapter_file
from modechat.models.fit import kv_bytes_per_token
from modechat.models.gguf import read_header
from tests.tiny_models import write_llama

_INT32, _ARRAY = 5, 9
HEADS = "llama.attention.head_count_kv"


def array(key: str, numbers: list[int]) -> bytes:
    packed = struct.pack(f"<{len(numbers)}i", *numbers)
    kind = struct.pack("<IIQ", _ARRAY, _INT32, len(numbers))
    return struct.pack("<Q", len(key)) + key.encode() + kind + packed


def file_with(path: Path, *arrays: bytes) -> Path:
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, len(arrays)) + b"".join(arrays))
    return path


def test_the_layout_has_the_bytes_of_every_tensor_and_the_size_of_the_vocabulary(
    tmp_path: Path,
) -> None:
    path = write_llama(tmp_path / "tiny.gguf")
    layout = read_layout(path)
    assert layout is not None
    assert layout.n_vocab > 256
    assert layout.hyperparameters.number("block_count") == 2
    assert len(layout.tensor_bytes) == read_header(path).n_tensors
    assert 0 < sum(layout.tensor_bytes.values()) < path.stat().st_size


def test_a_number_for_each_layer_counts_for_that_layer(tmp_path: Path) -> None:
    path = write_llama(tmp_path / "one.gguf", extra={HEADS: 1})
    each = write_llama(tmp_path / "each.gguf", extra={HEADS: [1, 0]})
    assert read_header(each).metadata[HEADS] == (1, 0)
    assert kv_bytes_per_token(read_header(each)) == kv_bytes_per_token(read_header(path)) // 2


def test_long_arrays_and_too_many_numbers_are_not_kept(tmp_path: Path) -> None:
    long = file_with(tmp_path / "long.gguf", array("x", [1] * 5000), array("y", [1, 2, 3]))
    assert dict(read_header(long).metadata) == {"y": (1, 2, 3)}
    many = file_with(
        tmp_path / "many.gguf", *(array(f"k{number}", [7] * 4096) for number in range(40))
    )
    kept = 0
    for value in read_header(many).metadata.values():
        assert isinstance(value, tuple)
        kept += len(value)
    assert kept <= 1 << 16


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_file_has_no_layout_or_a_bounded_one(tmp_path: Path, seed: int) -> None:
    path = write_llama(tmp_path / "tiny.gguf")
    data, chance = bytearray(path.read_bytes()), random.Random(seed)
    for _ in range(3):
        data[chance.randrange(4, 9000)] ^= 1 << chance.randrange(8)
    path.write_bytes(data[: chance.randrange(len(data) // 2, len(data))])
    layout = read_layout(path)
    assert layout is None or len(layout.tensor_bytes) < 1000


def test_what_is_no_file_or_no_gguf_has_no_layout(tmp_path: Path) -> None:
    (tmp_path / "text.gguf").write_text("no model")
    for name in ("missing.gguf", "text.gguf", "."):
        assert read_layout(tmp_path / name) is None


def test_whatever_is_wrong_with_an_adapters_file_the_adapter_is_the_cause(tmp_path: Path) -> None:
    (tmp_path / "text.gguf").write_text("no adapter")
    write_llama(tmp_path / "model.gguf")
    for name in ("missing.gguf", "text.gguf", "model.gguf"):
        with pytest.raises(AdapterError):
            check_adapter_file(tmp_path / name)

"""The reader of GGUF headers, on whole, cut, damaged and hostile files."""

from __future__ import annotations

import contextlib
import json
import random
import struct
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import gguf
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modechat.errors import ModelError
from modechat.gguf.ggml_types import FILE_TYPES, TENSOR_TYPES
from modechat.models.gguf import GGUFHeader, read_header
from modechat.models.starter import starter_model
from tests.examples import examples
from tests.tiny_models import CHATML, Value, write_llama

STARTER = starter_model()
needs_starter = pytest.mark.skipif(STARTER is None, reason="the starter model is not installed")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_llama(tmp_path_factory.mktemp("whole") / "tiny.gguf").read_bytes()


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch") / "scratch.gguf"


def refusal(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        read_header(path)
    assert caught.value.hint
    return caught.value.title


def header(*, version: int = 3, n_tensors: int = 0, n_keys: int = 0, body: bytes = b"") -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, n_tensors, n_keys) + body


def text(value: bytes) -> bytes:
    return struct.pack("<Q", len(value)) + value


def tensor(*dims: int, kind: int = 0, offset: int = 0, n_dims: int | None = None) -> bytes:
    shape = struct.pack(f"<I{len(dims)}Q", len(dims) if n_dims is None else n_dims, *dims)
    return text(b"a.weight") + shape + struct.pack("<IQ", kind, offset)


@pytest.mark.real_model
@needs_starter
def test_the_header_of_the_starter_says_what_smollm2_is() -> None:
    assert STARTER is not None
    found = read_header(STARTER)
    assert (found.version, found.architecture, found.quantization) == (3, "llama", "Q4_1")
    assert (found.n_ctx_train, found.n_tensors, found.has_chat_template) == (8192, 272, True)
    assert found.name is not None
    assert found.name.startswith("Smollm2 135M")
    assert found.size_bytes == STARTER.stat().st_size
    assert found.metadata["llama.vocab_size"] == 49152
    assert found.metadata["tokenizer.ggml.add_bos_token"] is False
    assert found.metadata["llama.rope.freq_base"] == 100000.0


@pytest.mark.real_model
@needs_starter
def test_a_header_with_a_hundred_thousand_strings_is_read_fast_enough_for_lists() -> None:
    assert STARTER is not None
    seconds = []
    for _ in range(5):
        start = time.process_time()
        read_header(STARTER)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.05


@pytest.mark.real_model
@needs_starter
def test_a_real_model_that_lacks_its_last_byte_is_incomplete(tmp_path: Path) -> None:
    assert STARTER is not None
    cut = tmp_path / "cut.gguf"
    with STARTER.open("rb") as file, cut.open("wb") as copy:
        copy.write(file.read(1 << 22))  # The whole header; the rest is a hole.
        copy.truncate(STARTER.stat().st_size - 1)
    assert refusal(cut) == "cut.gguf is incomplete: it has 98,362,431 of 98,362,432 bytes."


def test_what_was_written_is_read(tmp_path: Path) -> None:
    extra: dict[str, Value] = {
        "general.file_type": 15,
        "a.number": 7,
        "a.truth": True,
        "a.fraction": 0.5,
        "a.word": "é",
    }
    path = write_llama(tmp_path / "tiny.gguf", n_ctx_train=512, name="Tiny", extra=extra)
    found = read_header(path)
    assert found == GGUFHeader(
        version=3,
        architecture="llama",
        name="Tiny",
        quantization="Q4_K_M",
        n_ctx_train=512,
        has_chat_template=True,
        n_tensors=21,
        size_bytes=path.stat().st_size,
        metadata=found.metadata,
    )
    assert {key: found.metadata[key] for key in extra} == extra
    assert found.metadata["tokenizer.chat_template"] == CHATML
    assert "tokenizer.ggml.tokens" not in found.metadata


def test_a_long_template_is_noticed_but_not_kept(tmp_path: Path) -> None:
    found = read_header(write_llama(tmp_path / "tiny.gguf", chat_template="x" * 5000))
    assert found.has_chat_template
    assert "tokenizer.chat_template" not in found.metadata


@pytest.mark.parametrize("template", [None, ""])
def test_without_a_template_the_header_says_so(tmp_path: Path, template: str | None) -> None:
    assert not read_header(
        write_llama(tmp_path / "tiny.gguf", chat_template=template)
    ).has_chat_template


def test_values_that_are_missing_or_of_another_type_are_none(tmp_path: Path) -> None:
    extra: dict[str, Value] = {
        "general.name": 1,
        "general.file_type": 999,
        "llama.context_length": "long",
    }
    found = read_header(write_llama(tmp_path / "tiny.gguf", extra=extra))
    assert (found.name, found.quantization, found.n_ctx_train) == (None, None, None)


@pytest.mark.parametrize("alignment", [8, 256])
def test_the_end_of_the_data_follows_the_alignment_of_the_file(
    tmp_path: Path, alignment: int
) -> None:
    path = tmp_path / "aligned.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_custom_alignment(alignment)
    writer.add_tensor("a.weight", np.ones(3, np.float32))
    writer.add_tensor("b.weight", np.ones(alignment // 4, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert read_header(path).n_tensors == 2
    path.write_bytes(path.read_bytes()[:-1])
    assert "incomplete" in refusal(path)


def test_a_tensor_of_an_unknown_type_is_not_measured(tmp_path: Path) -> None:
    path = tmp_path / "new.gguf"
    path.write_bytes(header(n_tensors=1, body=tensor(1 << 20, kind=99)).ljust(128, b"\0"))
    assert read_header(path).n_tensors == 1


def test_version_2_is_read(scratch: Path, whole: bytes) -> None:
    scratch.write_bytes(whole[:4] + struct.pack("<I", 2) + whole[8:])
    assert read_header(scratch).version == 2


@pytest.mark.parametrize("version", [0, 1, 4])
def test_other_versions_are_refused(scratch: Path, whole: bytes, version: int) -> None:
    scratch.write_bytes(whole[:4] + struct.pack("<I", version) + whole[8:])
    wanted = (
        "big-endian" if version == 0 else f"GGUF version {version}; modechat reads versions 2 and 3"
    )
    assert wanted in refusal(scratch)


def test_a_big_endian_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "big.gguf"
    writer = gguf.GGUFWriter(path, "llama", endianess=gguf.GGUFEndian.BIG)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    assert "big-endian" in refusal(path)


@settings(max_examples=examples(150))
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_anywhere_is_refused(share: float, scratch: Path, whole: bytes) -> None:
    scratch.write_bytes(whole[: int(share * len(whole))])
    assert refusal(scratch)


def test_a_header_cut_anywhere_is_refused(scratch: Path, whole: bytes) -> None:
    for length in range(0, 12_000, 61):
        scratch.write_bytes(whole[:length])
        assert refusal(scratch)


@settings(max_examples=examples(200), deadline=1000)
@given(flips=st.lists(st.tuples(st.integers(4, 12_000), st.integers(0, 7)), min_size=1, max_size=4))
def test_a_damaged_header_is_read_or_refused_but_nothing_else(
    flips: list[tuple[int, int]], scratch: Path, whole: bytes
) -> None:
    data = bytearray(whole)
    for at, bit in flips:
        data[at] ^= 1 << bit
    scratch.write_bytes(data)
    with contextlib.suppress(ModelError):
        read_header(scratch)


def test_a_damaged_header_takes_little_memory(scratch: Path, whole: bytes) -> None:
    chance = random.Random(0)
    tracemalloc.start()
    try:
        for _ in range(200):
            data = bytearray(whole)
            data[chance.randrange(4, 12_000)] ^= 1 << chance.randrange(8)
            scratch.write_bytes(data)
            del data
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            with contextlib.suppress(ModelError):
                read_header(scratch)
            assert tracemalloc.get_traced_memory()[1] - before < 4e6
    finally:
        tracemalloc.stop()


ABSURD = {
    "keys": header(n_keys=1 << 63),
    "tensors": header(n_tensors=1 << 62),
    "a key": header(n_keys=1, body=struct.pack("<Q", 1 << 60)),
    "a text": header(n_keys=1, body=text(b"k") + struct.pack("<IQ", 8, 1 << 60)),
    "numbers": header(n_keys=1, body=text(b"k") + struct.pack("<IIQ", 9, 12, 1 << 63)),
    "strings": header(n_keys=1, body=text(b"k") + struct.pack("<IIQ", 9, 8, 1 << 50)),
    "one string": header(n_keys=1, body=text(b"k") + struct.pack("<IIQQ", 9, 8, 1, (1 << 64) - 1)),
    "an array of arrays": header(n_keys=1, body=text(b"k") + struct.pack("<IIQ", 9, 9, 1 << 40)),
    "an unknown type": header(n_keys=1, body=text(b"k") + struct.pack("<I", 4711)),
    "alignment 0": header(n_keys=1, body=text(b"general.alignment") + struct.pack("<II", 4, 0)),
    "alignment 48": header(n_keys=1, body=text(b"general.alignment") + struct.pack("<II", 4, 48)),
    "dimensions": header(n_tensors=1, body=tensor(1, n_dims=1 << 30)),
    "elements": header(n_tensors=1, body=tensor(*[(1 << 63)] * 4)),
    "an offset": header(n_tensors=1, body=tensor(1, offset=1 << 62)),
    "an odd offset": header(n_tensors=1, body=tensor(1, offset=7)),
    "a row of half a block": header(n_tensors=1, body=tensor(100, kind=12)),
}


@pytest.mark.parametrize("name", ABSURD)
def test_absurd_counts_and_lengths_are_refused_at_once(tmp_path: Path, name: str) -> None:
    path = tmp_path / "absurd.gguf"
    path.write_bytes(ABSURD[name].ljust(4096, b"\0"))
    start = time.process_time()
    assert refusal(path).startswith("absurd.gguf is damaged or incomplete: its header ")
    assert time.process_time() - start < 1


@pytest.mark.parametrize(("count", "length"), [(1 << 26, 0), (1 << 22, 1 << 20)])
def test_a_hostile_vocabulary_in_a_huge_sparse_file_is_refused_soon(
    tmp_path: Path, count: int, length: int
) -> None:
    path = tmp_path / "hostile.gguf"
    with path.open("wb") as file:
        body = text(b"k") + struct.pack("<IIQ", 9, 8, count)
        file.write(header(n_keys=1, body=body))
        at = file.tell()
        for i in range(300 if length else 0):
            file.seek(at + i * (8 + length))
            file.write(struct.pack("<Q", length))
        file.truncate(1 << 40)
    start = time.process_time()
    assert "damaged" in refusal(path)
    assert time.process_time() - start < 2


def test_sizes_of_tensor_types_are_those_of_the_llama_cpp_that_runs_them() -> None:
    script = """
import ctypes, json
from llama_cpp.llama_cpp import _lib
_lib.ggml_blck_size.restype = ctypes.c_int64
_lib.ggml_type_size.restype = ctypes.c_size_t
print(json.dumps([(_lib.ggml_blck_size(kind), _lib.ggml_type_size(kind)) for kind in range(43)]))
"""
    output = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, text=True
    ).stdout
    theirs = {kind: tuple(sizes) for kind, sizes in enumerate(json.loads(output)) if sizes[0]}
    assert theirs == TENSOR_TYPES


def test_names_of_quantizations_are_those_of_the_gguf_package() -> None:
    theirs = {
        int(kind): kind.name.removeprefix("MOSTLY_") for kind in gguf.LlamaFileType if kind != 1024
    }
    theirs |= {0: "F32", 38: "MXFP4"}
    assert {kind: FILE_TYPES[kind] for kind in theirs} == theirs

"""Writes a tiny quantized model of random weights, to try llama.cpp's kernels on this machine.

Format: GGUF version 3 (ggml's docs/gguf.md). The architecture is `llama` with one layer and no
vocabulary: the input is numbers of tokens. The matrices are of Q4_0, which has its own kernels in
every extra buffer of the CPU; sizes are multiples of what these kernels require.
"""

from __future__ import annotations

import random
import struct
from pathlib import Path

N_VOCAB = 256
_N_EMBD = 256
_N_FF = 512
_N_HEAD = 4
_N_CTX = 256
_ALIGNMENT = 32
_F32, _Q4_0 = 0, 2  # ggml_type
_BLOCK = 32  # weights of Q4_0 that share a scale
_BLOCK_SCALE = struct.pack("<e", 0.01)
_UINT32, _FLOAT32, _STRING = 4, 6, 8  # gguf_metadata_value_type

_METADATA: tuple[tuple[str, int, str | int | float], ...] = (
    ("general.architecture", _STRING, "llama"),
    ("general.name", _STRING, "tiny"),
    ("general.file_type", _UINT32, _Q4_0),
    ("general.quantization_version", _UINT32, 2),
    ("llama.vocab_size", _UINT32, N_VOCAB),
    ("llama.context_length", _UINT32, _N_CTX),
    ("llama.embedding_length", _UINT32, _N_EMBD),
    ("llama.block_count", _UINT32, 1),
    ("llama.feed_forward_length", _UINT32, _N_FF),
    ("llama.attention.head_count", _UINT32, _N_HEAD),
    ("llama.attention.head_count_kv", _UINT32, _N_HEAD),
    ("llama.attention.layer_norm_rms_epsilon", _FLOAT32, 1e-5),
    ("tokenizer.ggml.model", _STRING, "no_vocab"),
)
# In ggml's order: the length of a row comes first.
_TENSORS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("token_embd.weight", (_N_EMBD, N_VOCAB)),
    ("output_norm.weight", (_N_EMBD,)),
    ("output.weight", (_N_EMBD, N_VOCAB)),
    ("blk.0.attn_norm.weight", (_N_EMBD,)),
    ("blk.0.attn_q.weight", (_N_EMBD, _N_EMBD)),
    ("blk.0.attn_k.weight", (_N_EMBD, _N_EMBD)),
    ("blk.0.attn_v.weight", (_N_EMBD, _N_EMBD)),
    ("blk.0.attn_output.weight", (_N_EMBD, _N_EMBD)),
    ("blk.0.ffn_norm.weight", (_N_EMBD,)),
    ("blk.0.ffn_gate.weight", (_N_EMBD, _N_FF)),
    ("blk.0.ffn_up.weight", (_N_EMBD, _N_FF)),
    ("blk.0.ffn_down.weight", (_N_FF, _N_EMBD)),
)


def write_tiny_model(path: Path) -> None:
    """Write the model to `path`: about half a megabyte, the same bytes each time.

    Raises OSError.
    """
    values = random.Random(0)
    header = bytearray(b"GGUF" + struct.pack("<IQQ", 3, len(_TENSORS), len(_METADATA)))
    for key, kind, value in _METADATA:
        header += _text(key) + struct.pack("<I", kind) + _value(kind, value)
    data = bytearray()
    for name, shape in _TENSORS:
        kind = _F32 if len(shape) == 1 else _Q4_0
        header += _text(name) + struct.pack(
            f"<I{len(shape)}QIQ", len(shape), *shape, kind, len(data)
        )
        if kind == _F32:
            data += struct.pack("<f", 1.0) * shape[0]
        else:
            for _ in range(shape[0] * shape[1] // _BLOCK):
                data += _BLOCK_SCALE + values.randbytes(_BLOCK // 2)
        data += bytes(-len(data) % _ALIGNMENT)
    header += bytes(-len(header) % _ALIGNMENT)
    path.write_bytes(header + data)


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack("<Q", len(encoded)) + encoded


def _value(kind: int, value: str | int | float) -> bytes:
    if isinstance(value, str):
        return _text(value)
    return struct.pack("<I" if kind == _UINT32 else "<f", value)

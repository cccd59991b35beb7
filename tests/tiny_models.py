"""Writes tiny random GGUF models, each in milliseconds and of some hundred kB, which llama.cpp
really loads and runs.

They say nothing that makes sense, but everything about them is as in a real model. Tensors and
metadata keys as llama.cpp's src/models/*.cpp and src/llama-vocab.cpp ask for them; the same seed
gives the same file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from gguf import GGUFReader, GGUFWriter, TokenType

Value: TypeAlias = str | int | float | bool | Sequence[str] | Sequence[int] | Sequence[float]
Tensors: TypeAlias = dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
CONTROL_TOKENS = ("<s>", "</s>", "<unk>", "<|im_start|>", "<|im_end|>")
"""The control tokens of `write_llama` and `write_recurrent`; their ids begin at 256, behind the
bytes.
"""

_N_EMBD, _N_FF, _N_HEAD = 32, 64, 2
_UNIGRAMS = ("▁", *"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:;!?'-#\n")


def write_llama(
    path: Path,
    *,
    chat_template: str | None = CHATML,
    n_ctx_train: int = 256,
    name: str = "tiny-llama",
    add_bos: bool = False,
    extra: Mapping[str, Value] = {},
    seed: int = 0,
) -> Path:
    """A llama model whose token ids 0 to 255 are the bytes themselves, so that text has one token
    for each byte.

    `<|im_end|>` and `</s>` end a generation. `extra` adds metadata or replaces it.
    """
    template = {} if chat_template is None else {"tokenizer.chat_template": chat_template}
    metadata: dict[str, Value] = {
        "general.name": name,
        "general.file_type": 0,
        "llama.context_length": n_ctx_train,
        "llama.block_count": 2,
        "llama.embedding_length": _N_EMBD,
        "llama.feed_forward_length": _N_FF,
        "llama.attention.head_count": _N_HEAD,
        "llama.attention.head_count_kv": 1,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.dimension_count": _N_EMBD // _N_HEAD,
        **_byte_vocabulary(add_bos=add_bos),
        **template,
        **extra,
    }
    weights = _Weights(seed)
    n_vocab = 256 + len(CONTROL_TOKENS)
    tensors = {
        "token_embd.weight": weights.random(n_vocab, _N_EMBD),
        "output_norm.weight": weights.ones(_N_EMBD),
        "output.weight": weights.random(n_vocab, _N_EMBD),
    }
    for layer in ("blk.0", "blk.1"):
        tensors |= {
            f"{layer}.attn_norm.weight": weights.ones(_N_EMBD),
            f"{layer}.attn_q.weight": weights.random(_N_EMBD, _N_EMBD),
            f"{layer}.attn_k.weight": weights.random(_N_EMBD // _N_HEAD, _N_EMBD),
            f"{layer}.attn_v.weight": weights.random(_N_EMBD // _N_HEAD, _N_EMBD),
            f"{layer}.attn_output.weight": weights.random(_N_EMBD, _N_EMBD),
            f"{layer}.ffn_norm.weight": weights.ones(_N_EMBD),
            f"{layer}.ffn_gate.weight": weights.random(_N_FF, _N_EMBD),
            f"{layer}.ffn_up.weight": weights.random(_N_FF, _N_EMBD),
            f"{layer}.ffn_down.weight": weights.random(_N_EMBD, _N_FF),
        }
    return _write(path, "llama", metadata, tensors)


def write_lora(path: Path, *, architecture: str = "llama", rank: int = 2, seed: int = 1) -> Path:
    """A LoRA adapter for the models of `write_llama`: it changes the queries of both layers."""
    weights = _Weights(seed)
    tensors = {}
    for layer in ("blk.0", "blk.1"):
        tensors[f"{layer}.attn_q.weight.lora_a"] = weights.random(rank, _N_EMBD)
        tensors[f"{layer}.attn_q.weight.lora_b"] = weights.random(_N_EMBD, rank)
    metadata: dict[str, Value] = {
        "general.type": "adapter",
        "adapter.type": "lora",
        "adapter.lora.alpha": 16.0,
    }
    return _write(path, architecture, metadata, tensors)


def write_endless(path: Path) -> Path:
    """A llama model whose likeliest next token is never one that ends the reply, with room for
    200,000 of them.
    """
    write_llama(path, n_ctx_train=200_000)
    reader = GGUFReader(path, "r+")
    (output,) = (tensor for tensor in reader.tensors if tensor.name == "output.weight")
    output.data[256:] = 0  # the control tokens: their logits are 0, and there are always some above
    reader.data.flush()
    return path


def write_recurrent(path: Path, *, seed: int = 0) -> Path:
    """A Mamba model with the vocabulary of `write_llama`: its memory is one state that cannot be
    cut.
    """
    d_inner, d_state, d_conv, dt_rank = 2 * _N_EMBD, 16, 4, 2
    metadata: dict[str, Value] = {
        "general.name": "tiny-mamba",
        "mamba.context_length": 1 << 20,
        "mamba.block_count": 1,
        "mamba.embedding_length": _N_EMBD,
        "mamba.feed_forward_length": 0,
        "mamba.attention.head_count": 0,
        "mamba.attention.layer_norm_rms_epsilon": 1e-5,
        "mamba.ssm.conv_kernel": d_conv,
        "mamba.ssm.inner_size": d_inner,
        "mamba.ssm.state_size": d_state,
        "mamba.ssm.time_step_rank": dt_rank,
        **_byte_vocabulary(add_bos=False),
        "tokenizer.chat_template": CHATML,
    }
    weights = _Weights(seed)
    tensors = {
        "token_embd.weight": weights.random(256 + len(CONTROL_TOKENS), _N_EMBD),
        "output_norm.weight": weights.ones(_N_EMBD),
        "blk.0.attn_norm.weight": weights.ones(_N_EMBD),
        "blk.0.ssm_in.weight": weights.random(2 * d_inner, _N_EMBD),
        "blk.0.ssm_conv1d.weight": weights.random(d_inner, d_conv),
        "blk.0.ssm_conv1d.bias": weights.random(d_inner),
        "blk.0.ssm_x.weight": weights.random(dt_rank + 2 * d_state, d_inner),
        "blk.0.ssm_dt.weight": weights.random(d_inner, dt_rank),
        "blk.0.ssm_dt.bias": weights.random(d_inner),
        "blk.0.ssm_a": -weights.ones(d_inner, d_state),  # Negative: the state decays.
        "blk.0.ssm_d": weights.ones(d_inner),
        "blk.0.ssm_out.weight": weights.random(_N_EMBD, d_inner),
    }
    return _write(path, "mamba", metadata, tensors)


def write_sliding(path: Path, *, window: int = 16, seed: int = 0) -> Path:
    """A Gemma 3 model with the vocabulary of `write_llama`: five of six layers see only the last
    `window` tokens.
    """
    head = _N_EMBD // _N_HEAD
    metadata: dict[str, Value] = {
        "general.name": "tiny-gemma",
        "gemma3.context_length": 1024,
        "gemma3.block_count": 6,
        "gemma3.embedding_length": _N_EMBD,
        "gemma3.feed_forward_length": _N_FF,
        "gemma3.attention.head_count": _N_HEAD,
        "gemma3.attention.head_count_kv": 1,
        "gemma3.attention.key_length": head,
        "gemma3.attention.value_length": head,
        "gemma3.attention.layer_norm_rms_epsilon": 1e-5,
        "gemma3.attention.sliding_window": window,
        **_byte_vocabulary(add_bos=False),
        "tokenizer.chat_template": CHATML,
    }
    weights = _Weights(seed)
    tensors = {
        "token_embd.weight": weights.random(256 + len(CONTROL_TOKENS), _N_EMBD),
        "output_norm.weight": weights.ones(_N_EMBD),
    }
    for layer in (f"blk.{i}" for i in range(6)):
        for norm in ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"):
            tensors[f"{layer}.{norm}.weight"] = weights.ones(_N_EMBD)
        tensors |= _attention(weights, layer, head) | _feed_forward(weights, layer)
    return _write(path, "gemma3", metadata, tensors)


def write_hybrid(path: Path, *, seed: int = 0) -> Path:
    """An LFM2 model with the vocabulary of `write_llama`: one layer is a convolution with a state,
    one is attention.
    """
    head = _N_EMBD // _N_HEAD
    metadata: dict[str, Value] = {
        "general.name": "tiny-lfm2",
        "lfm2.context_length": 1024,
        "lfm2.block_count": 2,
        "lfm2.embedding_length": _N_EMBD,
        "lfm2.feed_forward_length": _N_FF,
        "lfm2.attention.head_count": _N_HEAD,
        "lfm2.attention.head_count_kv": [0, 1],
        "lfm2.attention.layer_norm_rms_epsilon": 1e-5,
        "lfm2.rope.freq_base": 10000.0,
        "lfm2.shortconv.l_cache": 3,
        **_byte_vocabulary(add_bos=False),
        "tokenizer.chat_template": CHATML,
    }
    weights = _Weights(seed)
    tensors = {
        "token_embd.weight": weights.random(256 + len(CONTROL_TOKENS), _N_EMBD),
        "token_embd_norm.weight": weights.ones(_N_EMBD),
        "blk.0.shortconv.conv.weight": weights.random(_N_EMBD, 3),
        "blk.0.shortconv.in_proj.weight": weights.random(3 * _N_EMBD, _N_EMBD),
        "blk.0.shortconv.out_proj.weight": weights.random(_N_EMBD, _N_EMBD),
        **_attention(weights, "blk.1", head),
    }
    for layer in ("blk.0", "blk.1"):
        tensors[f"{layer}.attn_norm.weight"] = weights.ones(_N_EMBD)
        tensors[f"{layer}.ffn_norm.weight"] = weights.ones(_N_EMBD)
        tensors |= _feed_forward(weights, layer)
    return _write(path, "lfm2", metadata, tensors)


def write_t5(path: Path, *, seed: int = 0) -> Path:
    """An encoder-decoder model with a unigram vocabulary of single letters."""
    d_head = _N_EMBD // _N_HEAD
    n_buckets = 32
    metadata: dict[str, Value] = {
        "general.name": "tiny-t5",
        "t5.context_length": 128,
        "t5.block_count": 1,
        "t5.embedding_length": _N_EMBD,
        "t5.feed_forward_length": _N_FF,
        "t5.attention.head_count": _N_HEAD,
        "t5.attention.key_length": d_head,
        "t5.attention.value_length": d_head,
        "t5.attention.layer_norm_rms_epsilon": 1e-5,
        "t5.attention.relative_buckets_count": n_buckets,
        "t5.decoder_start_token_id": 0,
        "tokenizer.ggml.model": "t5",
        **_tokens(
            {"<pad>": TokenType.CONTROL, "</s>": TokenType.CONTROL, "<unk>": TokenType.UNKNOWN},
            _UNIGRAMS,
        ),
        "tokenizer.ggml.scores": [0.0] * 3 + [-2.0] * len(_UNIGRAMS),
        "tokenizer.ggml.padding_token_id": 0,
        "tokenizer.ggml.eos_token_id": 1,
        "tokenizer.ggml.unknown_token_id": 2,
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.ggml.add_eos_token": True,
        "tokenizer.ggml.add_space_prefix": True,
    }
    weights = _Weights(seed)
    n_vocab = 3 + len(_UNIGRAMS)
    tensors = {
        "token_embd.weight": weights.random(n_vocab, _N_EMBD),
        "output.weight": weights.random(n_vocab, _N_EMBD),
    }
    for side, attentions in {"enc": ("attn",), "dec": ("attn", "cross_attn")}.items():
        layer = f"{side}.blk.0"
        tensors[f"{side}.output_norm.weight"] = weights.ones(_N_EMBD)
        tensors[f"{layer}.attn_rel_b.weight"] = weights.random(n_buckets, _N_HEAD)
        for attention in attentions:
            tensors[f"{layer}.{attention}_norm.weight"] = weights.ones(_N_EMBD)
            for part in ("q", "k", "v", "o"):
                tensors[f"{layer}.{attention}_{part}.weight"] = weights.random(_N_EMBD, _N_EMBD)
        tensors |= {
            f"{layer}.ffn_norm.weight": weights.ones(_N_EMBD),
            f"{layer}.ffn_gate.weight": weights.random(_N_FF, _N_EMBD),
            f"{layer}.ffn_up.weight": weights.random(_N_FF, _N_EMBD),
            f"{layer}.ffn_down.weight": weights.random(_N_EMBD, _N_FF),
        }
    return _write(path, "t5", metadata, tensors)


def write_bert(path: Path, *, seed: int = 0) -> Path:
    """An embedding model with a WordPiece vocabulary of single letters."""
    n_ctx_train = 64
    special = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    letters = "abcdefghijklmnopqrstuvwxyz"
    metadata: dict[str, Value] = {
        "general.name": "tiny-bert",
        "bert.context_length": n_ctx_train,
        "bert.block_count": 1,
        "bert.embedding_length": _N_EMBD,
        "bert.feed_forward_length": _N_FF,
        "bert.attention.head_count": _N_HEAD,
        "bert.attention.layer_norm_epsilon": 1e-5,
        "bert.attention.causal": False,
        "bert.pooling_type": 1,
        "tokenizer.ggml.model": "bert",
        "tokenizer.ggml.token_type_count": 2,
        **_tokens(
            dict.fromkeys(special, TokenType.CONTROL),
            [*letters, *(f"▁{letter}" for letter in letters)],
        ),
        "tokenizer.ggml.padding_token_id": 0,
        "tokenizer.ggml.unknown_token_id": 1,
        "tokenizer.ggml.bos_token_id": 2,
        "tokenizer.ggml.eos_token_id": 3,
        "tokenizer.ggml.seperator_token_id": 3,
        "tokenizer.ggml.mask_token_id": 4,
    }
    weights = _Weights(seed)
    tensors = {
        "token_embd.weight": weights.random(len(special) + 2 * len(letters), _N_EMBD),
        "token_types.weight": weights.random(2, _N_EMBD),
        "position_embd.weight": weights.random(n_ctx_train, _N_EMBD),
        "token_embd_norm.weight": weights.ones(_N_EMBD),
        "token_embd_norm.bias": weights.random(_N_EMBD),
        "blk.0.ffn_up.weight": weights.random(_N_FF, _N_EMBD),
        "blk.0.ffn_up.bias": weights.random(_N_FF),
        "blk.0.ffn_down.weight": weights.random(_N_EMBD, _N_FF),
        "blk.0.ffn_down.bias": weights.random(_N_EMBD),
    }
    for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
        tensors[f"blk.0.{part}.weight"] = weights.random(_N_EMBD, _N_EMBD)
        tensors[f"blk.0.{part}.bias"] = weights.random(_N_EMBD)
    for part in ("attn_output_norm", "layer_output_norm"):
        tensors[f"blk.0.{part}.weight"] = weights.ones(_N_EMBD)
        tensors[f"blk.0.{part}.bias"] = weights.random(_N_EMBD)
    return _write(path, "bert", metadata, tensors)


def write_unknown_architecture(path: Path) -> Path:
    """A whole GGUF file of an architecture that llama.cpp does not know."""
    return _write(
        path, "nonesuch", {"nonesuch.context_length": 64}, {"a.weight": _Weights(0).ones(_N_EMBD)}
    )


class _Weights:
    """Tensors in row-major order: the last size is what GGUF counts as the first dimension."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def random(self, *shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return (self._random.standard_normal(shape) * 0.3).astype(np.float32)

    def ones(self, *shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return np.ones(shape, np.float32)


def _attention(weights: _Weights, layer: str, head: int) -> Tensors:
    """Grouped attention with normalised queries and keys; one key head."""
    return {
        f"{layer}.attn_q.weight": weights.random(_N_EMBD, _N_EMBD),
        f"{layer}.attn_k.weight": weights.random(head, _N_EMBD),
        f"{layer}.attn_v.weight": weights.random(head, _N_EMBD),
        f"{layer}.attn_output.weight": weights.random(_N_EMBD, _N_EMBD),
        f"{layer}.attn_q_norm.weight": weights.ones(head),
        f"{layer}.attn_k_norm.weight": weights.ones(head),
    }


def _feed_forward(weights: _Weights, layer: str) -> Tensors:
    return {
        f"{layer}.ffn_gate.weight": weights.random(_N_FF, _N_EMBD),
        f"{layer}.ffn_up.weight": weights.random(_N_FF, _N_EMBD),
        f"{layer}.ffn_down.weight": weights.random(_N_EMBD, _N_FF),
    }


def _byte_vocabulary(*, add_bos: bool) -> dict[str, Value]:
    """A byte-level BPE vocabulary (GPT-2's) of the bytes and `CONTROL_TOKENS`.

    llama.cpp wants at least one merge: the one here joins two bytes that are never in UTF-8.
    """
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        **_tokens(
            {},
            [_printable(byte) for byte in range(256)],
            dict.fromkeys(CONTROL_TOKENS, TokenType.CONTROL),
        ),
        "tokenizer.ggml.merges": [f"{_printable(0xFF)} {_printable(0xFF)}"],
        "tokenizer.ggml.bos_token_id": 256 + CONTROL_TOKENS.index("<s>"),
        "tokenizer.ggml.eos_token_id": 256 + CONTROL_TOKENS.index("</s>"),
        "tokenizer.ggml.unknown_token_id": 256 + CONTROL_TOKENS.index("<unk>"),
        "tokenizer.ggml.add_bos_token": add_bos,
    }


def _printable(byte: int) -> str:
    """The character for a byte in GPT-2's vocabulary: printable Latin-1 stays, the rest follows
    from U+0100 on.
    """
    if _is_printable(byte):
        return chr(byte)
    return chr(0x100 + sum(not _is_printable(lower) for lower in range(byte)))


def _is_printable(byte: int) -> bool:
    return 0x21 <= byte <= 0x7E or 0xA1 <= byte <= 0xAC or 0xAE <= byte <= 0xFF


def _tokens(
    first: Mapping[str, TokenType], normal: Sequence[str], last: Mapping[str, TokenType] = {}
) -> dict[str, Value]:
    kinds = [*first.values(), *[TokenType.NORMAL] * len(normal), *last.values()]
    return {
        "tokenizer.ggml.tokens": [*first, *normal, *last],
        "tokenizer.ggml.token_type": [int(kind) for kind in kinds],
    }


def _write(path: Path, architecture: str, metadata: Mapping[str, Value], tensors: Tensors) -> Path:
    writer = GGUFWriter(path, architecture)
    for key, value in metadata.items():
        match value:
            case bool():
                writer.add_bool(key, value)
            case int():
                writer.add_uint32(key, value)
            case float():
                writer.add_float32(key, value)
            case str():
                writer.add_string(key, value)
            case _:
                writer.add_array(key, value)
    for name, tensor in tensors.items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path

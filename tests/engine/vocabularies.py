"""Vocabularies for tests: loads those of GGUF files without their weights, and writes small ones of
each kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from gguf import GGUFWriter, TokenType

from modechat.engine.worker.bindings import llama
from modechat.engine.worker.native_log import NativeLog
from modechat.engine.worker.tokens import Vocabulary


class LoadedVocabulary(NamedTuple):
    vocabulary: Vocabulary
    template: str
    """The file's chat template; empty if it has none."""


@cache
def native_log() -> NativeLog:
    """llama.cpp's log. It lives as long as the process: native code keeps the callback."""
    log = NativeLog()
    llama.llama_backend_init()
    return log


@lru_cache(maxsize=4)  # a vocabulary has up to 262,144 tokens
def load_vocabulary(path: Path) -> LoadedVocabulary:
    """The vocabulary of a file that does not change; it is never freed."""
    log = native_log()
    params = llama.llama_model_default_params()
    params.vocab_only = True
    model = llama.llama_model_load_from_file(str(path).encode(), params)
    assert model is not None, log.tail()
    handle = llama.llama_model_get_vocab(model)
    assert handle is not None
    return LoadedVocabulary(
        Vocabulary(handle), (llama.llama_model_chat_template(model, None) or b"").decode()
    )


def write_spm(
    path: Path,
    special: Mapping[str, TokenType],
    *,
    add_bos: bool = True,
    add_space_prefix: bool = True,
) -> Path:
    """A SentencePiece vocabulary of bytes, letters and some words, as Llama 2's; `special` come
    last.

    Its own tokens are `<unk>`, `<s>` and `</s>`.
    """
    first = {"<unk>": TokenType.UNKNOWN, "<s>": TokenType.CONTROL, "</s>": TokenType.CONTROL}
    data = {f"<0x{byte:02X}>": TokenType.BYTE for byte in range(256)}
    letters = "▁abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:;!?'-#<>|/[](){}_"
    words = (
        "▁t",
        "▁th",
        "▁the",
        "in",
        "er",
        "us",
        "user",
        "▁▁",
        "▁▁▁▁",
        "se",
        "He",
        "ll",
        "Hell",
        "Hello",
        "▁Hello",
    )
    normal = dict.fromkeys((*letters, *words), TokenType.NORMAL)
    tokens = first | data | normal | dict(special)
    scores = [
        -float(place) if kind is TokenType.NORMAL else 0.0
        for place, kind in enumerate(tokens.values())
    ]
    for place, text in enumerate(tokens):
        if text in words:  # longer ones are merged first
            scores[place] = float(len(text)) - 1000
    return _write(path, "llama", tokens, scores, add_bos=add_bos, add_space_prefix=add_space_prefix)


def write_bpe(path: Path, special: Mapping[str, TokenType], *, add_bos: bool = False) -> Path:
    """A vocabulary of bytes, GPT-2's, whose tokens 0 to 255 are the bytes themselves; `special`
    come last.

    Its own control tokens are `<s>` and `</s>`, 256 and 257.
    """
    tokens = dict.fromkeys(_byte_characters(), TokenType.NORMAL)
    tokens |= {"<s>": TokenType.CONTROL, "</s>": TokenType.CONTROL, **special}
    return _write(path, "gpt2", tokens, [0.0] * len(tokens), add_bos=add_bos, bos=256, eos=257)


def _byte_characters() -> list[str]:
    """GPT-2's characters for the bytes: printable Latin-1 stays, the rest follows from U+0100
    on.
    """
    stays = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = (chr(0x100 + place) for place in range(256))
    return [chr(byte) if byte in stays else next(others) for byte in range(256)]


def _write(
    path: Path,
    kind: str,
    tokens: Mapping[str, TokenType],
    scores: Sequence[float],
    *,
    add_bos: bool,
    add_space_prefix: bool = False,
    bos: int = 1,
    eos: int = 2,
) -> Path:
    writer = GGUFWriter(path, "llama")
    writer.add_tokenizer_model(kind)
    writer.add_token_list(list(tokens))
    writer.add_token_types(list(tokens.values()))
    writer.add_token_scores(list(scores))
    if kind == "gpt2":
        writer.add_tokenizer_pre("gpt-2")
        writer.add_token_merges(
            [" ".join(2 * _byte_characters()[-1:])]
        )  # llama.cpp wants one; 0xFF is not in UTF-8
    else:
        writer.add_unk_token_id(0)
    writer.add_bos_token_id(bos)
    writer.add_eos_token_id(eos)
    writer.add_add_bos_token(add_bos)
    writer.add_add_space_prefix(add_space_prefix)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path

"""The tiny models do what they are for: llama.cpp loads and runs them."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import pytest

from tests.tiny_models import (
    CONTROL_TOKENS,
    write_bert,
    write_llama,
    write_recurrent,
    write_t5,
    write_unknown_architecture,
)

TEXT = "Grüße, <|im_start|>!"


@dataclass(frozen=True)
class Run:
    """What became of a model that was loaded, fed `TEXT` and sampled greedily."""

    tokens: list[int]
    eog: list[int]
    has_encoder: bool
    is_recurrent: bool
    template: bytes | None
    generated: list[int]
    can_be_cut: bool


@dataclass(frozen=True)
class Embedding:
    tokens: list[int]
    values: list[float]


def _quiet() -> None:
    os.environ["GGML_NO_BACKTRACE"] = "1"


@pytest.fixture(scope="module")
def native() -> Iterator[ProcessPoolExecutor]:
    """A process of its own: an assertion in native code aborts it, and a test fails with
    BrokenProcessPool.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_quiet) as pool:
        yield pool


def run(path: Path, *, embeddings: bool = False) -> Run | Embedding | None:
    """Runs the model with llama.cpp's C-level API; None if it cannot be loaded."""
    import llama_cpp.llama_cpp as llama

    model_params = llama.llama_model_default_params()
    model_params.n_gpu_layers = 0
    model = llama.llama_model_load_from_file(str(path).encode(), model_params)
    if not model:
        return None
    vocab = llama.llama_model_get_vocab(model)
    buffer = (llama.llama_token * 64)()
    encoded = TEXT.encode()
    n_tokens = llama.llama_tokenize(vocab, encoded, len(encoded), buffer, 64, True, True)
    params = llama.llama_context_default_params()
    params.n_ctx, params.n_threads, params.n_threads_batch, params.embeddings = 64, 1, 1, embeddings
    context = llama.llama_init_from_model(model, params)
    assert context
    batch = llama.llama_batch_get_one(buffer, n_tokens)
    has_encoder = llama.llama_model_has_encoder(model)
    if has_encoder or embeddings:
        assert llama.llama_encode(context, batch) == 0
    if embeddings:
        pointer = llama.llama_get_embeddings_seq(context, 0)
        return Embedding(buffer[:n_tokens], pointer[: llama.llama_model_n_embd(model)])
    next_token = (llama.llama_token * 1)()  # A batch only points at its tokens.
    if has_encoder:
        next_token[0] = llama.llama_model_decoder_start_token(model)
        batch = llama.llama_batch_get_one(next_token, 1)
    n_vocab = llama.llama_vocab_n_tokens(vocab)
    generated: list[int] = []
    for _ in range(16):
        assert llama.llama_decode(context, batch) == 0
        logits = llama.llama_get_logits_ith(context, -1)[:n_vocab]
        generated.append(logits.index(max(logits)))
        next_token[0] = generated[-1]
        batch = llama.llama_batch_get_one(next_token, 1)
    return Run(
        tokens=buffer[:n_tokens],
        eog=[token for token in range(n_vocab) if llama.llama_vocab_is_eog(vocab, token)],
        has_encoder=has_encoder,
        is_recurrent=llama.llama_model_is_recurrent(model),
        template=llama.llama_model_chat_template(model, None),
        generated=generated,
        can_be_cut=llama.llama_memory_seq_rm(llama.llama_get_memory(context), 0, 8, -1),
    )


def run_of(native: ProcessPoolExecutor, path: Path) -> Run:
    result = native.submit(run, path).result()
    assert isinstance(result, Run)
    return result


def test_the_llama_model_runs_and_has_one_token_for_each_byte(
    native: ProcessPoolExecutor, tmp_path: Path
) -> None:
    found = run_of(native, write_llama(tmp_path / "llama.gguf"))
    start = 256 + CONTROL_TOKENS.index("<|im_start|>")
    before, after = TEXT.split("<|im_start|>")
    assert found.tokens == [*before.encode(), start, *after.encode()]
    assert found.eog == [
        256 + CONTROL_TOKENS.index("</s>"),
        256 + CONTROL_TOKENS.index("<|im_end|>"),
    ]
    assert found.template is not None
    assert (found.has_encoder, found.is_recurrent, found.can_be_cut) == (False, False, True)
    assert len(set(found.generated)) > 4


def test_the_llama_model_can_ask_for_a_bos_and_lack_a_template(
    native: ProcessPoolExecutor, tmp_path: Path
) -> None:
    found = run_of(native, write_llama(tmp_path / "llama.gguf", add_bos=True, chat_template=None))
    assert found.tokens[0] == 256 + CONTROL_TOKENS.index("<s>")
    assert found.template is None


def test_every_byte_is_its_own_token(native: ProcessPoolExecutor, tmp_path: Path) -> None:
    pieces = native.submit(byte_pieces, write_llama(tmp_path / "llama.gguf")).result()
    assert pieces == [bytes([byte]) for byte in range(256)]


def byte_pieces(path: Path) -> list[bytes]:
    import llama_cpp.llama_cpp as llama

    params = llama.llama_model_default_params()
    params.vocab_only = True
    model = llama.llama_model_load_from_file(str(path).encode(), params)
    assert model
    vocab = llama.llama_model_get_vocab(model)
    pieces = []
    for token in range(256):
        buffer = ctypes.create_string_buffer(8)
        length = llama.llama_token_to_piece(vocab, token, buffer, 8, 0, False)
        pieces.append(buffer.raw[:length])
    return pieces


def test_the_recurrent_model_runs_and_cannot_be_cut(
    native: ProcessPoolExecutor, tmp_path: Path
) -> None:
    found = run_of(native, write_recurrent(tmp_path / "mamba.gguf"))
    assert (found.has_encoder, found.is_recurrent, found.can_be_cut) == (False, True, False)
    assert len(set(found.generated)) > 4


def test_the_t5_model_encodes_and_decodes(native: ProcessPoolExecutor, tmp_path: Path) -> None:
    found = run_of(native, write_t5(tmp_path / "t5.gguf"))
    assert found.has_encoder
    assert found.tokens[-1] == 1
    assert found.eog == [1]


def test_the_bert_model_makes_embeddings(native: ProcessPoolExecutor, tmp_path: Path) -> None:
    found = native.submit(run, write_bert(tmp_path / "bert.gguf"), embeddings=True).result()
    assert isinstance(found, Embedding)
    assert (found.tokens[0], found.tokens[-1]) == (2, 3)
    assert any(found.values)


def test_llama_cpp_refuses_the_unknown_architecture(
    native: ProcessPoolExecutor, tmp_path: Path
) -> None:
    assert (
        native.submit(run, write_unknown_architecture(tmp_path / "nonesuch.gguf")).result() is None
    )


def test_seeds_make_models_that_differ_but_stay_the_same(tmp_path: Path) -> None:
    first, again, other = (
        write_llama(tmp_path / f"{i}", seed=seed).read_bytes() for i, seed in enumerate((1, 1, 2))
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    "write", [write_llama, write_recurrent, write_t5, write_bert, write_unknown_architecture]
)
def test_writing_takes_milliseconds(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    seconds = []
    for i in range(5):
        start = time.process_time()
        write(tmp_path / f"{i}.gguf")
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.1

"""Text to tokens and back, on real vocabularies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import llama_cpp.llama_cpp as llama
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modechat.engine.worker.native_log import NativeLog
from modechat.engine.worker.tokens import Detokenizer, Vocabulary
from tests.tiny_models import CONTROL_TOKENS, write_llama

BOS = 256 + CONTROL_TOKENS.index("<s>")


@pytest.fixture(scope="module")
def vocabulary_of() -> Iterator[Callable[[Path], Vocabulary]]:
    log = NativeLog()
    llama.llama_backend_init()
    models = []

    def load(path: Path) -> Vocabulary:
        params = llama.llama_model_default_params()
        params.vocab_only = True
        model = llama.llama_model_load_from_file(str(path).encode(), params)
        assert model is not None, log.tail()
        models.append(model)
        vocabulary = llama.llama_model_get_vocab(model)
        assert vocabulary is not None
        return Vocabulary(vocabulary)

    yield load
    for model in models:
        llama.llama_model_free(model)


@pytest.fixture(scope="module")
def vocabulary(vocabulary_of: Callable[[Path], Vocabulary], tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    return vocabulary_of(write_llama(tmp_path_factory.mktemp("vocabulary") / "tiny.gguf"))


def test_exactly_one_bos_where_the_vocabulary_asks_for_it(
    vocabulary_of: Callable[[Path], Vocabulary], tmp_path: Path
) -> None:
    vocabulary = vocabulary_of(write_llama(tmp_path / "bos.gguf", add_bos=True))
    for text in ("Hi", "<s>Hi", "<s><s>Hi"):
        assert vocabulary.tokenize_prompt(text) == [BOS, ord("H"), ord("i")]
    assert vocabulary.tokenize_prompt("") == [BOS]


def test_no_bos_is_added_where_the_vocabulary_does_not_ask(vocabulary: Vocabulary) -> None:
    assert vocabulary.tokenize_prompt("Hi") == [ord("H"), ord("i")]
    assert vocabulary.tokenize_prompt("<s>Hi") == [BOS, ord("H"), ord("i")]


def test_control_tokens_are_recognised_and_have_no_text(vocabulary: Vocabulary) -> None:
    tokens = vocabulary.tokenize_prompt("<|im_start|>a<|im_end|>")
    assert len(tokens) == 3
    assert [vocabulary.piece(token) for token in tokens] == [b"", b"a", b""]
    assert vocabulary.is_end(tokens[2])


@settings(max_examples=200)
@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_text_comes_back_whole_token_by_token(vocabulary: Vocabulary, text: str) -> None:
    text = text.replace("<", "")  # no control tokens
    detokenizer = Detokenizer(vocabulary)
    pieces = [detokenizer.feed(token) for token in vocabulary.tokenize_prompt(text)]
    assert "".join(pieces) + detokenizer.flush() == text
    assert all("\ufffd" not in piece for piece in pieces) or "\ufffd" in text


def test_a_character_that_is_cut_becomes_a_replacement_character(vocabulary: Vocabulary) -> None:
    detokenizer = Detokenizer(vocabulary)
    assert detokenizer.feed(0xE2) == ""
    assert detokenizer.feed(0x82) == ""
    assert detokenizer.flush() == "\ufffd"


@pytest.mark.real_model
def test_every_token_of_a_real_vocabulary_has_a_piece_however_long(
    vocabulary_of: Callable[[Path], Vocabulary], starter: Path
) -> None:
    vocabulary = vocabulary_of(starter)
    lengths = [len(vocabulary.piece(token)) for token in range(vocabulary.n_tokens)]
    assert max(lengths) > 64

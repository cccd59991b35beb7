"""Text to tokens and back, on real vocabularies."""

from __future__ import annotations

from pathlib import Path

import pytest
from gguf import TokenType
from hypothesis import given, settings
from hypothesis import strategies as st

from modechat.engine.worker.tokens import Detokenizer, Vocabulary
from modechat.prompting.prompt_format import SpecialTokens
from tests.engine.vocabularies import load_vocabulary, write_spm
from tests.examples import examples
from tests.tiny_models import CONTROL_TOKENS, write_llama, write_t5

BOS = 256 + CONTROL_TOKENS.index("<s>")
EOS = 256 + CONTROL_TOKENS.index("</s>")
T5_EOS = 1


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    return load_vocabulary(
        write_llama(tmp_path_factory.mktemp("vocabulary") / "tiny.gguf")
    ).vocabulary


@pytest.fixture(scope="module")
def spm(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    """SentencePiece, as Llama 2's: a space before each text."""
    special = {"<|im_start|>": TokenType.CONTROL, "[tag]": TokenType.USER_DEFINED}
    return load_vocabulary(
        write_spm(tmp_path_factory.mktemp("vocabulary") / "spm.gguf", special)
    ).vocabulary


# BOS


def test_exactly_one_bos_where_the_vocabulary_asks_for_it(tmp_path: Path) -> None:
    vocabulary = load_vocabulary(write_llama(tmp_path / "bos.gguf", add_bos=True)).vocabulary
    for pieces in (["Hi"], ["<s>Hi"], ["<s><s>Hi"], ["H", "i"], ["<s>", "Hi"]):
        assert vocabulary.tokenize_prompt(pieces) == [BOS, ord("H"), ord("i")]
    for pieces in ([], [""], ["<s>"]):
        assert vocabulary.tokenize_prompt(pieces) == [BOS]


def test_no_bos_is_added_where_the_vocabulary_does_not_ask(vocabulary: Vocabulary) -> None:
    assert vocabulary.tokenize_prompt(["Hi"]) == [ord("H"), ord("i")]
    assert vocabulary.tokenize_prompt(["<s>Hi"]) == [BOS, ord("H"), ord("i")]
    assert vocabulary.tokenize_prompt([]) == []


def test_bos_tokens_of_later_turns_stay(tmp_path: Path) -> None:
    vocabulary = load_vocabulary(write_llama(tmp_path / "bos.gguf", add_bos=True)).vocabulary
    assert vocabulary.tokenize_prompt(["<s>a</s><s>b"]) == [BOS, ord("a"), EOS, BOS, ord("b")]


def test_encoders_get_their_end_token(tmp_path: Path) -> None:
    t5 = load_vocabulary(write_t5(tmp_path / "t5.gguf")).vocabulary
    assert t5.tokenize_for_encoder(["Hi"]) == [*t5.tokenize_prompt(["Hi"]), T5_EOS]
    assert len(t5.tokenize_prompt(["Hi"])) > 0


def test_models_that_are_no_encoders_get_none(vocabulary: Vocabulary) -> None:
    assert vocabulary.tokenize_for_encoder(["Hi"]) == [ord("H"), ord("i")]


# Pieces


def test_a_control_text_is_recognised_inside_of_a_piece_but_not_over_the_border_of_two(
    vocabulary: Vocabulary,
) -> None:
    assert len(vocabulary.tokenize_prompt(["a<|im_end|>b"])) == 3
    assert vocabulary.tokenize_prompt(["a<", "|im_end|>b"]) == list(b"a<|im_end|>b")


@pytest.mark.parametrize("before", ["Hello", "Hello ", "Hello\n", "<|im_start|>", "[tag]"])
def test_sentencepiece_puts_no_space_before_the_pieces_after_the_first(
    spm: Vocabulary, before: str
) -> None:
    tokens = spm.tokenize_prompt([before, "|im_start|>", "user"])
    text = b"".join(spm.piece(token, special=True) for token in tokens[1:]).decode()
    assert text.lstrip() == f"{before}|im_start|>user".lstrip()


def test_special_tokens_are_known_with_their_kind(spm: Vocabulary) -> None:
    assert [(token.text, token.user_defined) for token in spm.special_tokens] == [
        ("<unk>", False),
        ("<s>", False),
        ("</s>", False),
        ("<|im_start|>", False),
        ("[tag]", True),
    ]
    assert all(
        spm.piece(token.id, special=True).decode() == token.text for token in spm.special_tokens
    )


def test_a_vocabulary_says_its_bos_and_its_eos(vocabulary: Vocabulary, tmp_path: Path) -> None:
    assert vocabulary.bos_and_eos == SpecialTokens("<s>", "</s>")
    assert load_vocabulary(write_t5(tmp_path / "t5.gguf")).vocabulary.bos_and_eos == SpecialTokens(
        None, "</s>"
    )


# Token by token


def test_control_tokens_are_recognised_and_have_no_text(vocabulary: Vocabulary) -> None:
    tokens = vocabulary.tokenize_prompt(["<|im_start|>a<|im_end|>"])
    assert len(tokens) == 3
    assert [vocabulary.piece(token) for token in tokens] == [b"", b"a", b""]
    assert vocabulary.is_end(tokens[2])


@settings(max_examples=examples(200))
@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_text_comes_back_whole_token_by_token(vocabulary: Vocabulary, text: str) -> None:
    text = text.replace("<", "")  # no control tokens
    detokenizer = Detokenizer(vocabulary)
    pieces = [detokenizer.feed(token) for token in vocabulary.tokenize_prompt([text])]
    assert "".join(pieces) + detokenizer.flush() == text
    assert all("\ufffd" not in piece for piece in pieces) or "\ufffd" in text


def test_a_character_that_is_cut_becomes_a_replacement_character(vocabulary: Vocabulary) -> None:
    detokenizer = Detokenizer(vocabulary)
    assert detokenizer.feed(0xE2) == ""
    assert detokenizer.feed(0x82) == ""
    assert detokenizer.flush() == "\ufffd"


def test_special_tokens_that_are_wanted_have_their_text(vocabulary: Vocabulary) -> None:
    tokens = vocabulary.tokenize_prompt(["<|im_start|>a<|im_end|>"])
    shown = Detokenizer(vocabulary, {tokens[0]})
    assert [shown.feed(token) for token in tokens] == ["<|im_start|>", "a", ""]


@pytest.mark.real_model
def test_every_token_of_a_real_vocabulary_has_a_piece_however_long(starter: Path) -> None:
    vocabulary = load_vocabulary(starter).vocabulary
    lengths = [len(vocabulary.piece(token)) for token in range(vocabulary.n_tokens)]
    assert max(lengths) > 64

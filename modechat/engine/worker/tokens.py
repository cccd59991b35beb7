"""Turns text into tokens and back, with llama.cpp's vocabulary.

Owns the BOS rule (exactly one at the front where the vocabulary asks for it, none added otherwise)
and the incremental detokeniser.
"""

from __future__ import annotations

import codecs
import ctypes
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from modechat.engine.worker.bindings import llama
from modechat.prompting.prompt_format import SpecialTokens

_NULL_TOKEN = -1
_JOINING = (llama.LLAMA_VOCAB_TYPE_WPM, llama.LLAMA_VOCAB_TYPE_UGM)
_SPECIAL = (
    llama.LLAMA_TOKEN_ATTR_UNKNOWN
    | llama.LLAMA_TOKEN_ATTR_CONTROL
    | llama.LLAMA_TOKEN_ATTR_USER_DEFINED
)


@dataclass(frozen=True, slots=True)
class SpecialToken:
    """A token that is recognised in a text only where special tokens are looked for."""

    id: int
    text: str
    user_defined: bool


class Vocabulary:
    """The vocabulary of a loaded model; `handle` is llama.cpp's, valid as long as the model is."""

    def __init__(self, handle: llama.llama_vocab_p) -> None:
        self.handle = handle

    @property
    def n_tokens(self) -> int:
        return int(llama.llama_vocab_n_tokens(self.handle))

    @cached_property
    def bos_and_eos(self) -> SpecialTokens:
        return SpecialTokens(
            bos=self._text(llama.llama_vocab_bos(self.handle)),
            eos=self._text(llama.llama_vocab_eos(self.handle)),
        )

    @cached_property
    def special_tokens(self) -> tuple[SpecialToken, ...]:
        """All special tokens, in the order of their ids."""
        handle, get_attr = self.handle, llama.llama_vocab_get_attr
        found = []
        for token in range(self.n_tokens):
            attributes = get_attr(handle, token) & _SPECIAL
            if attributes:
                is_users = attributes == llama.LLAMA_TOKEN_ATTR_USER_DEFINED
                found.append(SpecialToken(token, self._text(token) or "", is_users))
        return tuple(found)

    @cached_property
    def longest(self) -> int:
        """Bytes of the longest token; 0 if a token may stand for any length of text."""
        if llama.llama_vocab_type(self.handle) in _JOINING:
            return 0
        return max(len(self.piece(token, special=True)) for token in range(self.n_tokens))

    def count(self, text: str) -> int:
        """Return how many tokens a plain text has."""
        return len(self._tokenize(text, special=False))

    def is_end(self, token: int) -> bool:
        """Return True if `token` ends a reply."""
        return bool(llama.llama_vocab_is_eog(self.handle, token))

    def tokenize_prompt(self, pieces: Sequence[str]) -> list[int]:
        """Return the tokens of a prompt, with the BOS that the model expects.

        Control tokens are recognised inside of each piece, but not across their borders.
        """
        tokens: list[int] = []
        for index, piece in enumerate(pieces):
            tokens += self._tokenize_piece(piece, is_first=index == 0)
        if not llama.llama_vocab_get_add_bos(self.handle):
            return tokens
        bos = llama.llama_vocab_bos(self.handle)
        start = 0
        while start < len(tokens) and tokens[start] == bos:
            start += 1
        return [bos, *tokens[start:]]

    def tokenize_for_encoder(self, pieces: Sequence[str]) -> list[int]:
        """Return the tokens as `tokenize_prompt` does, with the end token that encoders expect."""
        tokens = self.tokenize_prompt(pieces)
        if not llama.llama_vocab_get_add_eos(self.handle):
            return tokens
        return [*tokens, llama.llama_vocab_eos(self.handle)]

    def piece(self, token: int, *, special: bool = False) -> bytes:
        """Return the bytes that `token` stands for; empty for control tokens, unless `special`."""
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = llama.llama_token_to_piece(self.handle, token, buffer, size, 0, special)
            if length >= 0:
                return buffer.raw[:length]
            size = -length

    @cached_property
    def _newline(self) -> list[int]:
        return self._tokenize("\n")

    def _tokenize_piece(self, piece: str, *, is_first: bool) -> list[int]:
        """Return the tokens of a piece, as they are after a newline.

        SentencePiece puts a space before the first text of a call.
        """
        if is_first:
            return self._tokenize(piece)
        tokens = self._tokenize(f"\n{piece}")
        newline = self._newline
        if tokens[: len(newline)] != newline:
            return self._tokenize(piece)
        return tokens[len(newline) :]

    def _tokenize(self, text: str, *, special: bool = True) -> list[int]:
        data = text.encode(errors="replace")
        room = len(data) + 16
        while True:
            tokens = (llama.llama_token * room)()
            count = llama.llama_tokenize(self.handle, data, len(data), tokens, room, False, special)
            if count >= 0:
                return tokens[:count]
            room = -count

    def _text(self, token: int) -> str | None:
        if token == _NULL_TOKEN:
            return None
        text: bytes = llama.llama_vocab_get_text(self.handle, token)
        return text.decode(errors="replace")


class Detokenizer:
    """Turns the tokens of a reply into text as they come.

    A character that is split between tokens comes when it is whole.
    """

    def __init__(self, vocabulary: Vocabulary, shown: Collection[int] = ()) -> None:
        """`shown` are control tokens whose text is wanted."""
        self._vocabulary = vocabulary
        self._shown = frozenset(shown)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, token: int) -> str:
        """Return the text that `token` completes."""
        return self._decoder.decode(self._vocabulary.piece(token, special=token in self._shown))

    def flush(self) -> str:
        """Return the rest of an unfinished character, as replacement characters."""
        return self._decoder.decode(b"", final=True)

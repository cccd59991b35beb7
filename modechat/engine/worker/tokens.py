"""Text to tokens and back, on llama.cpp's vocabulary.

Owns the BOS rule (exactly one at the front where the vocabulary asks for it, none added otherwise) and the
incremental detokeniser.
"""

from __future__ import annotations

import codecs
import ctypes
from dataclasses import dataclass

from modechat.engine.worker.bindings import llama
from modechat.prompting.prompt_format import SpecialTokens

_NULL_TOKEN = -1


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The vocabulary of a loaded model; `handle` is llama.cpp's, valid as long as the model is."""

    handle: llama.llama_vocab_p

    @property
    def n_tokens(self) -> int:
        return int(llama.llama_vocab_n_tokens(self.handle))

    def special_tokens(self) -> SpecialTokens:
        return SpecialTokens(
            bos=self._text(llama.llama_vocab_bos(self.handle)),
            eos=self._text(llama.llama_vocab_eos(self.handle)),
        )

    def is_end(self, token: int) -> bool:
        """Whether `token` ends a reply."""
        return bool(llama.llama_vocab_is_eog(self.handle, token))

    def tokenize_prompt(self, text: str) -> list[int]:
        """The tokens of a rendered prompt, control tokens recognised, with the BOS that the model expects."""
        tokens = self._tokenize(text)
        if not llama.llama_vocab_get_add_bos(self.handle):
            return tokens
        bos = llama.llama_vocab_bos(self.handle)
        start = next((i for i, token in enumerate(tokens) if token != bos), len(tokens))
        return [bos, *tokens[start:]]

    def piece(self, token: int) -> bytes:
        """The bytes that `token` stands for; none for control tokens."""
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = llama.llama_token_to_piece(self.handle, token, buffer, size, 0, False)
            if length >= 0:
                return buffer.raw[:length]
            size = -length

    def _tokenize(self, text: str) -> list[int]:
        data = text.encode(errors="replace")
        room = len(data) + 16
        while True:
            tokens = (llama.llama_token * room)()
            count = llama.llama_tokenize(self.handle, data, len(data), tokens, room, False, True)
            if count >= 0:
                return tokens[:count]
            room = -count

    def _text(self, token: int) -> str | None:
        if token == _NULL_TOKEN:
            return None
        text: bytes = llama.llama_vocab_get_text(self.handle, token)
        return text.decode(errors="replace")


class Detokenizer:
    """Turns the tokens of one reply into text as they come; a character split over tokens comes when it is whole."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, token: int) -> str:
        return self._decoder.decode(self._vocabulary.piece(token))

    def flush(self) -> str:
        """What is left of an unfinished character, as replacement characters."""
        return self._decoder.decode(b"", final=True)

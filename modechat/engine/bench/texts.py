"""Makes the texts of the benchmark: prose of any length, and two tasks."""

from __future__ import annotations

import random
from dataclasses import dataclass

STORY = "Write a long and detailed story about a lighthouse keeper who finds a letter in a bottle."
COPY = "Repeat this text word for word, without any change."

_VOCABULARY = """
the keeper of a small lighthouse wrote down weather every morning and in evening he added what sea
had brought plank bottle once violin without strings when relief boat came its captain read book
from first page to last twice asked for nothing else then gave him letter that was four years old
answer took all night so they sat under lamp while rain went over island until birds began
"""


def prose(number: int, n_words: int) -> str:
    """Return a text of `n_words` words.

    Each number gives another text with another first word.
    """
    chance, vocabulary = random.Random(number), _VOCABULARY.split()
    words = [f"Day {number}: it"] + [chance.choice(vocabulary) for _ in range(n_words)]
    for index in range(12, len(words), 13):
        words[index] += "."
    return " ".join(words) + "."


@dataclass(frozen=True, slots=True)
class TextMaker:
    """Makes prose for prompts of a length in tokens."""

    tokens_of_a_word: float = 1.0
    tokens_around: int = 0
    """Tokens of a prompt besides its text."""

    def make(self, number: int, n_tokens: int) -> str:
        """Return prose for a prompt of about `n_tokens` tokens; each number gives another text."""
        n_words = round((n_tokens - self.tokens_around) / self.tokens_of_a_word)
        return prose(number, max(1, n_words))

"""Reads and makes the names of the files of a split model.

llama.cpp loads files of no other names: upper and lower case count.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_PART = re.compile(r"(.+)-([0-9]{5})-of-([0-9]{5})\.gguf", re.DOTALL)
_MOST_PARTS = 1 << 10


class PartName(NamedTuple):
    """The name of one part."""

    stem: str
    """The model's name."""
    number: int
    """The number of the part, from 1."""
    n_parts: int
    """The number of parts of the model."""

    def all_names(self) -> list[str]:
        """Return the names of all parts of the model, in order."""
        numbers = range(1, self.n_parts + 1)
        return [f"{self.stem}-{number:05}-of-{self.n_parts:05}.gguf" for number in numbers]


def read_part_name(name: str) -> PartName | None:
    """Read the name of a file; return None if it is not that of a part."""
    found = _PART.fullmatch(name)
    if found is None or int(found[3]) > _MOST_PARTS:
        return None
    return PartName(found[1], int(found[2]), int(found[3]))

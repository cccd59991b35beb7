"""Numbers of things in words."""

from __future__ import annotations

import pytest

from modechat.domain.counted import counted


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 lines"), (1, "1 line"), (2, "2 lines"), (12_345, "12,345 lines")]
)
def test_only_one_of_a_thing_has_no_s(count: int, words: str) -> None:
    assert counted(count, "line") == words

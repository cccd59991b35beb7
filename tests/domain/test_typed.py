"""What was typed can be joined, and called back in order."""

from __future__ import annotations

import pytest

from modechat.domain.typed import Recall, Typed, joined


def typed(*texts: str) -> list[Typed]:
    return [Typed(text) for text in texts]


@pytest.mark.parametrize("folds", [((0, 4),), ((1, 1),), ((1, 2), (1, 3)), ((-1, 1),)])
def test_folds_are_ranges_of_the_text(folds: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(ValueError, match="no ranges"):
        Typed("abc", folds)


def test_joined_texts_keep_their_folds() -> None:
    parts = [Typed("ab", ((0, 1),)), Typed(), Typed("cd", ((1, 2),))]
    assert joined(parts) == Typed("ab\n\ncd", ((0, 1), (5, 6)))
    assert joined([]) == Typed()


def test_up_and_down_walk_through_what_was_sent_and_come_back_to_the_draft() -> None:
    recall = Recall(typed("new", "old"))
    assert recall.newer(Typed("draft")) is None
    assert recall.older(Typed("draft")) == Typed("new")
    assert recall.older(Typed("new")) == Typed("old")
    assert recall.older(Typed("old")) is None
    assert recall.newer(Typed("old")) == Typed("new")
    assert recall.newer(Typed("new")) == Typed("draft")
    assert not recall.is_walking


def test_what_is_changed_on_the_way_stays_until_something_is_sent() -> None:
    recall = Recall(typed("new", "old"))
    recall.older(Typed())
    recall.older(Typed("new, changed"))
    assert recall.newer(Typed("old")) == Typed("new, changed")
    recall.add(Typed("sent"))
    assert [recall.older(Typed()), recall.older(Typed())] == typed("sent", "new")


def test_repeated_neighbours_are_one() -> None:
    recall = Recall(typed("same"))
    recall.add(Typed("same"))
    recall.add(Typed())
    assert recall.entries == (Typed("same"),)


def test_an_empty_draft_comes_back_as_well() -> None:
    recall = Recall(typed("new"))
    recall.older(Typed())
    assert recall.newer(Typed("new")) == Typed()


def test_earlier_runs_are_older_than_what_was_sent_since() -> None:
    recall = Recall()
    recall.add(Typed("now"))
    recall.load(typed("earlier"))
    assert recall.entries == (Typed("now"), Typed("earlier"))

from __future__ import annotations

import pytest

from modechat.domain.conversation import ContextCut, ModeChange
from modechat.domain.mode import Mode, ModeState
from modechat.domain.modes import ChatMessage
from modechat.errors import StoreError
from modechat.store import Store

INSTRUCT = ModeState(Mode.INSTRUCT)
CHAT = ModeState()


class Timeline:
    """A conversation whose turns are named by what was typed."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.id = store.create_conversation("", CHAT).id
        self.ids: dict[str, int] = {}

    def add(self, name: str, after: str | None = None) -> None:
        parent_id = None if after is None else self.ids[after]
        self.ids[name] = self.store.add_turn(self.id, parent_id, name, ChatMessage(name), True).id

    def change(self, state: ModeState, after: str | None = None) -> None:
        after_turn_id = None if after is None else self.ids[after]
        self.store.add_mode_change(self.id, ModeChange(after_turn_id, state, "### typed"))

    def select(self, name: str) -> None:
        self.store.select(self.ids[name])

    def variants(self, name: str) -> list[str]:
        names = {turn_id: name for name, turn_id in self.ids.items()}
        return [names[turn_id] for turn_id in self.store.variants(self.ids[name])]

    @property
    def visible(self) -> list[str | ModeState]:
        return [
            entry.state if isinstance(entry, ModeChange) else entry.typed
            for entry in self.store.conversation(self.id).entries
        ]


@pytest.fixture
def timeline(store: Store) -> Timeline:
    return Timeline(store)


def test_turns_are_seen_from_the_root_to_the_newest(timeline: Timeline) -> None:
    timeline.add("a")
    timeline.add("b", after="a")
    timeline.add("c", after="b")
    assert timeline.visible == ["a", "b", "c"]


def test_a_regenerated_turn_is_seen_in_place_of_the_first_and_of_what_followed_that(
    timeline: Timeline,
) -> None:
    timeline.add("a")
    timeline.add("b", after="a")
    timeline.add("c", after="b")
    timeline.add("b2", after="a")
    assert timeline.visible == ["a", "b2"]


def test_variants_are_the_turns_of_one_parent_in_the_order_of_their_creation(
    timeline: Timeline,
) -> None:
    timeline.add("a")
    timeline.add("b", after="a")
    timeline.add("b2", after="a")
    timeline.add("c", after="b")
    timeline.add("b3", after="a")
    for name in ("b", "b2", "b3"):
        assert timeline.variants(name) == ["b", "b2", "b3"]
    assert timeline.variants("a") == ["a"]
    assert timeline.store.variants(1000) == ()


def test_first_turns_are_variants_within_their_conversation_only(store: Store) -> None:
    mine, other = Timeline(store), Timeline(store)
    mine.add("a")
    other.add("x")
    mine.add("a2")
    assert mine.variants("a") == ["a", "a2"]
    assert other.variants("x") == ["x"]


def test_selecting_a_turn_shows_the_newest_leaf_below_it(timeline: Timeline) -> None:
    timeline.add("a")
    timeline.add("b", after="a")
    timeline.add("c", after="b")
    timeline.add("c2", after="b")
    timeline.add("d", after="c")
    timeline.add("b2", after="a")
    timeline.select("b")
    assert timeline.visible == ["a", "b", "c", "d"]
    timeline.select("c2")
    assert timeline.visible == ["a", "b", "c2"]
    timeline.select("a")
    assert timeline.visible == ["a", "b2"]


def test_selecting_changes_its_own_conversation_only(store: Store) -> None:
    mine, other = Timeline(store), Timeline(store)
    mine.add("a")
    other.add("x")
    mine.add("a2")
    mine.select("a")
    assert (mine.visible, other.visible) == (["a"], ["x"])


def test_the_next_turn_goes_on_from_the_selected_one(timeline: Timeline) -> None:
    timeline.add("a")
    timeline.add("b", after="a")
    timeline.add("b2", after="a")
    timeline.select("b")
    timeline.add("c", after="b")
    assert timeline.visible == ["a", "b", "c"]


def test_changes_of_mode_stand_after_the_turns_that_they_followed(timeline: Timeline) -> None:
    timeline.change(INSTRUCT)
    timeline.change(CHAT)
    timeline.add("a")
    timeline.change(INSTRUCT, after="a")
    timeline.add("b", after="a")
    timeline.change(CHAT, after="b")
    timeline.change(INSTRUCT, after="b")
    assert timeline.visible == [INSTRUCT, CHAT, "a", INSTRUCT, "b", CHAT, INSTRUCT]


def test_a_change_of_mode_sets_the_conversations_mode_and_comes_back_as_it_was(
    timeline: Timeline,
) -> None:
    change = ModeChange(
        None, ModeState(Mode.INSTRUCT, standing="Translate:"), "### Instruction\nTranslate:"
    )
    timeline.store.add_mode_change(timeline.id, change)
    conversation = timeline.store.conversation(timeline.id)
    assert conversation.entries == (change,)
    assert conversation.state == change.state


def test_a_change_of_mode_is_seen_on_every_branch_through_its_turn_and_on_no_other(
    timeline: Timeline,
) -> None:
    timeline.add("a")
    timeline.change(INSTRUCT, after="a")
    timeline.add("b", after="a")
    timeline.change(CHAT, after="b")
    timeline.add("b2", after="a")
    assert timeline.visible == ["a", INSTRUCT, "b2"]
    timeline.select("b")
    assert timeline.visible == ["a", INSTRUCT, "b", CHAT]


def test_a_change_of_mode_needs_its_turn_in_the_conversation(store: Store) -> None:
    mine, other = Timeline(store), Timeline(store)
    other.add("x")
    with pytest.raises(StoreError):
        store.add_mode_change(mine.id, ModeChange(other.ids["x"], INSTRUCT, ""))
    assert store.conversation(mine.id).state == CHAT
    with pytest.raises(StoreError):
        store.add_mode_change(1000, ModeChange(None, INSTRUCT, ""))


def test_a_context_begins_where_the_last_cut_of_the_visible_path_says(timeline: Timeline) -> None:
    store = timeline.store
    for name, after in (("a", None), ("b", "a"), ("c", "b"), ("d", "c")):
        timeline.add(name, after=after)
    assert store.conversation(timeline.id).cut is None
    early = ContextCut(timeline.ids["b"], timeline.ids["a"])
    late = ContextCut(timeline.ids["c"], timeline.ids["b"], "They said \x1b[31mhello.")
    store.add_cut(timeline.id, late)
    store.add_cut(timeline.id, early)
    assert store.conversation(timeline.id).cut == late
    timeline.add("c2", after="b")
    assert store.conversation(timeline.id).cut == early
    timeline.add("a2")
    assert store.conversation(timeline.id).cut is None
    store.delete(timeline.id)


def test_a_pin_is_kept(timeline: Timeline) -> None:
    timeline.add("a")
    timeline.store.set_pinned(timeline.ids["a"], True)
    assert timeline.store.conversation(timeline.id).turns[0].pinned
    timeline.store.set_pinned(timeline.ids["a"], False)
    assert not timeline.store.conversation(timeline.id).turns[0].pinned
    with pytest.raises(StoreError):
        timeline.store.set_pinned(99, True)

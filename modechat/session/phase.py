"""The phases of a session, and the transitions between them."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    LOADING = "loading"
    """The engine starts or loads the model. A turn that is sent waits."""
    READY = "ready"
    GENERATING = "generating"
    STOPPING = "stopping"
    """The user stopped the reply, and the engine has not confirmed it yet."""
    UNLOADED = "unloaded"
    """The model's memory was given back after a time without requests. Sending a turn loads it
    again."""
    DOWN = "down"
    """There is no engine: loading failed, or it died too often. Sending a turn tries again."""
    CLOSED = "closed"


TRANSITIONS: dict[Phase, frozenset[Phase]] = {
    Phase.LOADING: frozenset({Phase.LOADING, Phase.READY, Phase.DOWN, Phase.CLOSED}),
    Phase.READY: frozenset(
        {Phase.GENERATING, Phase.LOADING, Phase.UNLOADED, Phase.DOWN, Phase.CLOSED}
    ),
    Phase.GENERATING: frozenset(
        {Phase.READY, Phase.STOPPING, Phase.LOADING, Phase.DOWN, Phase.CLOSED}
    ),
    Phase.STOPPING: frozenset({Phase.READY, Phase.LOADING, Phase.DOWN, Phase.CLOSED}),
    Phase.UNLOADED: frozenset({Phase.LOADING, Phase.CLOSED}),
    Phase.DOWN: frozenset({Phase.LOADING, Phase.CLOSED}),
    Phase.CLOSED: frozenset(),
}


def check_transition(before: Phase, after: Phase) -> None:
    """Raise ValueError for a transition that the table does not have."""
    if after not in TRANSITIONS[before]:
        raise ValueError(f"a session cannot go from {before} to {after}")

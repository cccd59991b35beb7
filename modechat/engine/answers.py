"""Matches events with the requests that they answer."""

from __future__ import annotations

from modechat.engine.protocol import (
    AdaptersChanged,
    Cancelled,
    Event,
    Failed,
    Finished,
    FormatChanged,
    Generate,
    Inspect,
    Inspected,
    Load,
    Loaded,
    MeasureRaw,
    RawMeasured,
    Request,
    UseAdapters,
    UseFormat,
)


def answers(event: Event, request: Request) -> bool:
    """Return True if `event` is the last event about `request`."""
    if isinstance(event, Failed) and isinstance(
        request, Load | UseFormat | UseAdapters | MeasureRaw
    ):
        return event.id is None
    match request:
        case Load():
            return isinstance(event, Loaded)
        case UseFormat():
            return isinstance(event, FormatChanged)
        case UseAdapters():
            return isinstance(event, AdaptersChanged)
        case MeasureRaw():
            return isinstance(event, RawMeasured)
        case Generate(id=number):
            return isinstance(event, Finished | Cancelled | Failed) and event.id == number
        case Inspect(id=number):
            return isinstance(event, Inspected) and event.id == number
        case _:
            return False

"""Runs only the newest of several calls of the same work, such as a search while the user types."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import ParamSpec

from textual.dom import DOMNode

P = ParamSpec("P")


def run_newest(
    node: DOMNode, work: Callable[P, Awaitable[None]], /, *args: P.args, **kwargs: P.kwargs
) -> None:
    """Run `work` as a worker of `node`, and cancel the same work if it runs or waits.

    Textual gets a function, not a coroutine: Python warns about a coroutine that is cancelled
    before it begins.
    """
    name = getattr(work, "__qualname__", "work")
    begin = partial(work, *args, **kwargs)
    node.run_worker(begin, name=name, group=name, exclusive=True)

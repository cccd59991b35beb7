"""Work of which only the newest counts, such as a search while one types."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import ParamSpec

from textual.dom import DOMNode

P = ParamSpec("P")


def run_newest(
    node: DOMNode, work: Callable[P, Awaitable[None]], /, *args: P.args, **kwargs: P.kwargs
) -> None:
    """Run `work` as a worker of `node`; the same work that runs, or waits to begin, ends.

    Textual gets a function: of a coroutine that it cancels before it begins nothing would be
    awaited, which Python warns about.
    """
    name = getattr(work, "__qualname__", "work")
    begin = partial(work, *args, **kwargs)
    node.run_worker(begin, name=name, group=name, exclusive=True)

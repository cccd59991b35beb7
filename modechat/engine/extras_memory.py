"""Remembers that llama.cpp crashed with the CPU's extra buffers.

That holds for one build on one processor; with another build or processor it counts as forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from modechat.engine.build import build_identity, processor_identity
from modechat.private_json import read_json, write_json


def _machine_identity() -> dict[str, str]:
    """Return what identifies the build of llama.cpp and the processor that it runs on."""
    return {"build": build_identity(), "processor": processor_identity()}


class ExtrasMemory:
    """The memory, in the file `path`, which need not exist.

    Losing the file costs one more crash, so nothing here raises.
    """

    def __init__(
        self, path: Path, identity: Callable[[], dict[str, str]] = _machine_identity
    ) -> None:
        self._path = path
        self._identify = identity
        self._is_off = False

    @property
    def says_off(self) -> bool:
        """True if the extra buffers are known to crash here. A damaged file says nothing."""
        return self._is_off or read_json(self._path) == self._identity

    def remember(self) -> None:
        """Note that the extra buffers crash here.

        If that cannot be written, this object still knows it.
        """
        self._is_off = True
        with suppress(OSError):
            write_json(self._path, self._identity)

    @cached_property
    def _identity(self) -> dict[str, str]:
        return self._identify()

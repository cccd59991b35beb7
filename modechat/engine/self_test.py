"""Tests in a separate process, with a tiny model, whether llama.cpp computes on this machine."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from typing import Literal

from modechat.engine.death import Death, death_of, in_words
from modechat.engine.process import run_module

_SECONDS = 60


@dataclass(frozen=True, slots=True)
class SelfTest:
    """The result of a test.

    `trouble` says what went wrong, as the end of a sentence; empty: llama.cpp computes.
    """

    trouble: str = ""
    death: Death | None = None
    """The kind of death of the process, if it died."""

    @property
    def works(self) -> bool:
        return not self.trouble


def try_engine(extras: Literal["on", "off"]) -> SelfTest:
    """Evaluate a prompt and single tokens in several threads, with or without the extra buffers.

    Takes about a second; never raises.
    """
    try:
        # This process owns the folder: it is removed even if native code dies in the other one.
        with tempfile.TemporaryDirectory(prefix="modechat-self-test-") as folder:
            done = run_module("modechat.engine.worker.self_test", extras, folder, seconds=_SECONDS)
    except subprocess.TimeoutExpired:
        return SelfTest(f"does not end within {_SECONDS} seconds", Death.HANG)
    except OSError as error:
        return SelfTest(f"does not start: {error.strerror}")
    if done.returncode == 0:
        return SelfTest()
    death = death_of(done.returncode)
    if death is not Death.EXIT:
        return SelfTest(in_words(done.returncode), death)
    last_words = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
    return SelfTest(f"fails: {last_words[0]}" if last_words else in_words(done.returncode), death)

"""Tests llama.cpp, the processor's instructions and the speed of memory, for `modechat doctor`."""

from __future__ import annotations

from dataclasses import dataclass

from modechat.cli.hardware import Hardware
from modechat.cli.memory_speed import memory_speed
from modechat.engine.build import CANNOT_LOAD
from modechat.engine.diagnosis import features_of
from modechat.engine.instructions import known_instructions, runnable_instructions
from modechat.engine.probe import EngineProbe
from modechat.engine.self_test import SelfTest, try_engine

_NOT_TRIED = SelfTest(f"was not tried: {CANNOT_LOAD}")


@dataclass(frozen=True, slots=True)
class Trial:
    with_extras: SelfTest
    """With llama.cpp's kernels for this processor."""
    without_extras: SelfTest
    built: tuple[str, ...]
    """Instruction sets that the build uses and that can be tried."""
    not_runnable: tuple[str, ...] | None
    """Built instruction sets that this machine does not run; None if that cannot be found out
    here."""
    bytes_per_second: float | None
    """The speed of reading memory; None if too little is free to measure it."""

    @property
    def works(self) -> bool:
        return self.without_extras.works


def try_machine(machine: Hardware, engine: EngineProbe) -> Trial:
    """Run the tests. This takes a few seconds and never raises."""
    with_extras = without_extras = _NOT_TRIED
    if not engine.error or engine.death is not None:
        with_extras, without_extras = try_engine("on"), try_engine("off")
    built = features_of(engine.features) & known_instructions()
    runnable = runnable_instructions()
    not_runnable = None
    if runnable is not None:
        not_runnable = tuple(sorted(built - runnable))
    threads = max(1, min(machine.physical_cores, machine.usable_cores))
    return Trial(
        with_extras=with_extras,
        without_extras=without_extras,
        built=tuple(sorted(built)),
        not_runnable=not_runnable,
        bytes_per_second=memory_speed(threads, machine.free_bytes),
    )

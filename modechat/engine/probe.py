"""Asks llama.cpp in a separate process, which may crash, about its abilities on this machine."""

from __future__ import annotations

import subprocess

from pydantic import BaseModel, ConfigDict, ValidationError

from modechat.engine.death import Death, death_of, in_words
from modechat.engine.process import run_module

_SECONDS = 120  # the first start of a GPU's driver can take long
_LAST_WORDS = 300  # characters


class ProbedDevice(BaseModel):
    """A device that llama.cpp can compute on."""

    model_config = ConfigDict(frozen=True)

    name: str
    description: str
    backend: str
    kind: str
    """`cpu`, `gpu`, `integrated` or `accelerator`."""
    free_bytes: int
    total_bytes: int


class EngineProbe(BaseModel):
    """The build of llama.cpp and its devices, or the reason why there are none."""

    model_config = ConfigDict(frozen=True)

    can_offload: bool = False
    """True if the build has GPU support."""
    features: str = ""
    """The instruction sets that the build uses, in llama.cpp's words: `AVX2 = 1`."""
    devices: tuple[ProbedDevice, ...] = ()
    error: str = ""
    death: Death | None = None
    """The kind of death of llama.cpp when it was asked, if it died."""

    @property
    def gpus(self) -> tuple[ProbedDevice, ...]:
        return tuple(device for device in self.devices if device.kind in ("gpu", "integrated"))


def probe_engine() -> EngineProbe:
    """Ask llama.cpp about its build and devices. Takes about a second; never raises."""
    try:
        done = run_module("modechat.engine.worker.loading.probe", seconds=_SECONDS)
    except subprocess.TimeoutExpired:
        return EngineProbe(error=f"llama.cpp does not answer within {_SECONDS} seconds")
    except OSError as error:
        return EngineProbe(error=f"llama.cpp does not start: {error.strerror}")
    try:
        probe = EngineProbe.model_validate_json(done.stdout.splitlines()[-1])
    except (IndexError, ValidationError):
        probe = EngineProbe()
    if done.returncode == 0 and done.stdout:
        return probe
    death = death_of(done.returncode)
    if death is not Death.EXIT:
        return probe.model_copy(
            update={"error": f"llama.cpp {in_words(done.returncode)}", "death": death}
        )
    said = done.stderr.decode(errors="replace").strip()[-_LAST_WORDS:]
    return probe.model_copy(
        update={"error": f"llama.cpp does not start (exit code {done.returncode}): {said}"}
    )

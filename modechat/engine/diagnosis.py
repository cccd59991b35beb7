"""Finds out why a build of llama.cpp does not run here, and the command that builds another.

`diagnose` looks at the machine, `judge` is pure.
"""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Mapping, Set
from dataclasses import dataclass

from modechat.engine.build import (
    FOR_ANY_PROCESSOR,
    FOR_THIS_PROCESSOR,
    WITHOUT_AMX,
    has_amx,
    install_command,
    installed_version,
    version_trouble,
)
from modechat.engine.instructions import known_instructions, runnable_instructions
from modechat.engine.probe import probe_engine

_FEATURE = re.compile(r"\b([A-Z][A-Z0-9_]*) = 1\b")
_AMX = "AMX_INT8"


@dataclass(frozen=True, slots=True)
class Remedy:
    """The cause of a failure, and what helps.

    `cause` is a sentence; `command` is for this machine's shell.
    """

    cause: str
    command: str

    def __str__(self) -> str:
        return f"{self.cause} This command builds one that fits:\n\n    {self.command}\n"


def features_of(system_info: str) -> frozenset[str]:
    """Return the instruction sets that a build uses, from llama.cpp's own list of its features."""
    return frozenset(_FEATURE.findall(system_info))


def judge(
    built: Set[str],
    runnable: Set[str] | None,
    *,
    with_extras: bool,
    reports_amx: bool,
    other_version: str,
) -> tuple[str, Mapping[str, str]]:
    """Return why the processor refuses an instruction, and the environment for a better build.

    `built` are the instruction sets of the build, empty if it could not say; `runnable` are those
    that run here, None if that is not known. `with_extras` means that the engine died with the
    CPU's extra buffers, so their kernels are to blame, those for AMX first of all. `other_version`
    says what is wrong with the installed version.
    """
    if other_version:
        return other_version, _best_build(reports_amx=reports_amx)
    lacking: list[str] = []
    if runnable is not None:
        lacking = sorted((built & known_instructions()) - runnable)
    if lacking and lacking != [_AMX]:
        cause = (
            f"llama.cpp was built for another processor: it uses {_listed(lacking)}, "
            "which this machine does not run."
        )
        return cause, _best_build(reports_amx=reports_amx)
    if with_extras and _AMX in built:
        return "llama.cpp's kernels for AMX do not run here.", WITHOUT_AMX
    if with_extras:
        return "llama.cpp's kernels for this processor do not run here.", FOR_ANY_PROCESSOR
    cause = "llama.cpp uses instructions that this machine does not run"
    if built and runnable is not None:
        cause += ", besides the instruction sets that it names"
    return f"{cause}.", FOR_ANY_PROCESSOR


def diagnose(with_extras: bool) -> Remedy:
    """Return the remedy for a death with the CPU's extra buffers, or without.

    Looks at the build and the machine. Takes a second or two; never raises.
    """
    probe = probe_engine()
    cause, environment = judge(
        features_of(probe.features),
        runnable_instructions(),
        with_extras=with_extras,
        reports_amx=has_amx(),
        other_version=version_trouble(installed_version()),
    )
    return Remedy(cause, install_command(sys.executable, environment, system=platform.system()))


def _best_build(*, reports_amx: bool) -> Mapping[str, str]:
    return WITHOUT_AMX if reports_amx else FOR_THIS_PROCESSOR


def _listed(names: list[str]) -> str:
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} and {names[-1]}"

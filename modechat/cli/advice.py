"""Advises how to make modechat work, or work faster, with the exact command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modechat.cli.hardware import Hardware
from modechat.cli.trial import Trial
from modechat.engine.build import (
    FOR_ANY_PROCESSOR,
    FOR_THIS_PROCESSOR,
    WITHOUT_AMX,
    install_command,
    installed_version,
    library_remedy,
    version_trouble,
)
from modechat.engine.death import Death
from modechat.engine.diagnosis import features_of, judge
from modechat.engine.instructions import known_instructions
from modechat.engine.probe import EngineProbe


@dataclass(frozen=True, slots=True)
class Advice:
    text: str
    command: str = ""
    """A command for the shell of this machine; empty if there is none."""


@dataclass(frozen=True, slots=True)
class _Build:
    """A way to compile llama.cpp for a GPU."""

    name: str
    cmake: str
    compiler: str
    """The program that it needs besides the C++ compiler; empty if none."""
    needs: str


_CUDA = _Build("CUDA", "-DGGML_CUDA=on", "nvcc", "the CUDA toolkit (its compiler nvcc)")
_ROCM = _Build("ROCm", "-DGGML_HIP=on", "hipcc", "ROCm (its compiler hipcc)")
_VULKAN = _Build("Vulkan", "-DGGML_VULKAN=on", "glslc", "the Vulkan SDK (its compiler glslc)")
_METAL = _Build("Metal", "-DGGML_METAL=on", "", "")


def advise(
    machine: Hardware, engine: EngineProbe, trial: Trial, *, python: str, reports_amx: bool
) -> tuple[Advice, ...]:
    """Return the advice for a machine.

    `python` is the interpreter that modechat runs with. `reports_amx`: the processor reports AMX.
    """
    without_amx = WITHOUT_AMX if reports_amx else {}
    if engine.error and engine.death is not Death.ILLEGAL_INSTRUCTION:
        return (_reinstall(machine, engine, python, without_amx),)
    if not trial.works:
        return (_other_build(machine, engine, trial, python, reports_amx=reports_amx),)
    advice = []
    if not trial.with_extras.works:
        advice.append(
            _build_without_what_crashes(machine, engine, trial, python, reports_amx=reports_amx)
        )
    if trouble := version_trouble(installed_version()):
        advice.append(Advice(trouble, install_command(python, without_amx, system=machine.system)))
    return (*advice, *_for_gpu(machine, engine, python, without_amx))


def _reinstall(
    machine: Hardware, engine: EngineProbe, python: str, environment: Mapping[str, str]
) -> Advice:
    trouble = version_trouble(installed_version())
    if (remedy := library_remedy(engine.error)) and not trouble:
        return Advice(f"llama.cpp does not work here. {remedy}")
    text = f"llama.cpp does not work here. {trouble} Install it again:".replace("  ", " ")
    return Advice(text, install_command(python, environment, system=machine.system))


def _other_build(
    machine: Hardware, engine: EngineProbe, trial: Trial, python: str, *, reports_amx: bool
) -> Advice:
    """Return the advice if llama.cpp cannot compute at all."""
    test = trial.without_extras
    if test.death is not Death.ILLEGAL_INSTRUCTION:
        text = f"llama.cpp cannot compute here: it {test.trouble}. Install it again:"
        return Advice(text, install_command(python, FOR_THIS_PROCESSOR, system=machine.system))
    cause, environment = _judged(engine, trial, with_extras=False, reports_amx=reports_amx)
    return Advice(
        f"{cause} This command builds one that fits:",
        install_command(python, environment, system=machine.system),
    )


def _build_without_what_crashes(
    machine: Hardware, engine: EngineProbe, trial: Trial, python: str, *, reports_amx: bool
) -> Advice:
    """Return the advice if llama.cpp computes only without its kernels for this processor."""
    cause, environment = _judged(engine, trial, with_extras=True, reports_amx=reports_amx)
    if trial.with_extras.death is not Death.ILLEGAL_INSTRUCTION:
        cause, environment = (
            f"With its kernels for this processor llama.cpp {trial.with_extras.trouble}.",
            FOR_ANY_PROCESSOR,
        )
    text = f"{cause} modechat goes on without them, a little slower. A build without what crashes:"
    return Advice(text, install_command(python, environment, system=machine.system))


def _judged(
    engine: EngineProbe, trial: Trial, *, with_extras: bool, reports_amx: bool
) -> tuple[str, Mapping[str, str]]:
    runnable = None
    if trial.not_runnable is not None:
        runnable = known_instructions() - set(trial.not_runnable)
    trouble = version_trouble(installed_version())
    built = features_of(engine.features)
    return judge(
        built, runnable, with_extras=with_extras, reports_amx=reports_amx, other_version=trouble
    )


def _for_gpu(
    machine: Hardware, engine: EngineProbe, python: str, environment: Mapping[str, str]
) -> tuple[Advice, ...]:
    if engine.gpus:
        return ()
    if engine.can_offload:
        text = "This build of llama.cpp can use a GPU, but finds none."
        return (Advice(f"{text} Is the GPU's driver installed?"),)
    build = _build_for(machine)
    if build is None:
        return ()
    text = f"This build of llama.cpp does not use the GPU. A build with {build.name} does."
    if build.compiler not in ("", *machine.compilers):
        text += f" It needs {build.needs}, which was not found."
    settings = {"CMAKE_ARGS": build.cmake, **environment}
    return (Advice(text, install_command(python, settings, system=machine.system)),)


def _build_for(machine: Hardware) -> _Build | None:
    """Return the build for the fastest of the machine's GPUs."""
    vendors = machine.gpu_vendors
    if "Apple" in vendors:
        return _METAL
    if "NVIDIA" in vendors:
        return _CUDA
    if "AMD" in vendors and "hipcc" in machine.compilers:
        return _ROCM
    return _VULKAN if vendors else None

"""What would make modechat faster on a machine, and the exact command for it. Pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from modechat.cli.hardware import Hardware
from modechat.engine.probe import EngineProbe


@dataclass(frozen=True, slots=True)
class Advice:
    text: str
    command: str = ""
    """For the shell of this machine; empty: there is none."""


@dataclass(frozen=True, slots=True)
class _Build:
    """A way to compile llama.cpp for a GPU."""

    name: str
    cmake: str
    compiler: str
    """The program that it needs; empty: none beyond the C++ compiler."""
    needs: str


_CUDA = _Build("CUDA", "-DGGML_CUDA=on", "nvcc", "the CUDA toolkit (its compiler nvcc)")
_ROCM = _Build("ROCm", "-DGGML_HIP=on", "hipcc", "ROCm (its compiler hipcc)")
_VULKAN = _Build("Vulkan", "-DGGML_VULKAN=on", "glslc", "the Vulkan SDK (its compiler glslc)")
_METAL = _Build("Metal", "-DGGML_METAL=on", "", "")


def advise(machine: Hardware, engine: EngineProbe, *, python: str, version: str) -> tuple[Advice, ...]:
    """`python` is the interpreter that modechat runs with, `version` that of llama-cpp-python."""
    if engine.error:
        text = "llama.cpp does not work here. Install it again:"
        return (Advice(text, _install(machine, python, version, cmake="")),)
    if engine.gpus:
        return ()
    if engine.can_offload:
        return (Advice("This build of llama.cpp can use a GPU, but finds none. Is the GPU's driver installed?"),)
    build = _build_for(machine)
    if build is None:
        return ()
    missing = f" It needs {build.needs}, which was not found." if build.compiler not in ("", *machine.compilers) else ""
    text = f"This build of llama.cpp does not use the GPU. A build with {build.name} does.{missing}"
    return (Advice(text, _install(machine, python, version, cmake=build.cmake)),)


def _build_for(machine: Hardware) -> _Build | None:
    """The build for the fastest of the machine's GPUs."""
    vendors = machine.gpu_vendors
    if "Apple" in vendors:
        return _METAL
    if "NVIDIA" in vendors:
        return _CUDA
    if "AMD" in vendors and "hipcc" in machine.compilers:
        return _ROCM
    return _VULKAN if vendors else None


def _install(machine: Hardware, python: str, version: str, *, cmake: str) -> str:
    """pip compiles it anew: what it keeps of an earlier build has no GPU support."""
    options = "--force-reinstall --no-deps --no-cache-dir --no-binary llama-cpp-python"
    requirement = f"llama-cpp-python=={version}"
    if machine.system == "Windows":
        setting = f'$env:CMAKE_ARGS = "{cmake}"; ' if cmake else ""
        return f'{setting}& "{python}" -m pip install {options} {requirement}'
    setting = f'CMAKE_ARGS="{cmake}" ' if cmake else ""
    return f"{setting}{shlex.quote(python)} -m pip install {options} {requirement}"

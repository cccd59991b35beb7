"""Identifies the installed build of llama.cpp, and gives commands that make another one.

Loads nothing of llama.cpp.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

PACKAGE = "llama-cpp-python"
VERSION = "0.3.36"
"""The version that modechat is made for: the bindings' structures change between releases."""

CANNOT_LOAD = "llama.cpp cannot be loaded"

_CPU_INFO = Path("/proc/cpuinfo")
_LIBRARIES = ("*.so*", "*.dylib", "*.dll")
# -mno-amx-tile alone leaves AMX on: GCC's -march=native turns the other two on, and they bring the
# tiles back.
_NO_AMX_FLAGS = "-mno-amx-tile -mno-amx-int8 -mno-amx-bf16"
_PIP_OPTIONS = "--force-reinstall --no-deps --no-cache-dir --no-binary llama-cpp-python"

FOR_THIS_PROCESSOR: Mapping[str, str] = {}
"""The environment for a build that uses all that this processor has."""
WITHOUT_AMX: Mapping[str, str] = {"CFLAGS": _NO_AMX_FLAGS, "CXXFLAGS": _NO_AMX_FLAGS}
"""The environment for a build without AMX; AVX-512 stays."""
FOR_ANY_PROCESSOR: Mapping[str, str] = {"CMAKE_ARGS": "-DGGML_NATIVE=OFF"}
"""The environment for a build with AVX2 and no more.

Nearly every processor of the last ten years runs that.
"""


_REMEDIES = {
    "libgomp.so": (
        "Install GCC's OpenMP: apt install libgomp1, dnf install libgomp, or apk add libgomp."
    ),
    "libstdc++.so": "Install the C++ library: apt install libstdc++6, dnf install libstdc++.",
    "libgcc_s.so": "Install GCC's library: apt install libgcc-s1, dnf install libgcc.",
    "libomp.": "Install LLVM's OpenMP: apt install libomp5, or brew install libomp.",
    "libvulkan.so": "Install the Vulkan loader: apt install libvulkan1, dnf install vulkan-loader.",
    "libcuda.so": "Install NVIDIA's driver: this build of llama.cpp is for CUDA.",
    "libcudart.so": "Install the CUDA runtime of the version that llama.cpp was built with.",
    "libcublas": (
        "Install the CUDA libraries (cuBLAS) of the version that llama.cpp was built with."
    ),
    "libamdhip": "Install ROCm's runtime: this build of llama.cpp is for AMD GPUs.",
    "libopenblas": "Install OpenBLAS: apt install libopenblas0.",
    "libc.musl": "This build is for musl: let pip compile one for this system.",
}
"""The ways to install the system's libraries that a build may need, by their file names."""


def installed_version() -> str:
    """Return the version of llama-cpp-python; empty: it is not installed."""
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return ""


def version_trouble(installed: str) -> str:
    """Return a sentence on what is wrong with the installed version; empty: nothing."""
    if not installed:
        return f"{PACKAGE} is not installed; modechat needs {VERSION}."
    if installed != VERSION:
        return f"{PACKAGE} {installed} is installed; modechat is made for {VERSION}."
    return ""


def build_identity() -> str:
    """Return a short name for the installed libraries, which no other build has."""
    parts = [installed_version()]
    for folder in _library_folders():
        libraries = sorted(file for pattern in _LIBRARIES for file in folder.glob(pattern))
        for library in libraries:
            facts = library.stat()
            parts.append(f"{library.name} {facts.st_size} {facts.st_mtime_ns}")
    return _digest(parts)


def processor_identity() -> str:
    """Return a short name for this processor and the instructions that programs may use here."""
    return _digest([platform.machine(), platform.processor(), *_cpu_facts()])


def has_amx() -> bool:
    """Return True if the system says that the processor has AMX."""
    return any("amx_tile" in line for line in _cpu_facts())


def install_command(python: str, environment: Mapping[str, str], *, system: str) -> str:
    """Return the shell's command that compiles llama.cpp anew, without the builds in pip's cache.

    `environment` is that of the build; `system` is what `platform.system` returns.
    """
    command = f"-m pip install {_PIP_OPTIONS} {PACKAGE}=={VERSION}"
    if system == "Windows":
        settings = "".join(f'$env:{name} = "{value}"; ' for name, value in environment.items())
        return f'{settings}& "{python}" {command}'
    settings = "".join(f'{name}="{value}" ' for name, value in environment.items())
    return f"{settings}{shlex.quote(python)} {command}"


def library_remedy(complaint: str) -> str:
    """Return how to install the library that a complaint says is missing; empty: none is."""
    for file, remedy in _REMEDIES.items():
        if file in complaint:
            return remedy
    return ""


def how_to_load(complaint: str, python: str, system: str) -> str:
    """Return how to mend a build that cannot be loaded, by the complaint about it."""
    trouble = version_trouble(installed_version())
    if (remedy := library_remedy(complaint)) and not trouble:
        return remedy
    reinstall = (
        f"Install it again:\n\n    {install_command(python, FOR_THIS_PROCESSOR, system=system)}\n"
    )
    return f"{trouble} {reinstall}".strip()


def _library_folders() -> list[Path]:
    named = os.environ.get("LLAMA_CPP_LIB_PATH")
    if named:
        return [Path(named)]
    spec = find_spec("llama_cpp")
    return (
        [Path(place) / "lib" for place in (spec.submodule_search_locations or [])]
        if spec is not None
        else []
    )


def _cpu_facts() -> list[str]:
    """Return the model and the flags of the first processor, as Linux lists them.

    Empty on other systems.
    """
    try:
        with _CPU_INFO.open(encoding="utf-8", errors="replace") as lines:
            facts = []
            for line in lines:
                if not line.strip():
                    break  # the next processor
                if line.startswith(
                    ("vendor_id", "model name", "stepping", "flags", "Features", "CPU part")
                ):
                    facts.append(line.strip())
            return facts
    except OSError:
        return []


def _digest(parts: list[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:16]

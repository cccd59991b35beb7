"""What `modechat doctor` advises, for machines of all kinds."""

from __future__ import annotations

import pytest

from modechat.cli.advice import Advice, advise
from modechat.cli.hardware import Hardware
from modechat.engine.probe import EngineProbe, ProbedDevice

NO_GPU_SUPPORT = EngineProbe(can_offload=False)
PIP = "-m pip install --force-reinstall --no-deps --no-cache-dir --no-binary llama-cpp-python llama-cpp-python==0.3.36"


def machine(
    *vendors: str, compilers: tuple[str, ...] = ("nvcc", "hipcc", "glslc"), system: str = "Linux", cpu: str = "x86_64"
) -> Hardware:
    return Hardware(system, "1", cpu, "a CPU", 4, 8, 16 << 30, 8 << 30, vendors, compilers)


def advice(hardware: Hardware, engine: EngineProbe = NO_GPU_SUPPORT, python: str = "/usr/bin/python") -> list[Advice]:
    return list(advise(hardware, engine, python=python, version="0.3.36"))


@pytest.mark.parametrize(
    ("hardware", "name", "flag"),
    [
        (machine("NVIDIA"), "CUDA", "-DGGML_CUDA=on"),
        (machine("Intel", "NVIDIA"), "CUDA", "-DGGML_CUDA=on"),
        (machine("AMD"), "ROCm", "-DGGML_HIP=on"),
        (machine("AMD", compilers=("glslc",)), "Vulkan", "-DGGML_VULKAN=on"),
        (machine("Intel"), "Vulkan", "-DGGML_VULKAN=on"),
        (machine("Apple", system="Darwin", cpu="arm64"), "Metal", "-DGGML_METAL=on"),
    ],
)
def test_a_gpu_that_the_build_does_not_use_gets_the_command_for_one_that_does(
    hardware: Hardware, name: str, flag: str
) -> None:
    (found,) = advice(hardware)
    assert f"A build with {name} does." in found.text
    assert found.command == f'CMAKE_ARGS="{flag}" /usr/bin/python {PIP}'
    assert "not found" not in found.text


@pytest.mark.parametrize(("vendor", "compiler"), [("NVIDIA", "nvcc"), ("AMD", "glslc"), ("Intel", "glslc")])
def test_a_compiler_that_is_missing_is_named(vendor: str, compiler: str) -> None:
    (found,) = advice(machine(vendor, compilers=()))
    assert compiler in found.text
    assert "not found" in found.text


def test_on_windows_the_command_is_for_its_shell() -> None:
    (found,) = advice(machine("NVIDIA", system="Windows"), python=r"C:\Program Files\Python\python.exe")
    assert found.command == f'$env:CMAKE_ARGS = "-DGGML_CUDA=on"; & "C:\\Program Files\\Python\\python.exe" {PIP}'


def test_a_path_with_spaces_is_quoted() -> None:
    (found,) = advice(machine("NVIDIA"), python="/home/ada lovelace/bin/python")
    assert "'/home/ada lovelace/bin/python' -m pip" in found.command


def test_without_a_gpu_and_with_one_in_use_there_is_nothing_to_advise() -> None:
    gpu = ProbedDevice(name="CUDA0", description="x", backend="CUDA", kind="gpu", free_bytes=1, total_bytes=1)
    assert advice(machine()) == []
    assert advice(machine("NVIDIA"), EngineProbe(can_offload=True, devices=(gpu,))) == []


def test_a_build_that_finds_no_gpu_points_to_the_driver() -> None:
    (found,) = advice(machine("NVIDIA"), EngineProbe(can_offload=True))
    assert "driver" in found.text
    assert not found.command


def test_a_broken_llama_cpp_is_installed_again() -> None:
    (found,) = advice(machine("NVIDIA"), EngineProbe(error="llama.cpp cannot be loaded: libllama.so"))
    assert found.command == f"/usr/bin/python {PIP}"

"""What `modechat doctor` advises, for machines of all kinds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modechat.cli.advice import Advice, advise
from modechat.cli.hardware import Hardware
from modechat.cli.trial import Trial
from modechat.engine.death import Death
from modechat.engine.probe import EngineProbe, ProbedDevice
from modechat.engine.self_test import SelfTest

AMX_BUILD = "CPU : AVX2 = 1 | AVX512 = 1 | AMX_INT8 = 1 | LLAMAFILE = 1"
NO_GPU_SUPPORT = EngineProbe(can_offload=False, features=AMX_BUILD)
WORKS = Trial(SelfTest(), SelfTest(), ("AVX2", "AVX512"), (), 10e9)
ILLEGAL = SelfTest("crashed (SIGILL)", Death.ILLEGAL_INSTRUCTION)
NO_AMX = "-mno-amx-tile -mno-amx-int8 -mno-amx-bf16"
PIP = "-m pip install --force-reinstall --no-deps --no-cache-dir --no-binary llama-cpp-python llama-cpp-python==0.3.36"


def machine(
    *vendors: str,
    compilers: tuple[str, ...] = ("nvcc", "hipcc", "glslc"),
    system: str = "Linux",
    cpu: str = "x86_64",
) -> Hardware:
    return Hardware(system, "1", cpu, "a CPU", 4, 8, 16 << 30, 8 << 30, vendors, compilers)


def advice(
    hardware: Hardware,
    engine: EngineProbe = NO_GPU_SUPPORT,
    trial: Trial = WORKS,
    python: str = "/usr/bin/python",
    *,
    reports_amx: bool = False,
) -> list[Advice]:
    return list(advise(hardware, engine, trial, python=python, reports_amx=reports_amx))


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


@pytest.mark.parametrize(
    ("vendor", "compiler"), [("NVIDIA", "nvcc"), ("AMD", "glslc"), ("Intel", "glslc")]
)
def test_a_compiler_that_is_missing_is_named(vendor: str, compiler: str) -> None:
    (found,) = advice(machine(vendor, compilers=()))
    assert compiler in found.text
    assert "not found" in found.text


def test_on_windows_the_command_is_for_its_shell() -> None:
    (found,) = advice(
        machine("NVIDIA", system="Windows"), python=r"C:\Program Files\Python\python.exe"
    )
    assert (
        found.command
        == f'$env:CMAKE_ARGS = "-DGGML_CUDA=on"; & "C:\\Program Files\\Python\\python.exe" {PIP}'
    )


def test_a_path_with_spaces_is_quoted() -> None:
    (found,) = advice(machine("NVIDIA"), python="/home/ada lovelace/bin/python")
    assert "'/home/ada lovelace/bin/python' -m pip" in found.command


def test_without_a_gpu_and_with_one_in_use_there_is_nothing_to_advise() -> None:
    gpu = ProbedDevice(
        name="CUDA0", description="x", backend="CUDA", kind="gpu", free_bytes=1, total_bytes=1
    )
    assert advice(machine()) == []
    assert advice(machine("NVIDIA"), EngineProbe(can_offload=True, devices=(gpu,))) == []


def test_a_build_that_finds_no_gpu_points_to_the_driver() -> None:
    (found,) = advice(machine("NVIDIA"), EngineProbe(can_offload=True))
    assert "driver" in found.text
    assert not found.command


def test_a_broken_llama_cpp_is_installed_again() -> None:
    (found,) = advice(
        machine("NVIDIA"), EngineProbe(error="llama.cpp cannot be loaded: libllama.so")
    )
    assert found.command == f"/usr/bin/python {PIP}"


def test_a_library_of_the_system_that_is_missing_is_named_with_what_brings_it() -> None:
    (found,) = advice(
        machine(), EngineProbe(error="Failed to load shared library: libgomp.so.1: cannot open")
    )
    assert "apt install libgomp1" in found.text
    assert not found.command


def test_kernels_that_crash_get_the_command_for_a_build_without_them() -> None:
    (found,) = advice(machine(), trial=replace(WORKS, with_extras=ILLEGAL), reports_amx=True)
    assert "AMX do not run here. modechat goes on without them" in found.text
    assert found.command == f'CFLAGS="{NO_AMX}" CXXFLAGS="{NO_AMX}" /usr/bin/python {PIP}'


def test_a_build_for_another_processor_is_built_again_for_this_one() -> None:
    trial = Trial(ILLEGAL, ILLEGAL, ("AVX2", "AVX512"), ("AVX512",), 10e9)
    (found,) = advice(machine(), trial=trial)
    assert "built for another processor: it uses AVX512" in found.text
    assert found.command == f"/usr/bin/python {PIP}"


def test_a_build_that_crashes_for_an_unknown_reason_is_built_for_any_processor() -> None:
    trial = Trial(ILLEGAL, ILLEGAL, (), None, None)
    (found,) = advice(machine(), EngineProbe(features=""), trial)
    assert found.command == f'CMAKE_ARGS="-DGGML_NATIVE=OFF" /usr/bin/python {PIP}'


def test_a_build_for_a_gpu_leaves_out_what_crashes_on_the_processor() -> None:
    (found,) = advice(machine("NVIDIA"), reports_amx=True)
    assert found.command.startswith(
        f'CMAKE_ARGS="-DGGML_CUDA=on" CFLAGS="{NO_AMX}" CXXFLAGS="{NO_AMX}" '
    )


def test_another_version_of_the_bindings_is_named_with_the_command_for_the_right_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("modechat.cli.advice.installed_version", lambda: "0.3.20")
    (found,) = advice(machine())
    assert found.text == "llama-cpp-python 0.3.20 is installed; modechat is made for 0.3.36."
    assert found.command == f"/usr/bin/python {PIP}"


def test_kernels_that_crash_without_amx_are_not_said_to_lack_instructions_that_the_machine_runs() -> (
    None
):
    engine = EngineProbe(can_offload=False, features="CPU : AVX2 = 1 | REPACK = 1")
    (found,) = advice(machine(), engine, replace(WORKS, with_extras=ILLEGAL))
    assert "kernels for this processor do not run here. modechat goes on without them" in found.text


def test_a_build_with_amx_that_crashes_without_its_kernels_too_has_another_cause_and_another_cure() -> (
    None
):
    trial = Trial(ILLEGAL, ILLEGAL, ("AMX_INT8", "AVX2", "AVX512"), (), 10e9)
    (found,) = advice(machine(), trial=trial, reports_amx=True)
    assert "AMX" not in found.text
    assert "besides the instruction sets that it names" in found.text
    assert found.command == f'CMAKE_ARGS="-DGGML_NATIVE=OFF" /usr/bin/python {PIP}'

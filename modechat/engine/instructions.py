"""Tries one instruction of each x86-64 instruction set, to find out which sets this machine runs.

The processor's own report is not enough: a hypervisor can report a set that the system has not
enabled, and a build that uses it then dies. `python -m modechat.engine.instructions` prints the
names of the sets that run, as JSON.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import platform
import signal
import subprocess
import sys

_SECONDS = 20
_RETURN = b"\xc3"

# One instruction of each set, on registers only; names as llama.cpp's list of its features has
# them. Encodings: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2.
_TRIALS: dict[str, bytes] = {
    "SSE3": bytes.fromhex("f20fd0c0"),  # addsubps xmm0, xmm0
    "SSSE3": bytes.fromhex("660f3800c0"),  # pshufb xmm0, xmm0
    "AVX": bytes.fromhex("c5fc57c0"),  # vxorps ymm0, ymm0, ymm0
    "AVX_VNNI": bytes.fromhex("c4e27d50c0"),  # {vex} vpdpbusd ymm0, ymm0, ymm0
    "AVX2": bytes.fromhex("c5fdefc0"),  # vpxor ymm0, ymm0, ymm0
    "F16C": bytes.fromhex("c4e27d13c0"),  # vcvtph2ps ymm0, xmm0
    "FMA": bytes.fromhex("c4e27da8c0"),  # vfmadd213ps ymm0, ymm0, ymm0
    "BMI2": bytes.fromhex("c4e2fbf5c0"),  # pdep rax, rax, rax
    "AVX512": bytes.fromhex("62f17d48efc0"),  # vpxord zmm0, zmm0, zmm0
    "AVX512_VBMI": bytes.fromhex("62f27d488dc0"),  # vpermb zmm0, zmm0, zmm0
    "AVX512_VNNI": bytes.fromhex("62f27d4850c0"),  # vpdpbusd zmm0, zmm0, zmm0
    "AVX512_BF16": bytes.fromhex("62f27e4852c0"),  # vdpbf16ps zmm0, zmm0, zmm0
    # tilezero tmm0, after a configuration; see _run_with_tiles
    "AMX_INT8": bytes.fromhex("c4e27b49c0c4e27849c0"),
}
_AMX = "AMX_INT8"
_ARCH_PRCTL = 158
_ARCH_REQ_XCOMP_PERM = 0x1023
_TILE_DATA = 18


def _can_be_tried() -> bool:
    """Return True if this module knows this kind of machine and system."""
    return platform.machine() in ("x86_64", "AMD64") and hasattr(os, "fork")


def runnable_instructions() -> frozenset[str] | None:
    """Return the names of the sets that run here; None if that cannot be found out."""
    if not _can_be_tried():
        return None
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "modechat.engine.instructions"],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=True,
        )
        return frozenset(json.loads(done.stdout))
    except (OSError, subprocess.SubprocessError, ValueError):
        return None  # a system that forbids pages with code, for example


def known_instructions() -> frozenset[str]:
    """Return the sets that can be tried."""
    return frozenset(_TRIALS)


def _main() -> None:
    if not _runs(b""):
        raise SystemExit("pages with code are forbidden here")
    print(
        json.dumps([name for name, code in _TRIALS.items() if _runs(code, with_tiles=name == _AMX)])
    )


def _runs(code: bytes, *, with_tiles: bool = False) -> bool:
    """Return True if a process survives the instruction."""
    child = os.fork()
    if child == 0:
        for number in (signal.SIGILL, signal.SIGSEGV, signal.SIGBUS):
            signal.signal(number, signal.SIG_DFL)
        if with_tiles:
            _run_with_tiles()
        else:
            _call(code)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return status == 0


def _call(code: bytes, *arguments: object) -> None:
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code + _RETURN)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    ctypes.CFUNCTYPE(None, *(ctypes.c_void_p for _ in arguments))(address)(*arguments)


def _run_with_tiles() -> None:
    """Load a configuration of eight tiles, zero one, and release them.

    Linux gives tiles only on request.
    """
    libc = ctypes.CDLL(None)
    if libc.syscall(_ARCH_PRCTL, _ARCH_REQ_XCOMP_PERM, _TILE_DATA) != 0:
        os._exit(1)
    configuration = ctypes.create_string_buffer(64)
    configuration[0] = b"\x01"  # the palette
    for tile in range(8):
        configuration[16 + 2 * tile] = b"\x40"  # bytes in a row
        configuration[48 + tile] = b"\x10"  # rows
    load = bytes.fromhex("c4e2784907")  # ldtilecfg [rdi]
    _call(load + _TRIALS[_AMX], ctypes.addressof(configuration))


if __name__ == "__main__":
    _main()

"""Measures how fast this machine reads memory: a model reads all its weights for each token."""

from __future__ import annotations

import ctypes
import sys
import threading
import time

_MIB = 1 << 20
_MAX_BYTES = 256 * _MIB  # more than the caches of nearly every processor hold
_ROUNDS = 4
_SHARE_OF_FREE = 4


def memory_speed(n_threads: int, free_bytes: int) -> float | None:
    """Return the bytes per second that `n_threads` threads read together.

    None if there is too little free memory to measure it.
    """
    n_bytes = min(_MAX_BYTES, free_bytes // _SHARE_OF_FREE)
    if n_bytes < _MAX_BYTES // 4:
        return None
    # Zeros would not do: pages that were never written share one page of the system.
    text = b"\x01" * (n_bytes // n_threads)
    buffers = [bytearray(text) for _ in range(n_threads)]
    return max(n_threads * len(text) / _seconds_to_read(buffers) for _ in range(_ROUNDS))


def _seconds_to_read(buffers: list[bytearray]) -> float:
    memchr = _memchr()
    starting = threading.Barrier(len(buffers) + 1)

    def read(buffer: bytearray) -> None:
        address = ctypes.addressof(ctypes.c_char.from_buffer(buffer))
        starting.wait()
        # There is no NUL: memchr reads to the end, and lets other threads run meanwhile.
        memchr(address, 0, len(buffer))

    threads = [threading.Thread(target=read, args=(buffer,)) for buffer in buffers]
    for thread in threads:
        thread.start()
    starting.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started


def _memchr() -> ctypes._NamedFuncPointer:
    name = "msvcrt" if sys.platform == "win32" else None
    memchr = ctypes.CDLL(name).memchr
    memchr.restype = ctypes.c_void_p
    memchr.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
    return memchr

"""Memory for training: what one step frees is kept for the next."""

from __future__ import annotations

import ctypes
import os

# glibc's malloc.h
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX, _ARENA_MAX = -1, -2, -4, -8
_GROWTH = 256 << 20


def keep_freed_memory() -> None:
    """Let this process keep what it frees, and oneDNN the kernels that it compiles.

    A step of training asks for hundreds of large blocks and frees them all. By default glibc gives
    them back to the system, which clears each page anew: a fifth of a step's time. Call it before
    torch computes anything; where there is no glibc, that part does nothing.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "20000")
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    for option, value in (
        (_MMAP_MAX, 0),
        (_TRIM_THRESHOLD, -1),
        (_TOP_PAD, _GROWTH),
        (_ARENA_MAX, 1),
    ):
        mallopt(option, value)

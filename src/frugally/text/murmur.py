"""MurmurHash3, 32 bit, x86 variant (Austin Appleby, public domain), version 1 of our term hash.

The same function stands in `kernels.py`, compiled; this one is for single strings and as the
reference. Published vectors: murmur3_32(b"") = 0, murmur3_32(b"test") = 0xBA6BD213,
murmur3_32(b"Hello, world!") = 0xC0363E43, murmur3_32(b"test", seed=0x9747b28c) = 0x704B81DC.
"""

_MASK = 0xFFFFFFFF


def murmur3_32(data: bytes, seed: int = 0) -> int:
    """The unsigned 32-bit hash of some bytes."""
    h = seed
    tail = len(data) & ~3
    for i in range(0, tail, 4):
        h ^= _scramble(int.from_bytes(data[i : i + 4], "little"))
        h = (((h << 13) | (h >> 19)) * 5 + 0xE6546B64) & _MASK
    if tail < len(data):
        h ^= _scramble(int.from_bytes(data[tail:], "little"))
    h ^= len(data)
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & _MASK
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & _MASK
    return h ^ (h >> 16)


def _scramble(k: int) -> int:
    k = (k * 0xCC9E2D51) & _MASK
    k = ((k << 15) | (k >> 17)) & _MASK
    return (k * 0x1B873593) & _MASK

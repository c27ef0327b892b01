"""The term hash is MurmurHash3, in plain Python and compiled."""

import random
import struct

import numpy as np
import pytest

from frugally.text.kernels import hash_words, pair_hash
from frugally.text.murmur import murmur3_32


# Vectors of the reference implementation, as collected on Wikipedia's page on MurmurHash.
@pytest.mark.parametrize(
    ("data", "seed", "value"),
    [
        (b"", 0, 0),
        (b"", 1, 0x514E28B7),
        (b"", 0xFFFFFFFF, 0x81F16F39),
        (b"test", 0, 0xBA6BD213),
        (b"test", 0x9747B28C, 0x704B81DC),
        (b"Hello, world!", 0, 0xC0363E43),
        (b"Hello, world!", 0x9747B28C, 0x24884CBA),
        (b"The quick brown fox jumps over the lazy dog", 0, 0x2E4FF723),
        (b"The quick brown fox jumps over the lazy dog", 0x9747B28C, 0x2FA826CD),
        (b"\xff\xff\xff\xff", 0, 0x76293B50),
        (b"\x21\x43\x65\x87", 0, 0xF55B516B),
        (b"\x21\x43\x65", 0, 0x7E4A8634),
        (b"\x21\x43", 0, 0xA0F7B07A),
        (b"\x21", 0, 0x72661CF4),
        (b"\x00\x00\x00\x00", 0, 0x2362F9DE),
    ],
)
def test_published_vectors(data, seed, value):
    assert murmur3_32(data, seed) == value


def test_kernel_equals_plain_python():
    source = random.Random(1)
    words = [source.randbytes(n) for n in range(40) for _ in range(20)]
    source.shuffle(words)
    sizes = np.array([len(w) for w in words])
    ends = np.cumsum(sizes)
    hashes = hash_words(np.frombuffer(b"".join(words), np.uint8), ends - sizes, ends)
    assert hashes.tolist() == [murmur3_32(w) for w in words]


def test_pair_hash_is_the_hash_of_both():
    source = random.Random(2)
    pairs = [(source.getrandbits(32), source.getrandbits(32)) for _ in range(200)]
    for a, b in [*pairs, (0, 0), (0xFFFFFFFF, 0xFFFFFFFF)]:
        assert int(pair_hash(np.uint32(a), np.uint32(b))) == murmur3_32(struct.pack("<II", a, b))

"""What the machine can do at best: multiply-adds of a large product, bytes of a large copy."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from frugally.nets.onnx_session import open_session

_SIDE = 768
_COPIED = 1 << 26  # bytes, more than caches that belong to a core hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """Of some threads together: 10⁹ operations a second, in float32, and 10⁹ bytes a second.

    A multiply-add is two operations; a byte copied is one read and one written.
    """

    gflops: float
    gigabytes: float


def ceilings(threads: int = 1) -> Ceilings:
    """Measure them: the best of some products of 768 x 768, and of some copies of 64 MB."""
    random = np.random.default_rng(0)
    a, b = (random.standard_normal((_SIDE, _SIDE), np.float32) for _ in range(2))
    session = open_session(_product_network(_SIDE), threads)
    product = _best_seconds(lambda: session.run(None, {"a": a, "b": b}))
    source, target = np.ones((2, threads, _COPIED // threads), np.uint8)
    with ThreadPoolExecutor(threads) as pool:
        copy = _best_seconds(lambda: list(pool.map(np.copyto, target, source)))
    return Ceilings(gflops=2 * _SIDE**3 / product / 1e9, gigabytes=2 * source.nbytes / copy / 1e9)


def _best_seconds(run: Callable[[], object], times: int = 10) -> float:
    best = np.inf
    for _ in range(times):
        began = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - began)
    return best


def _product_network(side: int) -> bytes:
    """c = a b in ONNX, written byte by byte: the package `onnx` need not be there.

    The fields are those of onnx/onnx.proto3: ModelProto, GraphProto, NodeProto, ValueInfoProto.
    """

    def tensor(name: bytes) -> bytes:
        size = _field(1, _number(1, side))  # TensorShapeProto.dim
        kind = _field(1, _number(1, 1) + _field(2, size * 2))  # TypeProto.tensor_type, FLOAT
        return _field(1, name) + _field(2, kind)

    node = _field(1, b"a") + _field(1, b"b") + _field(2, b"c") + _field(4, b"MatMul")
    graph = _field(1, node) + _field(2, b"product")
    graph += _field(11, tensor(b"a")) + _field(11, tensor(b"b")) + _field(12, tensor(b"c"))
    return _number(1, 8) + _field(7, graph) + _field(8, _number(2, 17))


def _field(number: int, content: bytes) -> bytes:
    """A field of bytes in protocol buffers: tag, length, bytes."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the eighth says that more come."""
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])

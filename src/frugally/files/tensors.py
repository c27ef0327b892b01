"""Arrays in the safetensors layout, memory-mapped: nothing in them can run code.

Layout (github.com/huggingface/safetensors): eight bytes little-endian length of a JSON header, the
header, the bytes of the arrays.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frugally.errors import CorruptionError
from frugally.files.disk import NewFile

Arrays = dict[str, NDArray[Any]]

_DTYPES = {"U8": "u1", "U16": "<u2", "U32": "<u4", "U64": "<u8", "F16": "<f2", "F32": "<f4",
           "I8": "i1", "I32": "<i4", "I64": "<i8", "F64": "<f8"}  # fmt: skip
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


def save_tensors(file: NewFile, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays to an open file, one after another, without a copy of them all in memory.

    The same arrays make the same bytes: the widest types first, so that every array is aligned,
    then by name.
    """
    header, end = {}, 0
    order = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))
    for name in order:
        array = arrays[name]
        start, end = end, end + array.nbytes
        header[name] = {
            "dtype": _NAMES[array.dtype.str.replace("|", "")],
            "shape": list(array.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little") + text)
    for name in order:
        file.write(np.ascontiguousarray(arrays[name]).reshape(-1).view(np.uint8).data)


def map_bytes(path: Path) -> NDArray[np.uint8]:
    """A file as bytes that are read from disk when looked at; read-only.

    Raises:
        CorruptionError: it is not there, or empty.
    """
    try:
        with path.open("rb") as file:
            return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
    except (OSError, ValueError) as error:
        raise CorruptionError(f"cannot read {path}: {error}") from error


def map_tensors(path: Path) -> Arrays:
    """The arrays of a file, memory-mapped, read-only.

    Raises:
        CorruptionError: the file is missing, truncated or not in this layout.
    """
    data = map_bytes(path)
    try:
        start = 8 + int(data[:8].view("<u8")[0])
        header = json.loads(data[8:start].tobytes())
        arrays = {}
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            low, high = entry["data_offsets"]
            if not 0 <= low <= high <= len(data) - start:
                raise ValueError(f"{name} goes beyond the end")
            chunk = data[start + low : start + high]
            arrays[name] = chunk.view(_DTYPES[entry["dtype"]]).reshape(entry["shape"])
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise CorruptionError(f"{path} is not a whole tensor file: {error}") from error
    return arrays

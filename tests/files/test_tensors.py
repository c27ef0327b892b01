"""Tensor files: those of the library, byte by byte, and errors for anything else."""

import numpy as np
import pytest
from safetensors.numpy import load, save

from frugally.errors import CorruptionError
from frugally.files.disk import NewFile
from frugally.files.tensors import map_tensors, save_tensors

ARRAYS = {
    "b": np.arange(5, dtype=np.uint8),
    "a": np.arange(6, dtype=np.uint8).reshape(2, 3),
    "words": np.arange(3, dtype=np.uint32),
    "wide": np.array([1 << 63, 7], np.uint64),
    "half": np.array([0.5], np.float16),
    "none": np.zeros(0, np.uint16),
    "floats": np.linspace(0, 1, 4),
}


@pytest.fixture
def path(tmp_path):
    with NewFile(tmp_path / "t.safetensors") as file:
        save_tensors(file, ARRAYS)
    return tmp_path / "t.safetensors"


def test_the_library_reads_it_and_writes_the_same(path, tmp_path):
    loaded = load(path.read_bytes())
    assert {name: array.tolist() for name, array in loaded.items()} == {
        name: array.tolist() for name, array in ARRAYS.items()
    }
    unsigned = {name: array for name, array in ARRAYS.items() if array.dtype.kind == "u"}
    with NewFile(tmp_path / "u.safetensors") as file:
        save_tensors(file, unsigned)
    assert (tmp_path / "u.safetensors").read_bytes() == save(unsigned)


def test_what_was_written_is_mapped(path):
    mapped = map_tensors(path)
    assert set(mapped) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert mapped[name].dtype == array.dtype
        assert np.array_equal(mapped[name], array)
        assert not mapped[name].flags.writeable


@pytest.mark.parametrize("keep", [0, 4, 8, 50, -1])
def test_a_cut_file_is_an_error(path, keep):
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CorruptionError):
        map_tensors(path)

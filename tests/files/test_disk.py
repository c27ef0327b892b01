"""Files are whole or not there, every step is announced, and a full disk is explained."""

import errno
from pathlib import Path

import pytest

from frugally.errors import FrugallyError
from frugally.files import disk


@pytest.fixture
def steps(monkeypatch):
    seen = []
    monkeypatch.setattr(disk, "observer", lambda *step: seen.append(step))
    return seen


def test_a_new_file_knows_its_size_and_digest(tmp_path):
    with disk.NewFile(tmp_path / "f") as file:
        file.write(b"hello ")
        file.write(memoryview(b"world"))
    assert (tmp_path / "f").read_bytes() == b"hello world"
    assert file.size == 11
    assert file.digest == disk.digest_of(tmp_path / "f")


def test_whole_files_are_synced_before_they_are_renamed(tmp_path, steps):
    disk.write_whole(tmp_path / "f", b"new")
    partial = tmp_path / "f.partial"
    assert [(s, p) for phase, s, p in steps if phase == "after"] == [
        ("write", partial), ("write", partial), ("sync", partial),
        ("rename", tmp_path / "f"), ("sync-folder", tmp_path),
    ]  # fmt: skip
    assert steps[0::2] == [("before", s, p) for _, s, p in steps[1::2]]
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


@pytest.mark.parametrize("stop", range(4))
def test_the_old_file_stands_until_the_rename(tmp_path, monkeypatch, stop):
    disk.write_whole(tmp_path / "f", b"old")
    count = iter(range(100))

    def fail(phase, step, path):
        if phase == "before" and next(count) == stop:
            raise KeyboardInterrupt

    monkeypatch.setattr(disk, "observer", fail)
    with pytest.raises(KeyboardInterrupt):
        disk.write_whole(tmp_path / "f", b"new")
    assert (tmp_path / "f").read_bytes() == b"old"


def test_removing(tmp_path, steps):
    disk.make_folder(tmp_path / "a" / "b")
    (tmp_path / "a" / "b" / "f").write_text("x")
    (tmp_path / "outside").mkdir()
    (tmp_path / "a" / "link").symlink_to(tmp_path / "outside")
    disk.remove(tmp_path / "a")
    disk.remove(tmp_path / "never was")
    assert [p.name for p in tmp_path.iterdir()] == ["outside"]
    removed = [p.name for phase, s, p in steps if (phase, s) == ("after", "remove")]
    assert removed == ["f", "b", "link", "a", "never was"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("size", [10, 100_000, 10_000_000])
def test_a_full_disk_is_explained(size):
    with pytest.raises(FrugallyError, match="No space left") as caught:  # noqa: SIM117
        with disk.NewFile(Path("/dev/full")) as file:
            file.write(b"x" * size)
    assert "free some space" in caught.value.hint


@pytest.mark.parametrize(
    ("number", "hint"), [(errno.EROFS, "read-only"), (errno.EACCES, "permissions"), (errno.EIO, "")]
)
def test_other_failures_are_explained(tmp_path, monkeypatch, number, hint):
    def fail(*_):
        raise OSError(number, "reason")

    monkeypatch.setattr(disk.os, "fsync", fail)
    for step in (disk.sync_folder, lambda folder: disk.write_whole(folder / "f", b"x")):
        with pytest.raises(FrugallyError, match="reason") as caught:
            step(tmp_path)
        assert hint in (caught.value.hint or "")


def test_an_error_inside_is_the_error_outside(tmp_path):
    with pytest.raises(KeyError), disk.NewFile(tmp_path / "f") as file:
        file.write(b"part")
        raise KeyError
    disk.sync_file(tmp_path / "f")


def test_writing_where_there_is_no_folder(tmp_path):
    with pytest.raises(FrugallyError, match="cannot write"):
        disk.NewFile(tmp_path / "missing" / "f")

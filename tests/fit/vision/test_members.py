"""Folders and archives are listed and read; hostile ones reach nothing outside of themselves."""

import gzip
import io
import lzma
import os
import stat
import struct
import tarfile
import zipfile
from contextlib import suppress

import pytest

from frugally.errors import SourceError, UsageError
from frugally.fit.vision import members as module
from frugally.fit.vision.members import digest, members

FILES = {"b/2.jpg": b"two", "b/1.jpg": b"one", "a/deep/er/3.jpg": b"three" * 1000}
STREWN = {"__MACOSX/b/._1.jpg": b"x", "b/.hidden": b"x", ".git/x.jpg": b"x", "b/Thumbs.db": b"x"}


def as_folder(path, files):
    path.mkdir()
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def as_zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("b")
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def as_tar(path, files, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


KINDS = {
    "folder": as_folder,
    "zip": as_zip,
    "tar": as_tar,
    "gz": lambda path, files: as_tar(path, files, "w:gz"),
    "bz2": lambda path, files: as_tar(path, files, "w:bz2"),
    "xz": lambda path, files: as_tar(path, files, "w:xz"),
}


def read(path):
    """The bytes of each file, or why there are none."""
    found = {}
    for member in members(path):
        try:
            found["/".join(member.parts)] = member.read()
        except SourceError as error:
            found["/".join(member.parts)] = error.message
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_holds_the_same(kind, tmp_path):
    path = KINDS[kind](tmp_path / "x", FILES | STREWN)
    assert read(path) == FILES
    order = ["/".join(member.parts) for member in members(path)]
    assert order == (sorted(FILES) if kind == "folder" else list(FILES))


@pytest.mark.parametrize("kind", KINDS)
def test_no_files(kind, tmp_path):
    assert read(KINDS[kind](tmp_path / "x", {})) == {}


def test_what_is_not_there_and_what_is_no_archive(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for action in (digest, lambda path: list(members(path))):
        with pytest.raises(UsageError, match="does not exist"):
            action(tmp_path / "none")
        with pytest.raises(UsageError, match="neither a folder nor a file"):
            action(tmp_path / "pipe")
        with pytest.raises(SourceError, match="cannot be read"):
            action(tmp_path / "loop")
    for name, data in [("empty", b""), ("text", b"hello"), ("long", b"hello" * 1000),
                       ("gz", b"\x1f\x8bxxxxxx"), ("zip", b"PK\3\4xxxxxxxxx")]:  # fmt: skip
        (tmp_path / name).write_bytes(data)
        with pytest.raises(SourceError, match=name):
            list(members(tmp_path / name))


@pytest.mark.parametrize("kind", ["zip", "gz", "bz2", "xz"])
def test_an_archive_cut_anywhere_is_refused(kind, tmp_path):
    whole = KINDS[kind](tmp_path / "whole", FILES).read_bytes()
    for cut in range(1, len(whole), 7):
        (tmp_path / "cut").write_bytes(whole[:cut])
        with pytest.raises(SourceError, match="cut"):
            read(tmp_path / "cut")


def test_a_tar_cut_within_a_file_or_a_header_is_refused(tmp_path):
    whole = as_tar(tmp_path / "whole", FILES).read_bytes()
    for cut in (300, 512 + 1, 1024 + 300, 1536 + 1, 2048 + 300, 2560 + 4000):
        (tmp_path / "cut").write_bytes(whole[:cut])
        with pytest.raises(SourceError, match="cut"):
            read(tmp_path / "cut")


@pytest.mark.parametrize("kind", ["zip", "tar", "gz", "bz2", "xz"])
def test_damage_raises_nothing_else(kind, tmp_path):
    whole = KINDS[kind](tmp_path / "whole", FILES).read_bytes()
    for place in range(0, min(len(whole), 4000), 13):
        broken = bytearray(whole)
        broken[place] ^= 0xFF
        (tmp_path / "broken").write_bytes(broken)
        with suppress(SourceError):
            read(tmp_path / "broken")


def test_a_damaged_header_is_not_taken_for_the_end(tmp_path):
    whole = bytearray(as_tar(tmp_path / "x", FILES).read_bytes())
    whole[1024 + 20] ^= 1
    (tmp_path / "x").write_bytes(whole)
    with pytest.raises(SourceError, match="checksum"):
        read(tmp_path / "x")


def test_one_damaged_file_of_a_zip_is_only_that(tmp_path):
    path = as_zip(tmp_path / "x", FILES)
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("b/1.jpg").header_offset + 30 + len("b/1.jpg")
    data = bytearray(path.read_bytes())
    data[start + 1] ^= 0xFF
    path.write_bytes(data)
    assert read(path) == FILES | {"b/1.jpg": "is damaged in the archive"}


def test_an_encrypted_zip_is_refused(tmp_path):
    path = as_zip(tmp_path / "x", FILES)
    data = path.read_bytes()
    central = data.index(b"PK\1\2")
    path.write_bytes(data[: central + 8] + b"\1" + data[central + 9 :])
    with pytest.raises(SourceError, match="encrypted") as caught:
        read(path)
    assert "password" in caught.value.hint


OUTSIDE = ["../out.jpg", "b/../../out.jpg", "/out.jpg", "b\\..\\..\\out.jpg", "C:\\out.jpg"]


@pytest.mark.parametrize("make", [as_zip, as_tar])
@pytest.mark.parametrize("name", OUTSIDE)
def test_names_that_lead_out_are_not_followed(make, name, tmp_path):
    path = make(tmp_path / "x", {name: b"data", "b/1.jpg": b"one"})
    found = read(path)
    assert found.pop("b/1.jpg") == b"one"
    assert list(found.values()) == ["has a name that leads out of the archive"]


def test_links_and_devices_of_a_tar_are_not_followed(tmp_path):
    (tmp_path / "secret").write_text("secret")
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo(f"b/{kind.decode()}.jpg")
            info.type, info.linkname = kind, str(tmp_path / "secret")
            archive.addfile(info)
    assert list(read(tmp_path / "x.tar").values()) == ["is a link"] * 2 + ["is not a file"] * 2


def test_links_and_devices_of_a_zip_are_not_followed(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for number, kind in enumerate((stat.S_IFLNK, stat.S_IFIFO, stat.S_IFREG)):
            info = zipfile.ZipInfo(f"b/{number}.jpg")
            info.external_attr = (kind | 0o644) << 16
            archive.writestr(info, "/etc/passwd")
    reasons = ["is a link", "is not a file", b"/etc/passwd"]
    assert list(read(tmp_path / "x.zip").values()) == reasons


def test_a_folder_that_cannot_be_read_is_one_that_is_missing(tmp_path, monkeypatch):
    def closed(path):
        if path.name == "b":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    folder = as_folder(tmp_path / "x", FILES)
    listed = type(folder).iterdir
    monkeypatch.setattr(type(folder), "iterdir", closed)
    name = "a/deep/er/3.jpg"
    assert read(folder) == {name: FILES[name], "b": "is a folder that cannot be read"}


def test_links_of_a_folder_are_followed_once(tmp_path):
    folder = as_folder(tmp_path / "x", FILES)
    (folder / "b" / "up").symlink_to(folder)
    (folder / "b" / "nowhere.jpg").symlink_to("none")
    (folder / "c").symlink_to(as_folder(tmp_path / "y", {"9.jpg": b"nine"}))
    os.mkfifo(folder / "b" / "pipe.jpg")
    assert read(folder) == FILES | {
        "b/nowhere.jpg": "cannot be read: No such file or directory",
        "b/pipe.jpg": "is not a file",
        "c/9.jpg": b"nine",
    }


@pytest.mark.parametrize("make", [as_zip, as_tar])
def test_a_file_that_unpacks_to_too_much_is_not_read(make, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    found = read(make(tmp_path / "x", {"b/bomb.png": bytes(5_000_000), "b/1.jpg": b"one"}))
    assert found == {"b/bomb.png": "has more than 1,000 bytes", "b/1.jpg": b"one"}
    found = read(as_folder(tmp_path / "y", {"b/bomb.png": bytes(1001)}))
    assert found == {"b/bomb.png": "has more than 1,000 bytes"}


def test_a_file_of_a_zip_without_a_name(tmp_path):
    path = as_zip(tmp_path / "x", {"n": b"data", "b/1.jpg": b"one"})
    data = path.read_bytes()
    path.write_bytes(data.replace(b"n\x02", b"\0\x02").replace(b"nPK\1\2", b"\0PK\1\2"))
    assert read(path)["b/1.jpg"] == b"one"


def test_a_zip_that_holds_more_than_it_states_is_not_unpacked(tmp_path):
    path = as_zip(tmp_path / "x", {"b/bomb.png": bytes(5_000_000)})
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<I", 5_000_000), struct.pack("<I", 10)))
    assert read(path) == {"b/bomb.png": "is damaged in the archive"}


def test_a_tar_that_states_more_than_there_is(tmp_path):
    for kind in (tarfile.REGTYPE, b"Z"):
        info = tarfile.TarInfo("b/bomb.png")
        info.type, info.size = kind, 1 << 80
        (tmp_path / "x").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(4096))
        with pytest.raises(SourceError, match="too early"):
            read(tmp_path / "x")


def test_a_name_of_a_gigabyte_is_not_read(tmp_path):
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 1 << 30
    (tmp_path / "x").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(4096))
    with pytest.raises(SourceError, match="longer than any real one"):
        read(tmp_path / "x")


def test_a_name_that_stands_twice_counts_once(tmp_path):
    with tarfile.open(tmp_path / "x", "w") as archive:
        for name in ("b/1.jpg", "./b//1.jpg"):
            archive.addfile(tarfile.TarInfo(name))
    found = [member.read for member in members(tmp_path / "x")]
    assert found[0]() == b""
    with pytest.raises(SourceError, match="twice"):
        found[1]()


def test_ten_thousand_files(tmp_path):
    names = [f"b/{number}.jpg" for number in range(10_000)]
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    assert ["/".join(member.parts) for member in members(tmp_path / "x.zip")] == names


def test_names_that_cannot_be_shown_can_be_told(tmp_path):
    path = as_tar(tmp_path / "x", {"b/\x1b[31mred\n.jpg": b""})
    assert [member.name for member in members(path)] == ["b/�[31mred�.jpg"]


def test_the_rest_of_a_compressed_tar_is_checked(tmp_path):
    plain = as_tar(tmp_path / "plain", FILES).read_bytes()
    for packed in (gzip.compress(plain), lzma.compress(plain)):
        (tmp_path / "x").write_bytes(packed[:-8] + bytes(8))
        with pytest.raises(SourceError, match="damaged"):
            read(tmp_path / "x")


def test_a_digest_changes_with_what_it_is_of(tmp_path):
    folder = as_folder(tmp_path / "x", FILES)
    seen = {digest(folder)}
    assert digest(folder) in seen
    os.utime(folder / "b" / "1.jpg", ns=(0, 5))
    seen.add(digest(folder))
    (folder / "b" / "1.jpg").rename(folder / "b" / "0.jpg")
    seen.add(digest(folder))
    (folder / "b" / "4.jpg").symlink_to("none")
    seen.add(digest(folder))
    seen.add(digest(as_tar(tmp_path / "t", FILES)))
    assert len(seen) == 5

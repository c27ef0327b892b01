"""Folders and archives become labelled pixels, once, and never wrong ones."""

import io
import json
import tarfile
import unicodedata
import zipfile

import numpy as np
import pytest
from PIL import Image

from frugally.errors import LockedError, SourceError, UsageError
from frugally.files import disk
from frugally.files.lock import writer_lock
from frugally.fit.vision import picture_cache, pictures
from frugally.fit.vision.layout import Layout, held_out
from frugally.fit.vision.pictures import proposed_side, read_pictures

SIDE = 8


def picture(shade, size=(10, 12), kind="PNG"):
    file = io.BytesIO()
    Image.new("RGB", (size[1], size[0]), (shade, 0, 0)).save(file, kind)
    return file.getvalue()


def two_classes(count=10, above=""):
    """Pictures of cats, shades from 0, and of dogs, from 100."""
    return {f"{above}cat/{n}.png": picture(n) for n in range(count)} | {
        f"{above}dog/{n}.png": picture(100 + n) for n in range(count)
    }


def as_folder(path, files):
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def as_zip(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def as_tar_xz(path, files):
    with tarfile.open(path, "w:xz") as archive:
        for name in sorted(files, reverse=True):
            info = tarfile.TarInfo(name)
            info.size = len(files[name])
            archive.addfile(info, io.BytesIO(files[name]))
    return path


@pytest.fixture
def taken(tmp_path):
    """`taken(files)`: the pictures, and what was reported."""

    def take(files, make=as_folder, **settings):
        said = []
        path = files if hasattr(files, "exists") else make(tmp_path / "in", files)
        settings = {"side": SIDE, "report": said.append} | settings
        return read_pictures(path, tmp_path / "cache", **settings), said

    return take


def shades(part):
    return part.images[:][:, 0, 0, 0].tolist()


@pytest.mark.parametrize("make", [as_folder, as_zip, as_tar_xz])
@pytest.mark.parametrize("above", ["", "pets/", "pets/all of them/"])
def test_a_share_is_held_out_the_same_from_everywhere(make, above, taken, tmp_path):
    found, said = taken(two_classes(above=above), make, share=0.2, seed=3)
    assert said == []
    assert found.classes == ("cat", "dog")
    assert found.test is None
    again, _ = taken(as_folder(tmp_path / "other", two_classes()), share=0.2, seed=3)
    for part, its, count in [
        (found.train, again.train, 16),
        (found.validation, again.validation, 4),
    ]:
        assert shades(part) == shades(its)
        assert len(part) == len(part.images) == count
        assert part.classes == found.classes
        assert part.images.shape == (count, SIDE, SIDE, 3)
        assert part.images[:].dtype == np.uint8
        assert part.labels.dtype == np.int64
        assert part.labels.tolist() == [int(shade >= 100) for shade in shades(part)]
    everything = shades(found.train) + shades(found.validation)
    assert sorted(everything) == [*range(10), *range(100, 110)]


def test_another_seed_holds_out_others_without_decoding(taken, tmp_path, monkeypatch):
    path = as_folder(tmp_path / "in", two_classes())
    first, _ = taken(path)
    monkeypatch.setattr(picture_cache, "_images", None)
    parts = {tuple(shades(taken(path, seed=seed)[0].validation)) for seed in range(5)}
    assert len(parts) > 1
    assert tuple(shades(first.validation)) in parts


@pytest.mark.parametrize("validation", ["val", "valid", "Validation"])
def test_folders_for_training_and_validation_are_taken(validation, taken):
    files = two_classes(3, "data/Train/") | {
        f"data/{validation}/dog/sub/sub/1.png": picture(200),
        "data/test/cat/1.png": picture(201),
        "data/readme.txt": b"hello",
        "data/test/unlabelled.png": picture(9),
        "data/more/cat/1.png": picture(9),
    }
    found, said = taken(files)
    assert shades(found.train) == [0, 1, 2, 100, 101, 102]
    assert (shades(found.validation), found.validation.labels.tolist()) == ([200], [1])
    assert (shades(found.test), found.test.labels.tolist()) == ([201], [0])
    assert [(one.reason, one.count) for one in found.skipped] == [
        ("is no PNG, JPEG, WebP, GIF, BMP or TIFF", 1),
        ("is in no folder of a class", 2),
    ]
    assert said[0].endswith("1 skipped: is no PNG, JPEG, WebP, GIF, BMP or TIFF (data/readme.txt)")
    assert "2 skipped: is in no folder of a class (data/" in said[1]


def test_a_test_alone_is_not_what_is_chosen_by(taken):
    found, _ = taken(two_classes(10, "train/") | {"test/cat/1.png": picture(200)})
    assert (len(found.train), len(found.validation)) == (18, 2)
    assert shades(found.test) == [200]


@pytest.mark.parametrize(
    ("names", "depth", "parted"),
    [
        (["cat/1", "dog/1"], 0, False),
        (["a/b/cat/1", "a/b/dog/1", "a/x", "y"], 2, False),
        (["train/cat/1", "train/dog/1"], 1, False),
        (["train/1", "car/1", "bus/1"], 0, False),
        (["val/1", "test/1"], 0, False),
        (["a/train/cat/1", "a/test/cat/1"], 1, True),
        (["cat/1", "cat/x/1"], 1, False),
        (["1", "2"], 0, False),
        ([], 0, False),
    ],
)
def test_layouts(names, depth, parted):
    assert Layout.of(tuple(name.split("/")) for name in names) == Layout(depth, parted)


def test_two_folders_for_one_part_are_refused(taken):
    files = two_classes(2, "train/") | two_classes(2, "val/") | two_classes(2, "valid/")
    with pytest.raises(UsageError, match="val and valid both hold pictures for validation"):
        taken(files)


def test_classes_in_any_script(taken):
    wide = unicodedata.normalize("NFD", "é")
    files = {f"{name}/{n}.png": picture(n) for name in ("猫", "собака", wide) for n in range(2)}
    files["é/9.png"] = picture(9)
    assert taken(files)[0].classes == ("é", "собака", "猫")


def test_a_class_whose_name_is_not_text(taken):
    found, _ = taken(two_classes(2) | {"\udcff/1.png": picture(9)}, as_tar_xz)
    assert found.classes == ("cat", "dog")
    assert [one.reason for one in found.skipped] == ["its class is not text"]


def test_bad_pictures_are_counted_named_and_skipped(taken):
    whole = picture(5, (100, 100), "JPEG")
    bad = {f"cat/bad{n}.jpg": whole[: len(whole) // 2] for n in range(7)} | {"dog/no.png": b""}
    for _ in range(2):  # the second time from the cache
        found, said = taken(two_classes() | bad)
        assert len(found.train) + len(found.validation) == 20
        assert {one.reason: one.count for one in found.skipped} == {
            "is damaged or cut short": 7,
            "is empty": 1,
        }
        names = "cat/bad0.jpg, cat/bad1.jpg, cat/bad2.jpg, cat/bad3.jpg, cat/bad4.jpg, …"
        assert f"7 skipped: is damaged or cut short ({names})" in said[0]


def test_entries_that_lead_out_are_counted(taken):
    found, _ = taken(two_classes() | {"../../cat/out.png": picture(1)}, as_zip)
    assert [one.reason for one in found.skipped] == ["has a name that leads out of the archive"]
    assert len(found.train) + len(found.validation) == 20


def test_a_class_with_one_picture_is_learnt_from(taken):
    found, said = taken(two_classes() | {"fox/1.png": picture(50)})
    assert 50 in shades(found.train)
    assert len(said) == 1
    assert "'fox' has one picture to learn from" in said[0]


def test_what_cannot_be_learnt_is_refused(taken, tmp_path):
    parted = two_classes(2, "train/") | {"val/fox/1.png": picture(1), "val/cat/1.png": picture(1)}
    wrong = [
        ({"cat/1.png": picture(1)}, "at least two classes are needed.*only 'cat'"),
        ({"cat/1.png": picture(1), "dog/1.png": b"no"}, "only 'cat'"),
        ({"1.png": picture(1)}, "no pictures in folders of classes"),
        ({"cat/1.png": b"no"}, "no pictures in folders of classes"),
        (two_classes(1), "none can be held out"),
        (parted, "validation are of classes that have none to learn from: 'fox'$"),
    ]
    for number, (files, message) in enumerate(wrong):
        with pytest.raises(UsageError, match=message) as caught:
            taken(as_folder(tmp_path / str(number), files))
        assert caught.value.hint or "held out" in message
    with pytest.raises(UsageError, match="does not exist"):
        taken(tmp_path / "none")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(SourceError, match="cannot be read"):
        taken(tmp_path / "loop")
    with pytest.raises(UsageError, match="cannot be"):
        taken(two_classes(), share=1.0)


def test_pixels_are_not_kept_among_the_pictures(tmp_path):
    path = as_folder(tmp_path / "in", two_classes())
    with pytest.raises(UsageError, match="lies among the pictures"):
        read_pictures(path, path / "out" / "pictures", side=SIDE, report=print)


def test_decoding_says_how_far_it_is(taken, tmp_path, monkeypatch):
    monkeypatch.setattr("frugally.fit.vision.pictures._EVERY", 0.0)
    _, said = taken(two_classes(2) | {"cat/bad.png": b""})
    assert said[:5] == [f"{tmp_path / 'in'}: {n} pictures decoded" for n in range(1, 6)]


def test_a_damaged_archive_leaves_no_cache(taken, tmp_path):
    path = as_tar_xz(tmp_path / "x.tar.xz", two_classes())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(SourceError, match="damaged"):
        taken(path)
    assert not list((tmp_path / "cache").glob("*.json"))


@pytest.mark.parametrize("count", [2, 5, 10, 100])
@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.99])
def test_each_class_has_some_of_both(count, share):
    labels = np.repeat(np.arange(3), count)
    kept, spared = held_out(labels, share, 0)
    assert sorted([*kept, *spared]) == list(range(3 * count))
    few = np.bincount(labels[spared])
    assert (few == min(max(1, round(share * count)), count - 1)).all()


def test_a_second_run_decodes_nothing(taken, monkeypatch, tmp_path):
    path = as_folder(tmp_path / "in", two_classes())
    first, _ = taken(path)
    files = sorted(file.name for file in (tmp_path / "cache").iterdir())
    monkeypatch.setattr(picture_cache, "_images", None)
    again, _ = taken(path)
    assert shades(again.train) == shades(first.train)
    assert sorted(file.name for file in (tmp_path / "cache").iterdir()) == files
    assert not again.train.images.array.flags.writeable


def test_what_changes_the_pixels_is_decoded_again(taken, tmp_path):
    path = as_folder(tmp_path / "in", two_classes())
    assert taken(path)[0].train.images.shape[1] == SIDE
    assert taken(path, side=4)[0].train.images.shape[1] == 4
    (path / "cat" / "0.png").write_bytes(picture(77, (11, 11)))
    found, _ = taken(path)
    assert 77 in shades(found.train) + shades(found.validation)
    (path / "cat" / "0.png").unlink()
    found, _ = taken(path)
    assert len(found.train) + len(found.validation) == 19


def test_threads_change_nothing(taken, tmp_path):
    files = {f"{label}/{n}.png": picture(n % 256, (5 + n % 40, 9)) for label in "ab"
             for n in range(60)} | {"a/bad.png": b"x"}  # fmt: skip
    path = as_zip(tmp_path / "x.zip", files)
    written = set()
    for threads in (1, 2, 7):
        found = picture_cache.decoded(
            path, tmp_path / str(threads), side=SIDE, most_pixels=1 << 20, threads=threads
        )
        names = [file.read_bytes() for file in sorted((tmp_path / str(threads)).iterdir())]
        written.add((found.pixels.tobytes(), tuple(found.names), tuple(names)))
    assert len(written) == 1


def test_a_crash_at_any_step_leaves_no_wrong_cache(tmp_path, monkeypatch):
    path = as_folder(tmp_path / "in", two_classes(2))
    steps = []

    def run(folder):
        return picture_cache.decoded(path, folder, side=SIDE, most_pixels=1 << 20, threads=1)

    monkeypatch.setattr(disk, "observer", lambda *step: steps.append(step))
    whole = run(tmp_path / "whole").pixels.tobytes()
    for stop in range(len(steps)):
        count = iter(range(1000))

        def fail(*_, count=count, stop=stop):
            if next(count) == stop:
                raise KeyboardInterrupt

        monkeypatch.setattr(disk, "observer", fail)
        folder = tmp_path / str(stop)
        with pytest.raises(KeyboardInterrupt):
            run(folder)
        monkeypatch.setattr(disk, "observer", None)
        assert run(folder).pixels.tobytes() == whole
        assert {file.suffix for file in folder.iterdir()} == {"", ".json", ".pixels"}


def test_the_index_is_written_after_the_pixels_are_safe(tmp_path, monkeypatch):
    steps = []
    monkeypatch.setattr(disk, "observer", lambda *step: steps.append(step))
    path = as_folder(tmp_path / "in", two_classes(2))
    picture_cache.decoded(path, tmp_path / "c", side=SIDE, most_pixels=1 << 20)
    done = [(step, file.suffixes) for phase, step, file in steps if phase == "after"]
    named = done.index(("rename", [".json"]))
    safe = [("sync", [".pixels", ".partial"]), ("rename", [".pixels"]), ("sync-folder", [])]
    assert [done.index(step) < named for step in safe] == [True] * 3


@pytest.mark.parametrize("harm", ["cut", "gone", "not JSON", "other JSON"])
def test_a_cache_that_was_tampered_with_is_made_anew(harm, taken, tmp_path):
    path = as_folder(tmp_path / "in", two_classes())
    first, _ = taken(path)
    kept, index = (next((tmp_path / "cache").glob(f"*.{kind}")) for kind in ("pixels", "json"))
    if harm == "cut":
        kept.write_bytes(kept.read_bytes()[:-1])
    elif harm == "gone":
        kept.unlink()
    else:
        index.write_text("{" if harm == "not JSON" else json.dumps({"names": 3}))
    assert shades(taken(path)[0].train) == shades(first.train)


def test_two_that_write_do_not_meet(taken, tmp_path):
    (tmp_path / "cache").mkdir()
    with writer_lock(tmp_path / "cache" / "lock"), pytest.raises(LockedError):
        taken(two_classes())


@pytest.mark.parametrize(
    ("sizes", "side"),
    [([20], 32), ([32], 32), ([100, 100, 1000], 96), ([1000], 224), ([95], 64), ([160, 191], 160)],
)
@pytest.mark.parametrize("make", [as_folder, as_tar_xz])
def test_a_side_is_proposed(sizes, side, make, tmp_path):
    files = {f"a/{n}.png": picture(1, (size, 2 * size)) for n, size in enumerate(sizes)}
    assert proposed_side(make(tmp_path / "x", files | {"a/text.txt": b"no"})) == side


def test_a_side_is_proposed_from_all_over(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "_SIZED", 8)
    read = []
    monkeypatch.setattr(pictures, "size_of", lambda data: (read.append(1), (int(data), 500))[1])
    files = {f"a/{n:03}.png": b"40" for n in range(30)} | {
        f"b/{n:03}.png": b"130" for n in range(300)
    }
    assert proposed_side(as_folder(tmp_path / "x", files)) == 128
    assert len(read) < 40


def test_no_side_without_pictures(tmp_path):
    with pytest.raises(UsageError, match="no pictures"):
        proposed_side(as_folder(tmp_path / "x", {"a/1.png": b"no"}))

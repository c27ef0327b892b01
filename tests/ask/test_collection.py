"""Collections: what goes in is found, what changes is taken up, what is damaged is said."""

import contextlib
import gc
import gzip
import json
import os
import random
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from frugally.ask.collection import Collection
from frugally.ask.document import Document
from frugally.ask.index import writer as index_writer
from frugally.errors import (
    AnalyserMismatchError,
    BudgetError,
    CollectionError,
    CorruptionError,
    FormatVersionError,
    LockedError,
    UsageError,
)


@pytest.fixture
def collection(tmp_path) -> Collection:
    return Collection.create(tmp_path / "c")


def doc(name: str, text: str = "some text", **more: str) -> Document:
    return Document(id=name, text=text, **more)


def contents(collection: Collection) -> dict[str, str]:
    return {s.document.id: s.document.text for s in collection.documents()}


def found(collection: Collection, question: str) -> list[str]:
    return [hit.id for hit in collection.search(question, 100)]


def test_create_open_add_search(tmp_path):
    made = Collection.create(tmp_path / "new" / "c")
    added = made.add([doc("a", "Ada wrote programs", title="Lovelace", url="u"), doc("b", "other")])
    assert (added.documents, added.passages, added.replaced) == (2, 2, 0)
    again = Collection.open(tmp_path / "new" / "c")
    (hit,) = again.search("program")
    assert (hit.id, hit.title, hit.url, hit.text) == ("a", "Lovelace", "u", "Ada wrote programs")
    assert len(again) == again.passages == 2
    assert "2 passages" in repr(again)


def test_create_needs_an_empty_folder(tmp_path, collection):
    for place in (collection.path, Path(__file__)):
        with pytest.raises(CollectionError, match="not empty"):
            Collection.create(place)
    with pytest.raises(UsageError):
        Collection.create(tmp_path / "d", analyser="french")
    with pytest.raises(CollectionError, match="not a collection"):
        Collection.open(tmp_path)


def test_an_empty_collection(collection):
    assert collection.search("anything") == []
    assert len(collection) == collection.passages == 0
    assert collection.verify() == []
    assert collection.status()["segments"] == 0
    assert collection.add([]).documents == 0
    assert collection.sources() == {}
    collection.compact()
    with pytest.raises(UsageError):
        collection.remove(["a"])


def test_ids_replace(collection):
    added = collection.add(
        [doc("a", "first"), doc("b", "kept"), doc("a", "second"), doc("a", "third")]
    )
    assert added.replaced == 2
    assert contents(collection) == {"a": "third", "b": "kept"}
    assert collection.add([doc("a", "fourth")]).replaced == 1
    assert found(collection, "first second third") == []
    assert found(collection, "fourth") == ["a"]
    collection.add([doc("c", "more"), doc("b", "new")])
    collection.compact()
    assert contents(collection) == {"a": "fourth", "b": "new", "c": "more"}
    assert collection.status()["deleted_passages"] == 0
    assert len(collection) == 3


@pytest.fixture
def little_memory(monkeypatch):
    """With `memory=0` a segment has room for a few hundred words, and none are merged."""
    monkeypatch.setattr(index_writer, "_BATCH_BYTES", 3000)
    monkeypatch.setattr(index_writer, "SMALLEST_MEMORY", 0)
    monkeypatch.setattr(index_writer, "_BASE", -10_000 * index_writer._PER_OCCURRENCE)
    monkeypatch.setattr("frugally.ask.index.merging.due_for_merging", lambda _: 0)


def test_ids_replace_across_segments_of_one_add(tmp_path, little_memory):
    collection = Collection.create(tmp_path / "c")
    docs = [doc(str(i % 70), f"text {i} " + "word " * 100) for i in range(200)]
    added = collection.add(docs, memory=0)
    assert collection.status()["segments"] > 3
    assert added.replaced == 130
    assert contents(collection) == {d.id: d.text for d in docs}


def test_little_memory_gives_the_same_hits(tmp_path, zipf_texts, little_memory):
    docs = [doc(str(i), t) for i, t in enumerate(zipf_texts(1500, 5))]
    large = Collection.create(tmp_path / "large")
    large.add(docs)
    small = Collection.create(tmp_path / "small")
    small.add(docs, memory=0)
    assert small.status()["segments"] > 2 > large.status()["segments"]
    for question in zipf_texts(50, 6):
        assert small.search(question) == large.search(question)
    small.compact()
    assert small.search(question) == large.search(question)
    assert small.status()["postings"] == large.status()["postings"]


def test_removing(collection, tmp_path):
    collection.add([doc("a", "apple"), doc("b", "banana"), doc("c", "apple cherry")])
    with pytest.raises(UsageError, match="'nobody'"):
        collection.remove(["a", "nobody"])
    assert len(collection) == 3
    assert collection.remove(["a", "b"]) == 2
    assert found(collection, "apple banana") == ["c"]
    assert len(Collection.open(collection.path)) == 1
    with pytest.raises(UsageError):
        collection.remove(["a"])
    (tmp_path / "f.txt").write_text("from a file")
    collection.add_files([tmp_path / "f.txt"])
    assert collection.remove([str(tmp_path / "f.txt")]) == 1
    assert collection.sources() == {}
    collection.remove(["c"])
    assert len(collection) == 0
    collection.compact()
    assert collection.status()["segments"] == 0


@pytest.fixture
def files(tmp_path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / f"{name}.txt").write_text(f"the text of {name}1")
    return folder


def texts_of(collection: Collection) -> set[str]:
    return set(contents(collection).values())


def test_files_are_taken_again_only_if_they_changed(collection, files):
    assert collection.add_files([files]).documents == 3
    commit = collection.status()["commit"]
    again = collection.add_files([files])
    assert (again.documents, again.unchanged) == (0, 3)
    assert collection.status()["commit"] == commit
    os.utime(files / "a.txt", ns=(1, 1))  # touched, with the same bytes
    assert collection.add_files([files]).unchanged == 3
    (files / "a.txt").write_text("the text of a2")
    (files / "d.txt").write_text("the text of d1")
    changed = collection.add_files([files])
    assert (changed.documents, changed.replaced, changed.unchanged) == (2, 1, 2)
    assert texts_of(collection) == {f"the text of {n}" for n in ("a2", "b1", "c1", "d1")}
    assert set(collection.sources()) == {str(files / f"{n}.txt") for n in "abcd"}


def test_files_that_are_gone_are_pruned_on_demand(collection, files, tmp_path):
    (tmp_path / "elsewhere.txt").write_text("elsewhere")
    collection.add_files([files, tmp_path / "elsewhere.txt"])
    (files / "a.txt").unlink()
    (tmp_path / "elsewhere.txt").unlink()
    assert collection.add_files([files]).removed == 0
    assert len(collection) == 4
    assert collection.add_files([files], prune=True).removed == 1
    assert texts_of(collection) == {"the text of b1", "the text of c1", "elsewhere"}
    shutil.rmtree(files)
    with pytest.raises(UsageError):
        collection.add_files([files])
    assert collection.add_files([files], prune=True).removed == 2
    assert texts_of(collection) == {"elsewhere"}


def test_a_file_with_fewer_documents_than_before(collection, tmp_path):
    lines = tmp_path / "d.jsonl"
    lines.write_text("".join(json.dumps({"id": i, "text": f"line {i}"}) + "\n" for i in "abc"))
    collection.add_files([lines])
    lines.write_text(json.dumps({"id": "b", "text": "line b again"}))
    assert collection.add_files([lines]).replaced == 3
    assert contents(collection) == {"b": "line b again"}


def test_bad_files_are_named_and_change_nothing(collection, files):
    collection.add_files([files])
    (files / "a.txt").write_bytes(b"\x7fELF\0\0\0\0" * 10)
    (files / "e.txt").write_text("")
    added = collection.add_files([files])
    assert {Path(p.path).name for p in added.problems} == {"a.txt", "e.txt"}
    assert "the text of a1" in texts_of(collection)


def test_what_comes_from_standard_input_is_added_to(collection, monkeypatch, tmp_path):
    for name in ("x", "y"):
        (tmp_path / "in").write_text(json.dumps({"id": name, "text": f"text {name}"}))
        with (tmp_path / "in").open() as stdin:
            monkeypatch.setattr(sys, "stdin", stdin)
            assert collection.add_files(["-"]).documents == 1
    assert contents(collection) == {"x": "text x", "y": "text y"}
    monkeypatch.chdir(tmp_path)
    collection.add([doc("z", source="never a file"), doc("w", source="\ud800")])
    collection.add_files(["."], prune=True)
    assert {"x", "y", "z", "w"} <= set(contents(collection))
    assert collection.remove(["never a file"]) == 1


def test_a_collection_inside_the_indexed_folder_is_not_indexed(files):
    inside = Collection.create(files / "c")
    inside.add_files([files])
    assert inside.add_files([files]).unchanged == 3
    assert len(inside) == 3


def test_names_that_are_not_utf8(collection, files, tmp_path):
    name = os.fsencode(files) + b"/\xff\xfe.txt"
    try:
        Path(os.fsdecode(name)).write_text("a strange name")
    except OSError:
        pytest.skip("this file system has no such names")
    assert collection.add_files([files]).documents == 4
    assert collection.add_files([files]).unchanged == 4
    collection.add_files([files], prune=True)
    (hit,) = collection.search("strange")
    assert hit.source.encode() and hit.id.encode()
    collection.compact()
    assert collection.remove([os.fsdecode(name)]) == 1
    collection.add([doc("a\ud800b", "x\ud800y surrogate", title="\udfff", url="\ud801")])
    (hit,) = collection.search("surrogate")
    assert (hit.id, hit.text, hit.title) == ("a?b", "x?y surrogate", "?")
    assert collection.add([doc("a\ud800b", "again")]).replaced == 1
    assert collection.remove(["a\ud800b"]) == 1


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("東京は日本の首都です。人口は多い。", "日本の首都はどこですか"),
        ("北京是中华人民共和国的首都", "中国的首都北京"),
        ("กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย", "เมืองหลวงของไทย"),
        ("서울은 대한민국의 수도이다", "서울은"),
        ("القاهرة عاصمة مصر", "ما هي القاهرة"),
        ("Größe naïve Ⅷ", "grösse NAIVE viii"),
    ],
)
def test_languages(collection, text, question):
    collection.add(
        [doc("other", "the capital of France is Paris"), doc("it", text), doc("国", "人")]
    )
    assert found(collection, question)[0] == "it"


def test_long_documents_are_found_by_passage(collection):
    text = "\n\n".join(f"Paragraph {i}. " + f"Filler{i} sentence here. " * 20 for i in range(50))
    collection.add([doc("long", text), doc("short", "nothing")])
    (hit,) = collection.search("filler33", 1)
    assert "Filler33" in hit.text
    assert text[hit.start : hit.end] == hit.text
    assert hit.place.startswith("line ")
    assert len(collection) == 2 < collection.passages


def test_many_small_adds_are_merged_and_nothing_is_lost(collection):
    for i in range(70):
        collection.add([doc(f"d{i}", f"word{i} common"), doc("same", f"turn{i}")])
    assert collection.status()["segments"] < 20
    assert contents(collection) == {
        **{f"d{i}": f"word{i} common" for i in range(70)},
        "same": "turn69",
    }
    assert len(found(collection, "common")) == 70
    assert found(collection, "turn69") == ["same"]
    assert found(collection, "turn68") == []
    assert collection.verify() == []
    on_disk = {p.name for p in collection.path.iterdir() if p.name.startswith("seg-")}
    assert on_disk == {e.name for e in collection.snapshot.manifest.segments}


def test_readers_keep_their_commit(collection):
    collection.add([doc("a", "apple"), doc("b", "banana")])
    reader, late = Collection.open(collection.path), Collection.open(collection.path)
    collection.add([doc("a", "apricot"), doc("c", "cherry")])
    collection.remove(["b"])
    collection.compact()
    assert found(reader, "apple banana apricot cherry") == ["a", "b"]
    assert contents(reader) == {"a": "apple", "b": "banana"}
    assert reader.search("apple")[0].text == "apple"
    assert contents(Collection.open(collection.path)) == {"a": "apricot", "c": "cherry"}
    # A writer begins from the newest commit, whatever it saw before.
    late.add([doc("d", "date")])
    assert set(contents(late)) == {"a", "c", "d"}


def test_readers_may_open_at_any_moment(collection):
    collection.add([doc("d", "word")])
    failures, done = [], threading.Event()

    def read():
        while not done.is_set():
            try:
                assert "d" in found(Collection.open(collection.path), "word")
            except Exception as error:
                failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for i in range(15):
        collection.add([doc(str(i), f"word {i}")])
        if i % 4 == 0:
            collection.compact()
    done.set()
    reader.join()
    assert failures == []


def test_one_writer_at_a_time(collection, tmp_path):
    code = (
        "import sys; from pathlib import Path; from frugally.files.lock import writer_lock\n"
        f"with writer_lock(Path({str(collection.path / 'lock')!r})):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as other:
        other.stdout.readline()
        with pytest.raises(LockedError, match="another process") as caught:
            collection.add([doc("a")])
        assert caught.value.exit_code == 1
        assert "wait" in caught.value.hint
        assert Collection.open(collection.path).search("text") == []
        other.kill()  # the lock dies with its process
    assert collection.add([doc("a")]).documents == 1
    shutil.rmtree(collection.path)
    with pytest.raises(CollectionError, match="cannot write"):
        collection.add([doc("a")])


def test_an_error_while_reading_leaves_all_as_it_was(collection):
    collection.add([doc("a")])
    before = sorted(p for p in collection.path.rglob("*"))

    def breaking():
        yield doc("b")
        raise RuntimeError("broken source")

    with pytest.raises(RuntimeError, match="broken source"):
        collection.add(breaking())
    assert sorted(p for p in collection.path.rglob("*")) == before
    assert contents(collection) == {"a": "some text"}
    collection.add([doc("b")])
    assert len(collection) == 2


def edit(collection: Collection, **changes) -> None:
    """Change the manifest, with a right checksum."""
    from frugally.ask.index.manifest import _signed

    path = collection.path / "manifest.json"
    data = json.loads(path.read_text())
    del data["sha256"]
    path.write_bytes(_signed({**data, **changes}))


def test_other_analysers_and_formats_are_refused(collection):
    with pytest.raises(AnalyserMismatchError, match="english"):
        Collection.open(collection.path, analyser="plain")
    recipe = json.loads((collection.path / "manifest.json").read_text())["analyser"]
    edit(collection, analyser={**recipe, "stemmer": "snowball-english 1.0"})
    with pytest.raises(AnalyserMismatchError) as caught:
        Collection.open(collection.path)
    assert caught.value.hint
    edit(collection, format=99)
    with pytest.raises(FormatVersionError, match="99"):
        Collection.open(collection.path)


@pytest.mark.parametrize("damage", [
    b"", b"{", b"[]", b"7", b"null", b'{"format": 1}', b'{"format": "x"}', b"\xff\xfe",
    b'{"format": 1, "sha256": "0"}',
])  # fmt: skip
def test_a_damaged_manifest(collection, damage):
    (collection.path / "manifest.json").write_bytes(damage)
    with pytest.raises(CorruptionError):
        Collection.open(collection.path)


def test_a_manifest_with_any_byte_changed(collection):
    collection.add([doc("a")])
    path = collection.path / "manifest.json"
    whole = path.read_bytes()
    expected = contents(collection)
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with contextlib.suppress(CorruptionError, FormatVersionError):
            assert contents(Collection.open(collection.path)) == expected  # white space


@pytest.mark.parametrize(
    "name", ["postings.bin", "terms.bin", "tables.safetensors", "documents.sqlite"]
)
@pytest.mark.parametrize("damage", ["cut", "longer", "flip", "gone", "empty"])
def test_damaged_segments_are_noticed(collection, name, damage):
    collection.add([doc(str(i), f"text {i}") for i in range(50)])
    (path,) = collection.path.glob(f"seg-*/{name}")
    data = path.read_bytes()
    middle = len(data) // 2
    flipped = data[:middle] + bytes([data[middle] ^ 16]) + data[middle + 1 :]
    path.unlink()
    if damage != "gone":
        kinds = {"cut": data[:-1], "longer": data + b"x", "flip": flipped, "empty": b""}
        path.write_bytes(kinds[damage])
    with pytest.raises(CorruptionError) as caught:
        Collection.open(collection.path)
    assert name in str(caught.value)
    assert caught.value.hint


def test_damage_to_large_files_is_found_by_verify(collection, monkeypatch):
    from frugally.ask.index import segment

    monkeypatch.setattr(segment, "_CHECK_UP_TO", 0)
    collection.add([doc("a")])
    (path,) = collection.path.glob("seg-*/postings.bin")
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])
    assert any("postings.bin" in problem for problem in Collection.open(collection.path).verify())


FUZZ = """
import random, shutil, sys
from pathlib import Path
from frugally.ask.collection import Collection
from frugally.ask.index import segment
from frugally.ask.search.ranking import Ranking
from frugally.errors import CorruptionError
segment._CHECK_UP_TO = -1  # as if all files were large
original, turns, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
source = random.Random(seed)
noticed = 0
for turn in range(turns):
    folder = original.with_name(f"fuzz{seed}-{turn}")
    shutil.copytree(original, folder)
    files = sorted(p for p in folder.glob("seg-*/*"))
    path = source.choice(files)
    data = bytearray(path.read_bytes())
    reach = source.choice([len(data), min(len(data), 900)])
    for _ in range(source.choice([1, 1, 3, 30])):
        data[source.randrange(reach)] = source.choice([0, 255, source.randrange(256)])
    path.write_bytes(data)
    print(turn, path.name, flush=True)
    for act in (
        lambda c: c.search("common word5 word77 rare", 20),
        lambda c: c.search("common", 500, ranking=Ranking(name="tfidf", similarity="cosine")),
        lambda c: [c.explain("common word5", h) for h in c.search("common word5", 3)],
        lambda c: [s.document.text for s in c.documents()],
        lambda c: c.status(),
        lambda c: c.compact(),
    ):
        try:
            act(Collection.open(folder))
        except CorruptionError:
            noticed += 1
    shutil.rmtree(folder)
print("noticed", noticed)
"""


def fuzz(collection: Collection, turns: int, seed: int) -> None:
    source = random.Random(1)
    for part in range(2):
        collection.add(
            doc(f"{part}-{i}", f"common word{source.randrange(200)} " * source.choice([1, 3])
                + ("rare " * 700 if i % 50 == 0 else ""), title=f"t{i}")
            for i in range(1500)
        )  # fmt: skip
    collection.remove([f"0-{i}" for i in range(0, 1500, 9)])
    run = [sys.executable, "-c", FUZZ, str(collection.path), str(turns), str(seed)]
    result = subprocess.run(run, capture_output=True, text=True, timeout=500)
    assert result.returncode == 0, result.stdout[-300:] + result.stderr[-3000:]
    assert int(result.stdout.split()[-1]) > 0


def test_damage_that_no_checksum_catches(collection):
    fuzz(collection, 25, 1)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 6))
def test_much_damage_that_no_checksum_catches(collection, seed):
    fuzz(collection, 250, seed)


def posting_files(collection: Collection) -> dict[str, bytes]:
    return {
        f"{p.parent.name}/{p.name}": p.read_bytes()
        for p in sorted(collection.path.glob("seg-*/*"))
        if not p.name.startswith("documents")
    }


def test_the_same_files_make_the_same_bytes(tmp_path, zipf_texts, monkeypatch, little_memory):
    docs = [doc(str(i), t) for i, t in enumerate(zipf_texts(800, 7))]
    made = []
    take_in = index_writer._OpenSegment.take_in
    for turn in range(3):
        waits = random.Random(turn)

        def slowly(self, *arguments, waits=waits, turn=turn):
            threading.Event().wait(waits.random() * 0.005 * turn)
            return take_in(self, *arguments)

        monkeypatch.setattr(index_writer._OpenSegment, "take_in", slowly)
        collection = Collection.create(tmp_path / str(turn))
        collection.add(docs, memory=0)
        made.append(posting_files(collection))
    assert len(made[0]) > 6
    assert made[0] == made[1] == made[2]


def test_status_counts(collection):
    collection.add([doc(str(i), f"word{i} text") for i in range(3000)])
    collection.remove(["5"])
    status = collection.status()
    assert (status["documents"], status["passages"], status["deleted_passages"]) == (2999, 2999, 1)
    assert status["words"] == 6000
    assert status["index_bytes"] > 0 < status["documents_bytes"]
    assert 0 <= status["colliding_terms_expected"] < 0.01
    assert json.dumps(status)


def test_measured_collisions_are_those_expected(tmp_path):
    collection = Collection.create(tmp_path / "c", bits=18)
    source = np.random.default_rng(3)
    text = " ".join(f"w{n}" for n in source.integers(0, 1 << 40, 150_000))
    collection.add([doc("a", text)], longest=1 << 22)
    status = collection.status()
    # Two terms a word, thrown into 2^18 buckets.
    assert status["colliding_terms_expected"] == pytest.approx(
        1 - np.exp(-300_000 / 2**18), abs=0.02
    )
    assert status["colliding_terms_measured"] == pytest.approx(
        status["colliding_terms_expected"], abs=0.1
    )


def test_too_little_memory_is_refused_with_what_would_do(collection):
    with pytest.raises(BudgetError, match="100 MB of memory is not possible") as error:
        collection.add([doc("a", "apple")], memory=100_000_000)
    assert error.value.hint == "the smallest that works is 350 MB"
    assert len(collection) == 0


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files in /proc")
def test_collections_that_are_dropped_hold_no_files(collection):
    collection.add([doc("a")])
    gc.disable()
    try:
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(20):
            Collection.open(collection.path).search("text")
        assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1
    finally:
        gc.enable()


def test_a_file_that_breaks_keeps_what_it_had_and_is_tried_again(tmp_path):
    path = tmp_path / "t.jsonl.gz"
    lines = "".join(f'{{"id": "{i}", "text": "word {i} {i * 7919}"}}\n' for i in range(3000))
    whole = gzip.compress(lines.encode())
    path.write_bytes(whole)
    made = Collection.create(tmp_path / "c")
    made.add_files([path])
    path.write_bytes(whole[: len(whole) // 2])
    broken = made.add_files([path])
    assert any(problem.cut for problem in broken.problems)
    assert len(made) == 3000
    assert made.add_files([path]).unchanged == 0
    path.write_bytes(whole)
    assert made.add_files([path]).replaced == 3000
    assert len(made) == 3000
    assert made.add_files([path]).unchanged == 1


def test_a_file_that_was_emptied_has_no_documents(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("some words")
    made = Collection.create(tmp_path / "c")
    made.add_files([path])
    path.write_text("")
    made.add_files([path])
    assert len(made) == 0


def test_files_that_share_ids_are_read_once(tmp_path):
    paths = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for path in paths:
        path.write_text(f'{{"id": "1", "text": "from {path.stem}"}}\n')
    made = Collection.create(tmp_path / "c")
    made.add_files(paths)
    for _ in range(3):
        assert made.add_files(paths).unchanged == 2
        assert contents(made) == {"1": "from b"}
    made.remove(["1"])
    made.add_files(paths)
    assert contents(made) == {"1": "from b"}


def test_pipes_are_read_and_texts_from_standard_input_add_up(tmp_path, monkeypatch):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text("through a pipe"))
    writer.start()
    made = Collection.create(tmp_path / "c")
    made.add_files([pipe])
    writer.join()
    assert contents(made) == {str(pipe): "through a pipe"}


def test_what_is_not_ours_in_the_folder_stays(collection):
    (collection.path / "seg-notes.txt").write_text("mine")
    (collection.path / "seg-999999").mkdir()
    (collection.path / "seg-999999" / "mine.txt").write_text("mine")
    collection.add([doc("a", "apple")])
    assert (collection.path / "seg-notes.txt").exists()
    assert (collection.path / "seg-999999" / "mine.txt").exists()


def test_a_collection_remade_by_another_is_noticed(tmp_path):
    old = Collection.create(tmp_path / "c")
    old.add([doc("a", "apple")])
    shutil.rmtree(tmp_path / "c")
    remade = Collection.create(tmp_path / "c")
    remade.add([doc("b", "banana")])
    old.add([doc("c", "cherry")])
    assert contents(Collection.open(tmp_path / "c")) == {"b": "banana", "c": "cherry"}


def test_a_search_goes_on_while_the_same_collection_is_written_to(collection):
    collection.add([doc(str(i), f"word {i}") for i in range(50)])
    failures, done = [], threading.Event()

    def search():
        while not done.is_set():
            try:
                assert len(collection.search("word", k=5)) == 5
            except Exception as error:
                failures.append(error)

    reader = threading.Thread(target=search)
    reader.start()
    for i in range(10):
        collection.add([doc(f"more{i}", "word")])
        collection.remove([str(i)])
        collection.compact()
    done.set()
    reader.join()
    assert failures == []
    with pytest.raises(UsageError, match="no passage"):
        collection.snapshot.hit(10**6, 0.0)


def test_removing_the_same_twice_in_one_call(collection):
    collection.add([doc("a", "apple")])
    assert collection.remove(["a", "a"]) == 1

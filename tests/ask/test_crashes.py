"""A crash, a power cut or a full disk at any instant leaves the last commit, and no litter."""

import gc
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from frugally.ask.collection import Collection
from frugally.ask.document import Document
from frugally.ask.index.manifest import load_manifest
from frugally.errors import FrugallyError
from frugally.files import disk

# A file whose writing was broken off is closed by the garbage collector, as in a process that ends.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

Tree = dict[str, bytes | None]  # path to contents; None is a folder


class Stopped(BaseException):
    """The process ended here."""


class PowerCuts:
    """What the disk may hold if the power is cut at each step of what is observed.

    Contents are durable as of the last sync of their file, names as of that of their folder. What
    was done since may be there or not, each thing for itself: all of it missing, all of it there,
    and a random choice are what `states` collects at each step, without repetitions.
    """

    def __init__(self, root: Path, seed: int = 0) -> None:
        self.root, self.states, self.steps = root, {}, 0
        self.stop_at = -1
        self._random = random.Random(seed)
        self._held: dict[int, int] = {}  # open files, so that no number of an inode comes twice
        self._paths: dict[int, Path] = {}
        self._contents: dict[int, bytes] = {}
        self._names: dict[int, dict[str, tuple[int, bool]]] = {}
        self._lock = threading.Lock()
        for folder, _, files in os.walk(root):
            self._names[self._hold(Path(folder))] = self._listing(Path(folder))
            for name in files:
                self._synced(Path(folder, name))

    def close(self) -> None:
        for descriptor in self._held.values():
            os.close(descriptor)

    def _hold(self, path: Path) -> int:
        number = path.stat().st_ino
        if number not in self._held:
            self._held[number], self._paths[number] = os.open(path, os.O_RDONLY), path
        return number

    def _listing(self, folder: Path) -> dict[str, tuple[int, bool]]:
        if not folder.is_dir():
            return {}
        return {p.name: (self._hold(p), p.is_dir()) for p in folder.iterdir()}

    def _synced(self, path: Path) -> None:
        number = self._hold(path)
        self._contents[number] = self._now_in(number)

    def _now_in(self, number: int) -> bytes:
        return os.pread(self._held[number], os.fstat(self._held[number]).st_size, 0)

    def _tree(self, pick: Callable) -> Tree:
        found: Tree = {}

        def walk(folder: int, prefix: str) -> None:
            old, new = self._names.get(folder, {}), self._listing(self._paths[folder])
            for name in sorted(old | new):
                entry = pick(old.get(name), new.get(name))
                if entry is None:
                    continue
                number, is_folder = entry
                if is_folder:
                    found[prefix + name] = None
                    walk(number, f"{prefix}{name}/")
                else:
                    stored = self._contents.get(number, b"")
                    found[prefix + name] = pick(stored, self._now_in(number))

        walk(self._hold(self.root), "")
        return found

    def observe(self, phase: str, step: str, path: Path) -> None:
        with self._lock:
            if 0 <= self.stop_at < self.steps:
                raise Stopped  # nothing that a dead process would still do
            if phase == "after" and path.is_relative_to(self.root):
                if step == "sync":
                    self._synced(path)
                elif step == "sync-folder":
                    self._names[self._hold(path)] = self._listing(path)
            for pick in (
                lambda old, new: old,
                lambda old, new: new,
                lambda old, new: old if old == new else self._random.choice([old, new]),
            ):
                tree = self._tree(pick)
                self.states.setdefault(tuple(tree.items()), f"{self.steps}: {phase} {step} {path}")
            self.steps += 1
            if self.steps - 1 == self.stop_at:
                raise Stopped

    def forget_states(self) -> None:
        self.states, self.steps, self.stop_at = {}, 0, -1


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(disk.os, "fsync", lambda _: None)
    yield
    gc.collect()


def contents(collection: Collection) -> dict[str, str]:
    return {Path(s.document.id).name: s.document.text for s in collection.documents()}


def write(tree: Tree, folder: Path) -> None:
    folder.mkdir()
    for name, data in tree.items():
        (folder / name).mkdir() if data is None else (folder / name).write_bytes(data)


def on_disk(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def named(folder: Path) -> set[str]:
    files = {f"{e.name}/{n}" for e in load_manifest(folder).segments for n in e.files}
    return files | {"manifest.json", "lock"}


def check(folder: Path, allowed: list[dict[str, str]]) -> None:
    """The folder holds one of the commits, in every respect, and can be written to."""
    collection = Collection.open(folder)
    found = contents(collection)
    assert found in allowed
    assert collection.verify() == []
    assert len(collection) == len(found)
    hits = collection.search("word", 1000)
    assert {Path(h.id).name: h.text for h in hits} == found
    collection.add([Document(id="later", text="a later word")])
    collection.remove(["later"])
    assert contents(Collection.open(folder)) == found
    assert on_disk(folder) == named(folder)


def texts(first: int, count: int) -> list[Document]:
    return [Document(id=f"d{i}", text=f"word number {i}") for i in range(first, first + count)]


def changed_files(collection: Collection) -> None:
    folder = collection.path.parent / "files"
    (folder / "a.txt").write_text("another word")
    (folder / "b.txt").unlink()
    (folder / "c.txt").write_text("a third word")
    collection.add_files([folder], prune=True)


OPERATIONS = {
    "add": (3, lambda c: c.add([Document(id="d1", text="a new word"), *texts(50, 3)])),
    "add_files": (2, changed_files),
    "remove": (3, lambda c: c.remove(["d1", "d4"])),
    "remove a whole segment": (2, lambda c: c.remove(["d1", "d0", "d2"])),
    "compact": (3, lambda c: c.compact()),
    "add and merge": (7, lambda c: c.add([Document(id="d1", text="a new word"), *texts(50, 2)])),
}


def prepared(folder: Path, segments: int) -> Collection:
    files = folder / "files"
    files.mkdir(parents=True)
    (files / "a.txt").write_text("first word")
    (files / "b.txt").write_text("second word")
    collection = Collection.create(folder / "c")
    collection.add_files([files])
    for i in range(segments - 1):
        collection.add(texts(3 * i, 3))
    if segments > 2:
        collection.remove(["d5"])
    return collection


@pytest.fixture
def cuts(monkeypatch):
    made = []

    def watch(folder: Path, seed: int = 0) -> PowerCuts:
        made.append(PowerCuts(folder, seed))
        monkeypatch.setattr(disk, "observer", made[-1].observe)
        return made[-1]

    yield watch
    for one in made:
        one.close()


def check_all(states, folder, allowed, monkeypatch, most=None):
    monkeypatch.setattr(disk, "observer", None)
    chosen = list(states.items())
    if most is not None and len(chosen) > most:
        chosen = random.Random(1).sample(chosen, most)
    for n, (state, step) in enumerate(chosen):
        write(dict(state), folder / f"state{n}")
        try:
            check(folder / f"state{n}", allowed)
        except BaseException as error:
            error.add_note(f"after a power cut at step {step}")
            raise


def power_cuts(operation, tmp_path, cuts, monkeypatch, most=None, seed=0):
    segments, run = OPERATIONS[operation]
    collection = prepared(tmp_path, segments)
    before = contents(collection)
    watched = cuts(collection.path, seed)
    run(collection)
    after = contents(collection)
    assert before != after or operation == "compact"
    assert len(watched.states) > 5
    check_all(watched.states, tmp_path, [before, after], monkeypatch, most)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_power_cut(operation, tmp_path, cuts, monkeypatch):
    power_cuts(operation, tmp_path, cuts, monkeypatch, most=25)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("operation", OPERATIONS)
def test_power_cut_at_every_step(operation, seed, tmp_path, cuts, monkeypatch):
    power_cuts(operation, tmp_path, cuts, monkeypatch, seed=seed)


def killed(operation, tmp_path, cuts, monkeypatch, stop, most=None):
    """The process dies at a step, another writes, and then the power is cut."""
    segments, run = OPERATIONS[operation]
    collection = prepared(tmp_path, segments)
    before = contents(collection)
    watched = cuts(collection.path)
    watched.stop_at = stop
    with pytest.raises(Stopped):
        run(collection)
    watched.forget_states()
    collection = Collection.open(collection.path)
    middle = contents(collection)
    collection.add([Document(id="next", text="the next word")])
    after = contents(collection)
    assert after == {**middle, "next": "the next word"}
    check_all(watched.states, tmp_path, [before, middle, after], monkeypatch, most)


def in_peace(operation, tmp_path, cuts, monkeypatch) -> tuple[int, dict[str, str]]:
    """How many steps an operation takes, and what it leaves."""
    segments, run = OPERATIONS[operation]
    watched = cuts((collection := prepared(tmp_path / "first", segments)).path)
    run(collection)
    monkeypatch.setattr(disk, "observer", None)
    return watched.steps, contents(collection)


@pytest.mark.parametrize("operation", ["compact", "add and merge"])
def test_killed_and_then_a_power_cut(operation, tmp_path, cuts, monkeypatch):
    total, _ = in_peace(operation, tmp_path, cuts, monkeypatch)
    for stop in random.Random(2).sample(range(total), 2):
        killed(operation, tmp_path / str(stop), cuts, monkeypatch, stop, most=4)


@pytest.mark.long
@pytest.mark.parametrize("operation", OPERATIONS)
def test_killed_at_every_step_and_then_a_power_cut(operation, tmp_path, cuts, monkeypatch):
    for stop in range(in_peace(operation, tmp_path, cuts, monkeypatch)[0]):
        killed(operation, tmp_path / str(stop), cuts, monkeypatch, stop, most=12)


def failing(operation, folder, monkeypatch, stop, error, after):
    """One step fails, and the process goes on: it must clean up, and go on working."""
    segments, run = OPERATIONS[operation]
    collection = prepared(folder, segments)
    before = contents(collection)
    count = iter(range(10**6))

    def fail(*_):
        if next(count) == stop:
            raise error

    monkeypatch.setattr(disk, "observer", fail)
    try:
        run(collection)
    except type(error):
        pass
    monkeypatch.setattr(disk, "observer", None)
    found = contents(Collection.open(collection.path))
    assert found in (before, after)
    assert contents(collection) in (before, found)
    collection.add([Document(id="next", text="the next word")])
    assert contents(collection) == {**found, "next": "the next word"}
    check(collection.path, [contents(collection)])


@pytest.mark.parametrize("operation", OPERATIONS)
def test_interrupted(operation, tmp_path, cuts, monkeypatch):
    total, after = in_peace(operation, tmp_path, cuts, monkeypatch)
    source = random.Random(3)
    # The last steps are those about the commit.
    last = source.sample(range(max(0, total - 16), total), 2)
    for stop in {*source.sample(range(total), 2), *last}:
        failing(operation, tmp_path / str(stop), monkeypatch, stop, KeyboardInterrupt(), after)


@pytest.mark.long
@pytest.mark.parametrize("operation", OPERATIONS)
def test_interrupted_at_every_step(operation, tmp_path, cuts, monkeypatch):
    total, after = in_peace(operation, tmp_path, cuts, monkeypatch)
    for stop in range(total):
        error = FrugallyError("no space") if stop % 2 else KeyboardInterrupt()
        failing(operation, tmp_path / str(stop), monkeypatch, stop, error, after)


def test_power_cut_while_creating(tmp_path, cuts, monkeypatch):
    folder = tmp_path / "c"
    folder.mkdir()
    watched = cuts(folder)
    Collection.create(folder)
    monkeypatch.setattr(disk, "observer", None)
    for n, state in enumerate(watched.states):
        write(dict(state), again := tmp_path / str(n))
        try:
            collection = Collection.open(again)
        except FrugallyError:
            collection = Collection.create(again)
        assert contents(collection) == {}
        check(again, [{}])


@pytest.fixture
def small_disk(tmp_path):
    """A folder with room for little, and a file in it that can be made to fill it."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("may not mount")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("operation", ["add", "compact", "remove"])
def test_a_full_disk(operation, small_disk):
    collection = prepared(small_disk / "x", 3)
    big = [
        Document(id=f"big{i}", text=" ".join(f"word w{i * j}" for j in range(50)))
        for i in range(400)
    ]
    collection.add(big[:200])
    run = {**dict(OPERATIONS.items()), "add": (0, lambda c: c.add(big[200:]))}[operation][1]
    before = contents(collection)
    refused = 0
    for left in (0, 1, 2, 5, 10, 20, 40, 80, 160, 240):
        free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
        filler = small_disk / "filler"
        filler.write_bytes(bytes(max(0, free - left * 4096)))
        try:
            run(collection)
        except FrugallyError as error:
            refused += 1
            assert "No space left" in str(error) or "full" in str(error)
            assert "free some space" in error.hint
            assert contents(Collection.open(collection.path)) == contents(collection) == before
            assert on_disk(collection.path) == named(collection.path)
        else:
            break
        finally:
            filler.unlink()
    else:
        run(collection)
    assert refused >= 1
    check(collection.path, [contents(collection)])


WRITERS = """
import os, random, sys
from frugally.ask.collection import Collection
from frugally.ask.document import Document

def loop(source, path):
    while True:
        collection = Collection.open(path)
        # Every commit leaves pairs: an id and its twin have the same text.
        stored = [s.document.id for s in collection.documents() if not s.document.id.endswith("t")]
        turn = source.random()
        if turn < 0.7 or not stored:
            number, text = source.randrange(60), f"word {source.random()}"
            collection.add([Document(id=f"{number}{end}", text=text) for end in ("", "t")])
        elif turn < 0.85:
            name = source.choice(stored)
            collection.remove([name, name + "t"])
        else:
            collection.compact()

warm = Collection.create(sys.argv[1] + ".warm")  # so that a writer begins to write at once
warm.add([Document(id="a", text="word")])
warm.add([Document(id="b", text="word")])
warm.compact()
for seed in sys.stdin:
    child = os.fork()
    if child == 0:
        loop(random.Random(int(seed)), sys.argv[1])
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


@pytest.mark.long
def test_kill_at_random_instants(tmp_path):
    source = random.Random(8)
    collection = Collection.create(tmp_path / "c")
    command = [sys.executable, "-c", WRITERS, str(collection.path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    sizes, commits = [], 0
    with subprocess.Popen(command, **pipes) as writers:
        for seed in range(200):
            writers.stdin.write(f"{seed}\n")
            writers.stdin.flush()
            child = int(writers.stdout.readline())
            time.sleep(source.uniform(0.0, 0.5))
            os.kill(child, signal.SIGKILL)
            assert int(writers.stdout.readline()) == signal.SIGKILL  # and not of itself before
            found = Collection.open(collection.path)
            stored = contents(found)
            assert all(stored[name] == stored[name.rstrip("t") + "t"] for name in stored)
            assert found.verify() == []
            assert {h.id for h in found.search("word", 1000)} == set(stored)
            sizes.append(len(stored))
            assert found.status()["commit"] >= commits
            commits = found.status()["commit"]
        writers.stdin.close()
    assert max(sizes) > 20
    assert commits > 200
    check(collection.path, [stored])

import os
import socket

import pytest

from frugally.ask.sources import discover
from frugally.errors import UsageError


@pytest.fixture
def found(tmp_path):
    """Discover paths and give them relative to the folder, with the problems."""

    def find(*paths):
        problems = []
        return [os.path.relpath(p, tmp_path) for p in discover(paths, problems.append)], problems

    return find


def test_folders_are_read_in_the_order_of_names(tmp_path, found):
    for name in ("b.txt", "a/2.txt", "a/10.txt", "B.txt", "é.txt", "a.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    files, problems = found(tmp_path)
    assert files == ["B.txt", "a/10.txt", "a/2.txt", "a.txt", "b.txt", "é.txt"]
    assert not problems


def test_hidden_files_are_left_out_unless_named(tmp_path, found):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("x")
    (tmp_path / ".notes.txt").write_text("x")
    assert found(tmp_path) == ([], [])
    assert found(tmp_path / ".notes.txt")[0] == [".notes.txt"]


def test_a_missing_path_is_refused_before_anything_is_read(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(UsageError, match=r"b\.txt does not exist") as raised:
        discover([tmp_path / "a.txt", tmp_path / "b.txt"], pytest.fail)
    assert raised.value.exit_code == 2
    assert raised.value.hint


def test_link_loops_end_and_dead_links_are_reported(tmp_path, found):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "text.txt").write_text("x")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "z").symlink_to(tmp_path / "a")
    (tmp_path / "dead").symlink_to(tmp_path / "nowhere")
    (tmp_path / "self").symlink_to(tmp_path / "self")
    files, problems = found(tmp_path)
    assert files == ["a/text.txt"]
    assert [(p.path.rpartition("/")[2], p.reason) for p in problems] == [
        ("dead", "is a link that leads nowhere"),
        ("self", "is a link that leads nowhere"),
    ]


def test_sockets_and_pipes_in_folders_are_not_waited_for(tmp_path, found, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the name of a socket may not be long
    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        files, problems = found(tmp_path)
    assert files == []
    assert [p.reason for p in problems] == ["is not a file"] * 2


def test_names_with_line_ends_and_without_an_encoding_can_be_read(tmp_path, found, read):
    names = [b"two\nlines.txt", b"caf\xe9.txt"]
    for name in names:
        (tmp_path / os.fsdecode(name)).write_bytes(b"Some words.")
    problems = []
    paths = list(discover([str(tmp_path)], problems.append))
    assert [os.fsencode(path.name) for path in paths] == sorted(names)
    documents = [document for path in paths for document in read(path).documents]
    assert [d.id.rpartition("/")[2] for d in documents] == ["caf\\xe9.txt", "two\nlines.txt"]
    assert all(document.id.encode("utf-8") for document in documents)


def test_standard_input_is_a_path(found):
    assert next(iter(discover(["-"], pytest.fail))).as_posix() == "-"


def test_a_deep_folder_is_no_problem(tmp_path, found):
    deep = tmp_path
    for _ in range(400):
        deep = deep / "d"
        deep.mkdir()
    (deep / "x.txt").write_text("x")
    assert len(found(tmp_path)[0]) == 1

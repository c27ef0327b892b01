"""Frontiers: which nets are worth their bytes, and the command from end to end."""

from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("matplotlib")

from frugally.cli import cli
from frugally.errors import UsageError
from frugally.fit.frontier import Point, best_of, point_of, save, table
from frugally.nets.card import save_net

TREEBANK = Path(__file__).parent.parent / "data" / "treebank"
POINTS = [
    Point(asked=50_000, size=49_000, score=80.0, microseconds=3.0),
    Point(asked=100_000, size=99_000, score=79.5, microseconds=4.0),
    Point(asked=200_000, size=190_000, score=85.25, microseconds=9.0),
]


def test_a_larger_net_that_is_no_better_is_not_on_the_frontier():
    assert best_of(POINTS[::-1]) == [POINTS[0], POINTS[2]]
    lines = table(POINTS, "tagger").splitlines()
    assert lines[2].endswith("79.50  a smaller net is as good")
    assert lines[3].split()[-1] == "85.25"


def test_the_files_of_a_frontier(tmp_path):
    made = save(POINTS, "tagger", tmp_path)
    assert [path.name for path in made] == ["frontier.csv", "frontier.png", "frontier.svg"]
    first = made[0].read_text().splitlines()[:2]
    assert first == ["asked,size,score,microseconds", "50000,49000,80.0,3.0"]
    assert made[1].read_bytes().startswith(b"\x89PNG")


def test_a_net_without_a_score_is_refused(tmp_path):
    save_net(tmp_path, {}, {"task": "word clusters", "scores": {}, "cost": {}})
    with pytest.raises(UsageError, match="no score to compare"):
        point_of(tmp_path, "word clusters", 1)


def call(*arguments):
    return CliRunner().invoke(cli, ["fit", "frontier", *map(str, arguments)])


@pytest.mark.long
def test_a_frontier_from_the_command_line(tmp_path):
    sizes = ["--sizes", "5KB,40KB,25KB,40001B", "-o", tmp_path / "out"]
    done = call("tagger", TREEBANK, *sizes)
    assert done.exit_code == 0
    rows = [line.split() for line in done.stdout.splitlines()[1:]]
    assert [row[0] for row in rows] == ["25", "40", "40"]
    assert {path.name for path in (tmp_path / "out").iterdir() if path.is_dir()} == {
        "25kB",
        "40kB",
        "40001B",
    }
    taken = sum(path.stat().st_size for path in (tmp_path / "out" / "40kB").iterdir())
    assert rows[1][2] == f"{taken:,}"
    assert "5 kB: no tagger keeps within this budget; the smallest that works" in done.stderr
    again = call("tagger", TREEBANK, *sizes)
    assert again.stdout == done.stdout
    assert "40kB is there already" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["clusters", "x", "--sizes", "1KB"], "no frontier of 'clusters'"),
        (["tagger", "x", "--sizes", "1KB,few"], "'few' is not an amount"),
        (["tagger", "x", "--budget", "1us", "--sizes", "1KB"], "--budget"),
    ],
)
def test_what_makes_no_sense_is_said(tmp_path, arguments, words):
    done = call(*arguments, "-o", tmp_path / "out")
    assert done.exit_code != 0
    assert words in str(done.exception)

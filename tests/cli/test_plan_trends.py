"""`frugally plan when`, `growth`, `share` and `claims`, as a user meets them."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from frugally.cli import cli, plan_trends
from frugally.errors import FrugallyError, UsageError
from frugally.plan.claims import all_claims, as_page
from frugally.plan.scenario import load

DOCS = Path(__file__).parents[2] / "docs"
WORK = ("--work", "50 gpu x 2 months", "--have", "4 gpu x 2 weeks")
RATE = ("--rate", "800 h/min", "--model", "resnet-50", "--have", "4 gpu")


def run(*arguments):
    done = CliRunner().invoke(cli, ["plan", *map(str, arguments)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def told(*arguments):
    return json.loads(run(*arguments, "--json").stdout)


def test_when():
    found = run("when", *WORK, "--doubling", "2y", "--from", 2017, "--scenario", "essay")
    assert found.stdout.splitlines()[0] == "in 2029"
    assert "rounded up to whole ones; unrounded 2028.3" in found.stdout
    assert "50 times too little" in found.stdout.splitlines()[2]
    found = run("when", *WORK)
    assert found.stdout.startswith("in 2031.2 (2028.9 to 2034.0)\n")
    assert "Looking back" in found.stdout
    assert "Mixed precision was a step outside the doubling" in found.stdout
    assert run("when", "--work", "1 gpu x 1d", "--have", "4 gpu x 1d").stdout.startswith("already")
    far = run("when", "--work", "1e200 gpu x 1y", "--have", "1 gpu x 1d", "--doubling", "90y")
    assert far.stdout.startswith("after the year 9999")


def test_when_explained_and_as_json():
    text = run("when", *WORK, "--explain").stdout
    assert "2017 + 2.46 x log2(54.3527) = 2017 + 2.46 x 5.764 = 2031.18" in text
    for line in load("measured").lines("clock", "compute.doubling"):
        assert line.line() in text
    found = told("when", *WORK, "--explain")
    assert found["taken"]["year"] == pytest.approx(2031.18, abs=0.01)
    assert found["rounding"] == "none"
    assert found["looking_back"]["wishes"][0]["reached"]["year"] == 2017.7
    assert found["assumptions"]["compute.doubling"]["interval"] == [2.06, 2.95]


def test_the_essays_dates():
    text = run("when", "--scenario", "essay").stdout
    assert "6 of 8 follow" in text
    assert text.count("does not follow from the rule") == 2
    assert "Looking back" not in text
    dates = told("when", "--scenario", "essay")["essay"]["dates"]
    assert [one["printed"] for one in dates if not one["follows"]] == [2035, 2044]
    assert "Looking back" in run("when").stdout


def test_growth(tmp_path):
    done = run("growth", "--explain")
    for part in ("GPUs needed", "61,940", "9.97 years", "98% by 2030 is a lower bound", "2017"):
        assert part in done.stdout
    for line in load("essay").lines("data", "machines", "compute", "field"):
        assert line.line() in done.stdout
    found = told("growth", "--figure", "youtube", "--scenario", "measured")
    (figure,) = found["figures"]
    assert figure["lines"][0]["points"][0] == [2025, pytest.approx(72.57, abs=0.01)]
    assert figure["formulas"]
    pytest.importorskip("matplotlib")
    done = run("growth", "--figure", "gap", "--plot", tmp_path / "gap.svg")
    assert (tmp_path / "gap.svg").read_text().startswith("<?xml")
    assert "is drawn" in done.stderr
    assert "is drawn" not in done.stdout


def test_share():
    done = run("share", *RATE, "--scenario", "essay", "--deadline", "1d", "--explain")
    assert done.stdout.startswith("0.13%")
    assert "in 1 day: " in done.stdout
    assert "c/k + p" in done.stdout
    assert load("essay")["gpu.speed"].line() in done.stdout
    found = told("share", *RATE, "--scenario", "essay", "--stride", 5, "--keep", "1%")
    assert found["share"] == pytest.approx(4 * 468.66 / 1.44e6, rel=1e-3)
    assert found["sifting"]["times_cheaper"] == pytest.approx(84, abs=0.5)
    assert [row["year"] for row in found["years"]] == [2017, 2019, 2022, 2027, 2037]
    amount = told("share", "--rate", "3e6 images", "--deadline", "1d", *RATE[2:])
    assert amount["deadline"]["frames"] == pytest.approx(3e6)


def test_claims(tmp_path):
    done = run("claims", "--write", tmp_path / "page.md")
    assert "does not reproduce" in done.stdout
    assert (tmp_path / "page.md").read_text("utf-8") == as_page(
        all_claims(load("essay"), load("measured"))
    )
    assert len(told("claims")["claims"]) == len(all_claims(load("essay"), load("measured")))


@pytest.mark.parametrize("page", ["plan-when", "plan-growth", "plan-share"])
def test_the_pages_show_what_the_commands_print(page):
    text = (DOCS / f"{page}.md").read_text("utf-8")
    shown = re.findall(r"^```console\n\$ frugally plan (.+?)\n(.*?)^```", text, re.M | re.S)
    assert shown
    for command, printed in shown:
        assert run(*shlex.split(command)).stdout == printed
    for option in getattr(plan_trends, page.removeprefix("plan-")).params:
        assert f"`{option.opts[0]}" in text
    for image in re.findall(r"\]\((images/.+?)\)", text):
        assert (DOCS / image).is_file()


@pytest.mark.parametrize(
    "arguments",
    [
        ("when", *WORK, "--doubling", "0y"), ("when", *WORK, "--doubling", "-1y"),
        ("when", *WORK, "--doubling", "inf y"), ("when", *WORK, "--from", "nan"),
        ("when", *WORK, "--from", "1e9"), ("when", *WORK[:2]), ("when", "--doubling", "2y"),
        ("when", *WORK[:2], "--have", "4 cores x 2 weeks"),
        ("when", *WORK[:2], "--have", "4 gpu"), ("when", *WORK[:2], "--have", "0 gpu x 2 weeks"),
        ("when", *WORK, "--scenario", "nobody's"), ("growth", "--scenario", "missing.toml"),
        ("growth", "--figure", "nonsense"), ("growth", "--plot", "growth.txt"),
        ("share", *RATE[:4], "--have", "4 abaci"), ("share", *RATE[2:], "--rate", "800 h"),
        ("share", *RATE, "--keep", "0"), ("share", *RATE, "--deadline", "0d"),
        ("share", *RATE, "--small", "nonsense"),
    ],
)  # fmt: skip
def test_what_makes_no_sense(arguments):
    with pytest.raises(UsageError) as refused:
        run(*arguments)
    assert refused.value.exit_code == 2


def test_a_broken_scenario(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('based_on = "essay"\n[clock]\nstart = { value = "soon" }\n')
    for command in (("when", *WORK), ("growth",), ("share", *RATE)):
        with pytest.raises(FrugallyError, match=r"clock\.start"):
            run(*command, "--scenario", path)


def test_no_such_question():
    done = run("grwth")
    assert done.exit_code == 2
    assert "did you mean 'growth'" in done.stderr
    assert "claims" in run("--help").stdout


def test_nothing_heavy_is_loaded():
    """A date and a figure in the terminal are there at once: no numpy, no matplotlib."""
    code = (
        "import sys; from frugally.cli import cli\n"
        "for asked in (['plan', 'when'], ['plan', 'growth'], ['plan', '--help']):\n"
        "    cli.main(asked, standalone_mode=False)\n"
        "heavy = {'numpy', 'scipy', 'matplotlib', 'onnxruntime', 'numba', 'torch'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

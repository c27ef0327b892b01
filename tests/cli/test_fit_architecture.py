"""`frugally fit architecture` and `fit vision --cell`, as a user meets them."""

import json
import shutil

import numpy as np
import pytest

pytest.importorskip("torch")

from PIL import Image

from cli_helpers import run, save_photos
from frugally.errors import BudgetError, FitError, NetError, UsageError
from frugally.fit.architecture.space import Space
from frugally.fit.architecture.trials import Trials
from frugally.nets.vision.cells.files import load_cell

SIDE = 16
QUICK = (
    "--side", SIDE, "--filters", 4, "--pictures-each", 64, "--passes", 0.5,
    "--finalists", 1, "--epochs", 4, "--batch", 16, "--rate", 0.05,
)  # fmt: skip
BUDGET = "300KB 3MMAC"


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return save_photos(tmp_path_factory.mktemp("photos"), "red", "blue", count=50, side=SIDE)


@pytest.fixture(scope="module")
def found(photos, tmp_path_factory):
    out = tmp_path_factory.mktemp("found")
    done = run(
        "fit", "architecture", photos, "--budget", BUDGET, "--hours", 0.006, "-o", out, *QUICK,
        "--evaluator", "proxy,shared,short", "--json",
    )  # fmt: skip
    return out, done


def test_a_search_makes_a_classifier(found, photos):
    out, done = found
    told = json.loads(done.stdout)
    assert told == json.loads((out / "summary.json").read_text())
    assert told["trials"]["done"] >= 1
    assert ": 1 blocks a cell" in done.stderr  # of five hardly a filter would be left
    assert load_cell(out / "cell.json").digest == told["digest"]
    with Image.open(out / "cell.png") as drawn:
        assert drawn.size[0] > 100
    card = json.loads((out / "card.json").read_text())
    assert card["network"].startswith(f"cell-{told['digest'][:8]}")
    assert card["budget"]["met"] <= 300_000
    assert card["macs"] <= 3_000_000
    assert "shared weights" not in done.stderr or "step" in done.stderr
    lines = run("run", out, photos / "red" / "0.png").stdout.splitlines()
    assert lines[0].split("\t")[0] in ("red", "blue")
    assert "ms" in run("profile", out, "--runs", 1).stdout


def test_going_on_with_it(found, photos, tmp_path):
    out, _ = found
    before = json.loads((out / "card.json").read_text())
    with pytest.raises(UsageError, match="holds a search already"):
        run("fit", "architecture", photos, "--budget", BUDGET, "--hours", 1, "-o", out, *QUICK)
    same = ("fit", "architecture", photos, "--budget", BUDGET, "--hours", 0.004, "-o", out,
            *QUICK, "--resume")  # fmt: skip
    for other, what in (
        (("--evaluator", "proxy,short"), "evaluators"),
        (("--evaluator", "proxy,shared,short", "--operations", "paper"), "space"),
        (("--evaluator", "proxy,shared,short", "--blocks", 5), "space"),
        (("--evaluator", "proxy,shared,short", "--strategy", "random"), "strategy"),
    ):
        with pytest.raises(UsageError, match=f"another search: .*{what}"):
            run(*same, *other)
    more = shutil.copytree(photos, tmp_path / "more")
    Image.new("RGB", (SIDE, SIDE)).save(more / "red" / "new.png")
    with pytest.raises(UsageError, match="pictures is not the same"):
        run("fit", "architecture", more, *same[3:], "--evaluator", "proxy,shared,short")
    # The time is over: the finalist is known, and the winner's training is at its end.
    done = run(*same, "--evaluator", "proxy,shared,short")
    assert json.loads((out / "card.json").read_text())["files"] == before["files"]
    assert "accuracy" in done.stdout
    # The folder alone says all of it, and what is given beside it comes first.
    done = run("fit", "architecture", "--resume", out, "--json")
    assert json.loads(done.stdout)["digest"] == load_cell(out / "cell.json").digest
    assert json.loads((out / "card.json").read_text())["files"] == before["files"]
    # Another training of the winner, and a finalist whose training once came to nothing.
    finalists = json.loads((out / "finalists.json").read_text())
    for one in finalists.values():
        one.update(accuracy=None, note="it took longer than 1 s")
    (out / "finalists.json").write_text(json.dumps(finalists))
    done = run("fit", "architecture", "--resume", out, "--epochs", 1, "--json")
    assert json.loads(done.stdout)["finalists"][0]["accuracy"] is not None
    assert json.loads((out / "card.json").read_text())["training"]["epochs"] == 1
    asked = (out / "asked.json").read_text()
    with pytest.raises(UsageError, match=r"another search: .*strategy"):
        run("fit", "architecture", "--resume", out, "--strategy", "random")
    assert (out / "asked.json").read_text() == asked
    (out / "asked.json").write_text("{")
    with pytest.raises(NetError, match=r"asked.json is damaged"):
        run("fit", "architecture", "--resume", out)


def test_a_cell_for_other_pictures(found, photos, tmp_path):
    out, _ = found
    asked = ("fit", "vision", photos, "--budget", "400KB 4MMAC", "-o", tmp_path / "net",
             "--side", SIDE, "--epochs", 1, "--batch", 16)  # fmt: skip
    run(*asked, "--cell", out / "cell.json", "--drop-path", 0.2)
    assert "DropPath" in (tmp_path / "net" / "graph.json").read_text()
    with pytest.raises(UsageError, match="begun with something else: drop paths"):
        run(*asked, "--cell", out / "cell.json", "--resume")
    run(*asked, "--cell", out / "cell.json")
    assert "DropPath" not in (tmp_path / "net" / "graph.json").read_text()
    card = json.loads((tmp_path / "net" / "card.json").read_text())
    assert card["network"].startswith("cell-")
    assert card["macs"] <= 4_000_000
    with pytest.raises(UsageError, match="not both"):
        run(*asked, "--cell", out / "cell.json", "--network", "resnet-20")
    with pytest.raises(BudgetError, match="no network of cell"):
        run("fit", "vision", photos, "--budget", "1KB", "-o", tmp_path / "no", "--side", SIDE,
            "--cell", out / "cell.json")  # fmt: skip
    for text, why in (("{", "holds no cell"), ('{"normal": 1}', "has no 'reduction'")):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(NetError, match=why):
            run(*asked, "--cell", tmp_path / "bad.json")


def test_what_a_search_shows(tmp_path):
    space = Space.paper(grouped=True)
    random = np.random.default_rng(0)
    about = {"space": space.as_dict(), "strategy": "random"}
    with pytest.raises(UsageError, match="holds no search"):
        run("fit", "architecture", "--learned", tmp_path)
    for count, number in ((19, 0), (11, 19)):
        with Trials(tmp_path / "trials.sqlite", about) as trials:
            for _ in range(count):
                decisions = space.sample(random)
                trial = trials.begin(decisions, space.decode(decisions), 1)
                trials.end(trial.number, "done", reward=random.random())
        if not number:
            with pytest.raises(UsageError, match="20 or more are needed"):
                run("fit", "architecture", "--learned", tmp_path)
    done = run("fit", "architecture", "--learned", tmp_path)
    assert done.stdout.strip() == (tmp_path / "learned.md").read_text().strip()
    assert "30 different cells were scored" in done.stdout
    told = json.loads(run("fit", "architecture", "--learned", tmp_path, "--json").stdout)
    assert set(told["operations"]) == set(space.operations)


@pytest.mark.parametrize(
    ("options", "error", "why"),
    [
        (("--budget", BUDGET, "--hours", 0), UsageError, "more than no time"),
        (("--budget", BUDGET, "--hours", "nan"), UsageError, "more than no time"),
        (("--budget", "1KB", "--hours", 1), BudgetError, "no cell of this space keeps within"),
        (("--budget", "5passages", "--hours", 1), UsageError, "reads no passages"),
        (("--budget", BUDGET), UsageError, "takes PICTURES, --budget, --hours"),
        (("--budget", BUDGET, "--hours", 1, "--evaluator", "luck"), UsageError, "not scored by"),
        (("--budget", BUDGET, "--hours", 1, "--blocks", 0), UsageError, "1 to 8 blocks"),
        (("--budget", BUDGET, "--hours", 1, "--passes", 0), UsageError, "more than 0 passes"),
        (("--budget", BUDGET, "--hours", 1, "--pictures-each", -5), UsageError, "two pictures"),
        (("--budget", BUDGET, "--hours", 1, "--trial-minutes", "inf"), UsageError, "takes time"),
        (("--budget", BUDGET, "--hours", 1, "--finalists", 0), UsageError, "one finalist"),
        (("--resume",), UsageError, "takes PICTURES, --budget, --hours"),
    ],
)
def test_what_cannot_be_is_refused_at_once(photos, tmp_path, options, error, why):
    out = tmp_path / "out"
    with pytest.raises(error, match=why) as told:
        run("fit", "architecture", photos, "-o", out, *QUICK, *options)
    if error is BudgetError:
        assert "the smallest found needs" in told.value.hint
    assert not (out / "trials.sqlite").exists()


def test_too_little_time_for_a_single_cell(photos, tmp_path):
    with pytest.raises(BudgetError, match="too short for a single cell"):
        run("fit", "architecture", photos, "--budget", BUDGET, "--hours", 1e-9, "-o", tmp_path,
            *QUICK)  # fmt: skip


def test_pictures_that_change_meanwhile_are_noticed(photos, tmp_path, monkeypatch):
    mine, out = shutil.copytree(photos, tmp_path / "photos"), tmp_path / "out"
    added = mine / "red" / "new.png"

    def say(line):
        if line.startswith("trial 1,"):
            Image.new("RGB", (SIDE, SIDE)).save(added)

    monkeypatch.setattr("frugally.cli.fit_architecture.say", say)
    asked = ("fit", "architecture", mine, "--budget", BUDGET, "--hours", 0.001, "-o", out, *QUICK,
             "--evaluator", "proxy")  # fmt: skip
    with pytest.raises(UsageError, match="not those that the search began with"):
        run(*asked)
    assert not (out / "card.json").exists()
    added.unlink()
    run(*asked, "--resume")
    assert (out / "card.json").exists()


def test_trials_that_take_too_long_are_killed(photos, tmp_path):
    with pytest.raises(FitError, match="came to nothing; the last: it took longer than"):
        run("fit", "architecture", photos, "--budget", BUDGET, "--hours", 0.0005, "-o", tmp_path,
            *QUICK, "--evaluator", "short", "--trial-minutes", 1e-4)  # fmt: skip

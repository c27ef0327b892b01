"""Trainers for studies: the same outcome in any process, more of the same data, an honest error."""

import json
import random
from dataclasses import replace
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

from frugally.errors import UsageError
from frugally.fit.study.language import LanguageTrainer
from frugally.fit.study.tagger import TaggerTrainer
from frugally.fit.study.vision import VisionTrainer, _kinds, _some
from frugally.nets.trainer import Run

BANK = Path(__file__).parents[2] / "data" / "treebank"
WORDS = {"a": ["ba", "be", "bo", "la"], "b": ["kil", "tik", "mik"], "c": ["ou", "ouze", "zou"]}


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    source = random.Random(0)
    lines = [
        f"{label}\t{' '.join(source.choices(words, k=6))} {source.random()}"
        for label, words in WORDS.items()
        for _ in range(80)
    ]
    path = tmp_path_factory.mktemp("texts") / "texts.tsv"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Four classes: horizontal or vertical stripes, dark or bright."""
    folder, rng = tmp_path_factory.mktemp("pictures") / "p", np.random.default_rng(0)
    for number, name in enumerate(("dark-h", "dark-v", "light-h", "light-v")):
        (folder / name).mkdir(parents=True)
        for k in range(24):
            stripes = 40 * (np.arange(16) // 2 % 2)[:, None] * np.ones(16, int)
            stripes = stripes.T if number % 2 else stripes
            shade = rng.integers(0, 60, (16, 16)) + stripes + (120 if number > 1 else 0)
            Image.fromarray(shade.astype(np.uint8)).convert("RGB").save(folder / name / f"{k}.png")
    return folder


@pytest.fixture(params=["language", "tagger", "transfer", "vision"])
def trainer(request, texts, pictures, tmp_path):
    vision = VisionTrainer(
        path=pictures, cache=tmp_path / "cache", networks=("shufflenet-0.1x-g2",), side=16,
        steps=4, batch=16, threads=1,
    )  # fmt: skip
    return {
        "language": LanguageTrainer(paths=(texts,), steps=10),
        "tagger": TaggerTrainer(bank=BANK, epochs=1),
        "transfer": TaggerTrainer(bank=BANK, then=BANK / "en_cut-ud-dev.conllu", epochs=1),
        "vision": vision,
    }[request.param]


def test_a_trainer_keeps_what_it_promises(trainer):
    about = trainer.about()
    assert json.loads(json.dumps(about)) == about
    assert about["examples"] >= 12
    size = about["examples"] // 2
    run = Run(variant=about["variants"][0], capacity=about["capacities"][0], size=size, seed=3)
    outcome = trainer.train(run)
    assert 0 <= outcome.error <= 1
    assert outcome.held_out > 0
    assert outcome.seconds > 0
    assert len(ForkingPickler.dumps(trainer)) < 10_000  # what is sent to other processes
    again = replace(trainer).train(run)
    assert replace(again, seconds=0) == replace(outcome, seconds=0)
    if len(about["capacities"]) > 1:
        other = trainer.train(replace(run, capacity=about["capacities"][1], size=12))
        assert other.parameters > outcome.parameters


def test_a_larger_part_has_the_smaller_one_in_it(pictures, tmp_path):
    from frugally.fit.vision.pictures import read_pictures

    train = read_pictures(pictures, tmp_path / "c", side=16, report=lambda line: None).train
    run = Run(variant="plain", capacity="", size=10, seed=5)
    few, more = _some(train, run), _some(train, replace(run, size=30))
    rows = {row.tobytes() for row in more.images}
    assert len(few) == 10
    assert {row.tobytes() for row in few.images} < rows
    other = _some(train, replace(run, seed=6))
    assert not np.array_equal(few.images, other.images)


def test_fine_and_coarse_labels_are_scored_on_the_coarse(pictures, tmp_path):
    kinds = tuple((name, name.split("-")[0]) for name in ("dark-h", "dark-v", "light-h", "light-v"))
    trainer = VisionTrainer(
        path=pictures, cache=tmp_path / "cache", networks=("shufflenet-0.1x-g2",), side=16,
        steps=30, batch=16, threads=1, coarse=kinds,
    )  # fmt: skip
    assert trainer.about()["variants"] == ["fine", "coarse"]
    for variant in ("fine", "coarse"):
        run = Run(variant=variant, capacity="shufflenet-0.1x-g2", size=84, seed=0)
        assert trainer.train(run).error < 0.4  # dark or light: easy
    summed = _kinds(tuple(dict(kinds)), kinds).summed(np.eye(4, dtype=np.float32))
    assert summed.tolist() == [[1, 0], [1, 0], [0, 1], [0, 1]]
    with pytest.raises(UsageError, match="no coarse label is given for light-v"):
        replace(trainer, coarse=kinds[:3]).about()
    with pytest.raises(UsageError, match="one coarse label"):
        replace(trainer, coarse=tuple((name, "x") for name, _ in kinds)).about()


def test_what_was_learnt_goes_on_with_a_second_set(pictures, tmp_path):
    trainer = VisionTrainer(
        path=pictures, cache=tmp_path / "cache", networks=("shufflenet-0.1x-g2",), side=16,
        steps=10, then=pictures, then_steps=5, batch=16, threads=1,
    )  # fmt: skip
    assert trainer.about()["variants"] == ["transfer"]
    run = Run(variant="transfer", capacity="shufflenet-0.1x-g2", size=40, seed=0)
    assert trainer.train(run).held_out == 8


def test_treebanks_are_languages(tmp_path):
    for name in ("UD_English-A", "English-B", "UD_German-C"):
        (tmp_path / name).mkdir()
        text = (BANK / "en_cut-ud-train.conllu").read_text()
        (tmp_path / name / "x-ud-train.conllu").write_text(text)
    about = LanguageTrainer(paths=(tmp_path,)).about()
    assert about["labels"] == 2
    with pytest.raises(UsageError, match="holds no treebanks"):
        LanguageTrainer(paths=(tmp_path / "UD_German-C",)).about()

"""A short training finds what is easy, repeats itself, and says what it took."""

import json
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from small_cells import SMALL, pictures, uniform  # noqa: E402

from frugally.errors import FitError  # noqa: E402
from frugally.fit.architecture.evaluator import ShortTraining  # noqa: E402
from frugally.fit.architecture.known_forms import KnownForms  # noqa: E402
from frugally.fit.vision.augmentation import NONE  # noqa: E402
from frugally.fit.vision.pictures import digest_of_pictures  # noqa: E402
from frugally.fit.vision.training import Settings  # noqa: E402
from frugally.nets.vision.cells.stacking import stacked  # noqa: E402

HOW = Settings(batch=16, rate=0.05, threads=1, warmup=0.5, bfloat16=False, average=0.8)
CELL = uniform("conv_1x1")


def training(settings=HOW, stack=SMALL, **more):
    return ShortTraining(
        pictures(), pictures(32, seed=2), stack, mean=(0.5,) * 3, deviation=(0.25,) * 3,
        settings=settings, augmentation=NONE, **more,
    )  # fmt: skip


def test_it_learns_what_is_easy_and_says_what_it_took():
    score = training().evaluate(CELL, 1, 6)
    assert score.value > 0.9
    assert score.seconds > 0
    macs = stacked(CELL, SMALL, 8, 2).macs
    assert score.flops == 2 * macs * (3 * 6 * 64 + 64 + 32)


def test_the_same_seed_gives_the_same_value():
    one = training().evaluate(uniform("separable_3x3"), 1, 0.5)
    other = training(stack=replace(SMALL, drop=0.5)).evaluate(uniform("separable_3x3"), 1, 0.5)
    assert one.value == other.value


def test_forms_are_measured_once_and_kept(monkeypatch):
    measured = []

    def quickest(graph, images, *, bfloat16):
        measured.append((graph.nodes[0].layer, graph.input, images, bfloat16))
        return {"conv": "dense"} if len(measured) % 2 else {}

    monkeypatch.setattr("frugally.fit.architecture.known_forms.quick_forms", quickest)
    forms = KnownForms(16, bfloat16=False)
    cell = uniform("separable_3x3")
    graph = stacked(cell, SMALL, 8, 2)
    found = forms.of(graph)
    # Only grouped convolutions have forms; alike ones are measured once.
    grouped = [node for node in graph.nodes if getattr(node.layer, "groups", 1) > 1]
    assert len(measured) == len({(node.layer, graph.given(node)[0]) for node in grouped})
    assert 0 < len(found) < len(grouped)
    assert set(found.values()) == {"dense"}
    again = KnownForms(16, known=json.loads(json.dumps(forms.as_dict())))
    assert again.of(graph) == found
    assert len(measured) == len(again.as_dict())
    one, other = (training(forms=known).evaluate(cell, 1, 0.5) for known in (forms, again))
    assert one.value == other.value


def test_what_diverges_is_told():
    with pytest.raises(FitError):
        training(replace(HOW, rate=1e30, clip=1e30)).evaluate(CELL, 1, 4)


def test_pictures_are_told_apart():
    train, held = pictures(300), pictures(32, seed=2)
    digests = {
        digest_of_pictures(*sets)
        for sets in (
            (train, held),
            (held, train),
            (train,),
            (train, replace(held, classes=("light", "dark"))),
            (train, replace(held, labels=1 - held.labels)),
            (replace(train, images=train.images[::-1]), held),
        )
    }
    assert len(digests) == 6
    assert digest_of_pictures(pictures(300), pictures(32, seed=2)) in digests

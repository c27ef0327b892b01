"""A conversion: what loses accuracy is undone, and what was killed goes on to the same result."""

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from frugally.errors import NetError, UsageError
from frugally.fit.vision import converting, exchanges, tries
from frugally.fit.vision.converting import convert
from frugally.fit.vision.exchanges import Exchange, exchanges_of, ordered
from frugally.fit.vision.pictures import Pictures, PictureSet
from frugally.fit.vision.training import Settings, Trainer
from frugally.fit.vision.weights import random_weights
from frugally.nets.vision.graph import Builder
from frugally.nets.vision.image_classifier import Input
from frugally.nets.vision.layers import ChannelShuffle

SETTINGS = Settings(epochs=2, batch=8, warmup=0.5, rate=0.05)
GIVEN = Input(height=8, width=8)


class KilledError(BaseException):
    """Nothing is done about it: as if the process had been killed."""


@pytest.fixture(scope="module")
def graph():
    builder = Builder("three", (3, 8, 8))
    x = builder.image
    for _ in range(4):  # the first, of three colours, has no other form
        x = builder.normalised(x, 8, 3, activation="relu")
    builder.head(x, 2)
    return builder.build()


@pytest.fixture(scope="module")
def pictures():
    def some(count, seed):
        labels = np.arange(count) % 2
        images = np.random.default_rng(seed).integers(0, 120, (count, 8, 8, 3))
        images += 120 * labels[:, None, None, None]
        return PictureSet(images.astype(np.uint8), labels.astype(np.int64), ("dark", "light"))

    return Pictures(classes=("dark", "light"), seed=0, train=some(32, 0), validation=some(8, 1),
                    test=None, skipped=())  # fmt: skip


@pytest.fixture(autouse=True)
def judged(monkeypatch):
    """Only two groups are quicker, torch's own forms are trained, two exchanges are too many."""

    class Timer:
        def __init__(self, *_):
            pass

        def milliseconds(self, models):
            return [9.0, 1.0, *(20.0 for _ in models[2:])]

    def accuracy(graph, *_):
        shuffles = sum(isinstance(node.layer, ChannelShuffle) for node in graph.nodes)
        return 0.9 if shuffles < 2 else 0.6

    monkeypatch.setattr(exchanges, "Timer", Timer)
    for module in (converting, tries):
        monkeypatch.setattr(module, "accuracy", accuracy)
    monkeypatch.setattr(tries, "quick_forms", lambda *_, **__: {})


def converted(graph, pictures, folder, settings=SETTINGS, tolerance=0.1, said=None, **more):
    return convert(
        graph, random_weights(graph, 1), pictures, GIVEN, folder, settings, tolerance=tolerance,
        report=(lambda _: None) if said is None else said.append, **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def straight():
    return {}


def whole(graph, pictures, tmp_path_factory, straight):
    """What comes out when nothing is interrupted."""
    if not straight:
        straight[0] = converted(graph, pictures, tmp_path_factory.mktemp("straight"))
    return straight[0]


def test_what_loses_accuracy_stays_dense(graph, pictures, tmp_path_factory, straight):
    done = whole(graph, pictures, tmp_path_factory, straight)
    outcomes = [one.outcome for one in done.exchanges]
    assert sorted(outcomes) == ["kept", "lost accuracy", "lost accuracy"]
    assert (done.before, done.after) == (0.9, 0.9)
    damages = [one.damage for one in done.exchanges]
    assert outcomes.index("kept") == damages.index(min(damages))
    # All three, the first and the first two: three tries of two epochs.
    assert done.steps == 3 * 2 * 4
    assert done.seconds > 0


@pytest.mark.parametrize("better", [True, False])
def test_what_was_too_many_is_tried_again_from_what_was_learned_since(
    graph, pictures, tmp_path, monkeypatch, better
):
    tried = []

    def accuracy(graph, *_):
        shuffles = sum(isinstance(node.layer, ChannelShuffle) for node in graph.nodes)
        tried.append(shuffles)
        return 0.9 if shuffles < 3 or (better and tried.count(3) > 1) else 0.6

    for module in (converting, tries):
        monkeypatch.setattr(module, "accuracy", accuracy)
    done = converted(graph, pictures, tmp_path)
    assert tried == [0, 3, 1, 2, 3]
    kept = sum(one.outcome == "kept" for one in done.exchanges)
    assert kept == sum(isinstance(one.layer, ChannelShuffle) for one in done.graph.nodes)
    assert kept == (3 if better else 2)


@pytest.mark.parametrize("dies_in", [0, 3, 9, 16, 23])
def test_a_killed_conversion_goes_on_to_the_same_result(
    graph, pictures, tmp_path, tmp_path_factory, straight, monkeypatch, dies_in
):
    expected = whole(graph, pictures, tmp_path_factory, straight)
    step, taken = Trainer._step, []

    def counted(trainer, chosen, pool):
        if len(taken) == dies_in and not resumed:
            raise KilledError
        taken.append(trainer.folder.parent.name)
        return step(trainer, chosen, pool)

    resumed = False
    monkeypatch.setattr(Trainer, "_step", counted)
    with pytest.raises(KilledError):
        converted(graph, pictures, tmp_path)
    resumed = True
    done = converted(graph, pictures, tmp_path, resume=True)
    assert done.exchanges == expected.exchanges
    assert done.graph == expected.graph
    assert all(np.array_equal(done.weights[name], expected.weights[name]) for name in done.weights)
    # No more was done twice than the steps of the one try that was under way.
    assert len(taken) == 24 + dies_in % 8
    assert done.steps == expected.steps
    # And what is done altogether is not done again.
    monkeypatch.setattr(Trainer, "run", None)
    again = converted(graph, pictures, tmp_path, resume=True)
    assert all(np.array_equal(done.weights[name], again.weights[name]) for name in done.weights)


def test_a_try_goes_on_from_its_checkpoint(
    graph, pictures, tmp_path, tmp_path_factory, straight, monkeypatch
):
    expected = whole(graph, pictures, tmp_path_factory, straight)
    step = Trainer._step

    def interrupted(trainer, chosen, pool):
        if trainer.folder.parent.name == "try-1" and trainer.progress.step == 5:
            raise KeyboardInterrupt
        return step(trainer, chosen, pool)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Trainer, "_step", interrupted)
        converted(graph, pictures, tmp_path)
    said = []
    done = converted(graph, pictures, tmp_path, said=said, resume=True)
    assert any(line.startswith("resumed at step 5 of 8") for line in said)
    assert all(np.array_equal(done.weights[name], expected.weights[name]) for name in done.weights)


def test_no_other_conversion_is_gone_on_with(graph, pictures, tmp_path):
    converted(graph, pictures, tmp_path)
    train = replace(pictures.train, labels=np.roll(pictures.train.labels, 1))
    other = replace(pictures, train=train)
    for changed, more in (
        ("tolerance", {"tolerance": 0.2}),
        ("settings", {"settings": replace(SETTINGS, rate=0.1)}),
        ("slower", {"slower": True}),
    ):
        with pytest.raises(UsageError, match=rf"something else \({changed}\)"):
            converted(graph, pictures, tmp_path, resume=True, **more)
    with pytest.raises(UsageError, match="pictures"):
        converted(graph, other, tmp_path, resume=True)
    with pytest.raises(UsageError, match="network"):
        convert(graph, random_weights(graph, 2), pictures, GIVEN, tmp_path, SETTINGS,
                tolerance=0.1, resume=True)  # fmt: skip
    (tmp_path / "exchanges.json").write_text("[]")
    with pytest.raises(NetError, match="how far"):
        converted(graph, pictures, tmp_path, resume=True)
    # Without --resume it begins anew.
    assert converted(graph, pictures, tmp_path).steps == 24
    assert json.loads((tmp_path / "exchanges.json").read_text())["before"] == 0.9


def an_exchange(node, saved, damage, groups=2):
    return Exchange(
        node=node, kind="grouped", groups=groups, parameters=(9, 5), macs=(9, 5),
        milliseconds=(1.0, 1.0 - saved), damage=damage,
    )  # fmt: skip


def test_what_costs_least_for_what_it_saves_is_exchanged_first():
    forms = [
        an_exchange("a", 0.2, 0.02), an_exchange("a", 0.5, 0.20, 4), an_exchange("a", 0.4, 0.30, 8),
        an_exchange("b", 0.1, 0.05), an_exchange("b", 0.3, 0.06, 4), an_exchange("b", -0.1, 0.0, 8),
        an_exchange("c", -0.1, 0.0),
    ]  # fmt: skip
    # Of a: 0.1 a unit, then 0.6; its form in 8 groups is worse than that in 4. Of b: 0.2 at once.
    steps = ordered(forms, slower=False)
    assert [(one.node, one.groups) for one in steps] == [("a", 2), ("b", 4), ("a", 4)]
    # By multiply-adds all save the same, and the least damage decides.
    steps = ordered(forms, slower=True)
    assert [(one.node, one.groups) for one in steps] == [("b", 8), ("c", 2), ("a", 2)]


def test_how_many_exchanges_can_be_kept_is_found_by_halving():
    saved = [float(n) for n in range(33)]
    for most in (0, 1, 7, 20, 31, 32):
        low, high, count, tried = 0, 33, 32, []
        while count > low:
            tried.append(count)
            low, high = (count, high) if count <= most else (low, count)
            count = converting._between(saved, low, high)
        assert most - 0.05 * 32 < low <= most
        assert len(tried) <= 6


def test_what_an_exchange_takes_away_is_its_damage(graph, pictures):
    weights = dict(random_weights(graph, 1))
    found = exchanges_of(graph, weights, pictures.train, GIVEN)
    assert len(found) == 3 * 4  # in 2, 4 and 8 groups, and separable
    assert all(one.damage > 1e-5 for one in found)
    # Of each input channel one kernel, times a number for each output: that is separable already.
    random, name = np.random.default_rng(0), found[0].node
    kernels = random.standard_normal((1, 8, 3, 3)) * random.standard_normal((8, 8, 1, 1))
    weights[f"{name}.weight"] = kernels.astype(np.float32)
    again = exchanges_of(graph, weights, pictures.train, GIVEN)
    lost = [one.damage for one in again if one.kind == "separable"]
    assert lost[0] < 1e-8
    assert min(lost[1:]) > 1e-5

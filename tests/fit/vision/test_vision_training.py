"""Training an image classifier: it learns, repeats itself, and survives being killed."""

import signal
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from frugally.errors import FitError, UsageError  # noqa: E402
from frugally.fit.vision.augmentation import NONE, Augmentation  # noqa: E402
from frugally.fit.vision.network import GraphNetwork  # noqa: E402
from frugally.fit.vision.pictures import PictureSet  # noqa: E402
from frugally.fit.vision.training import Settings, Trainer  # noqa: E402
from frugally.fit.vision.weights import random_weights, starting_weights  # noqa: E402
from frugally.nets.vision.images import as_input  # noqa: E402
from frugally.nets.vision.registry import make  # noqa: E402

MEAN, DEVIATION = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
SETTINGS = Settings(epochs=2, batch=16, warmup=0.5, save_every_seconds=1e9, rate=0.05)


def pictures(count=64, side=16, seed=0):
    """Dark ones, and bright ones."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    images = rng.integers(0, 120, (count, side, side, 3)) + 120 * labels[:, None, None, None]
    return PictureSet(images.astype(np.uint8), labels.astype(np.int64), ("dark", "light"))


@pytest.fixture(scope="module")
def graph():
    return make("shufflenet-0.1x-g2", 16, 2)


def trainer(graph, folder, settings=SETTINGS, how=NONE, said=None, **more):
    return Trainer(
        graph, starting_weights(graph, 1), pictures(), how, settings, folder,
        (lambda _: None) if said is None else said.append, mean=MEAN, deviation=DEVIATION, **more,
    )  # fmt: skip


def joined(weights):
    return np.concatenate([weights[name].ravel() for name in sorted(weights)])


def test_it_learns_what_is_easy(graph, tmp_path):
    weights = trainer(graph, tmp_path, replace(SETTINGS, epochs=6, average=0.8)).run()
    held = pictures(32, seed=2)
    with torch.no_grad():
        network = GraphNetwork(graph, weights).eval()
        scores = network(torch.from_numpy(as_input(held.images, MEAN, DEVIATION))).numpy()
    assert (scores.argmax(axis=1) == held.labels).mean() > 0.95


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_seed_gives_the_same_weights(graph, tmp_path, threads):
    settings = replace(SETTINGS, threads=threads)
    how = Augmentation.for_side(32)
    one = trainer(graph, tmp_path / "a", settings, how).run()
    other = trainer(graph, tmp_path / "b", settings, how).run()
    np.testing.assert_array_equal(joined(one), joined(other))
    changed = trainer(graph, tmp_path / "c", replace(settings, seed=2), how).run()
    assert not np.array_equal(joined(one), joined(changed))


def test_a_run_that_was_interrupted_ends_as_one_that_was_not(graph, tmp_path, monkeypatch):
    whole = trainer(graph, tmp_path / "whole").run()
    first, said = trainer(graph, tmp_path / "cut"), []
    first.report = said.append
    step, steps = Trainer._step, []

    def interrupted(self, chosen, pool):
        if len(steps) == 3:
            raise KeyboardInterrupt
        steps.append(1)
        return step(self, chosen, pool)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            first.run()
    assert said[-1] == f"saved at step 3 of {first.steps}, to be resumed"
    again = trainer(graph, tmp_path / "cut")
    assert again.resume()
    assert again.progress.step == 3
    np.testing.assert_array_equal(joined(again.run()), joined(whole))


@pytest.fixture
def interruptible():
    """Ctrl-C interrupts, even where the tests are run in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_waits_for_the_end_of_a_step(graph, tmp_path, monkeypatch):
    whole = trainer(graph, tmp_path / "whole").run()
    steps = []

    def interrupted(step):
        def within(self, *given, **more):
            steps.append(1)
            if len(steps) == 3:
                signal.raise_signal(signal.SIGINT)  # before the weights change
            made = step(self, *given, **more)
            if len(steps) == 3:
                signal.raise_signal(signal.SIGINT)  # and after
            return made

        return within

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(torch.optim.SGD, "step", interrupted(torch.optim.SGD.step))
        trainer(graph, tmp_path / "cut").run()
    assert len(steps) == 3
    again = trainer(graph, tmp_path / "cut")
    assert again.resume()
    assert again.progress.step == 3
    np.testing.assert_array_equal(joined(again.run()), joined(whole))


def test_a_run_is_not_resumed_as_something_else(graph, tmp_path):
    assert not trainer(graph, tmp_path).resume()
    trainer(graph, tmp_path).save()
    assert trainer(graph, tmp_path, replace(SETTINGS, save_every_seconds=1)).resume()
    with pytest.raises(UsageError, match="rate"):
        trainer(graph, tmp_path, replace(SETTINGS, rate=0.2)).resume()
    with pytest.raises(UsageError, match="augmentation"):
        trainer(graph, tmp_path, how=Augmentation.for_side(32)).resume()
    with pytest.raises(UsageError, match="graph"):
        trainer(make("shufflenet-0.1x-g1", 16, 2), tmp_path).resume()


def test_a_loss_that_is_no_number_stops_it(graph, tmp_path):
    def teacher(images):
        return np.full((len(images), 2), np.nan, np.float32)

    with pytest.raises(FitError, match="at step 0: its loss is nan"):
        trainer(graph, tmp_path, teacher=teacher).run()
    assert (tmp_path / "checkpoint.json").is_file()


def test_a_teacher_is_followed(graph, tmp_path):
    def contrary(images):
        bright = images.mean(axis=(1, 2, 3)) > 0
        return np.stack([bright, ~bright], axis=1).astype(np.float32) * 20

    settings = replace(SETTINGS, epochs=6, distilled=1.0, smoothing=0.0, average=0.8)
    weights = trainer(graph, tmp_path, settings, teacher=contrary).run()
    held = pictures(32, seed=2)
    with torch.no_grad():
        network = GraphNetwork(graph, weights).eval()
        scores = network(torch.from_numpy(as_input(held.images, MEAN, DEVIATION))).numpy()
    assert (scores.argmax(axis=1) == held.labels).mean() < 0.05


def test_the_rate_rises_and_falls(graph, tmp_path):
    for schedule in ("cosine", "linear"):
        run = trainer(graph, tmp_path, replace(SETTINGS, epochs=10, schedule=schedule))
        rates = [run.rate(step) for step in range(run.steps + 1)]
        top = int(np.argmax(rates))
        assert rates[top] == pytest.approx(SETTINGS.rate)
        assert rates[:top] == sorted(rates[:top])
        assert rates[top:] == sorted(rates[top:], reverse=True)
        assert rates[-1] == pytest.approx(0, abs=1e-9)


def test_the_rate_falls_in_less_than_an_epoch(graph, tmp_path):
    run = trainer(graph, tmp_path, replace(SETTINGS, epochs=0.9, batch=4, warmup=1.0))
    rates = [run.rate(step) for step in range(run.steps)]
    assert max(rates) == pytest.approx(SETTINGS.rate, rel=0.1)
    assert rates[-1] < 0.1 * max(rates)


def test_sums_begin_as_one_of_their_inputs():
    graph = make("resnet-20", 16, 3)
    plain, start = random_weights(graph, 1), starting_weights(graph, 1)
    zeroed = [name for name in plain if not np.array_equal(plain[name], start[name])]
    assert len(zeroed) == 9
    assert all(name.endswith(".scale") and not start[name].any() for name in zeroed)
    x = np.random.default_rng(0).normal(size=(2, 3, 16, 16)).astype(np.float32)
    with torch.no_grad():
        scores = GraphNetwork(graph, start)(torch.from_numpy(x))
    assert torch.isfinite(scores).all()


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": 0}, {"batch": 0}, {"rate": 0}, {"threads": 0}, {"temperature": 0},
     {"distilled": 1.5}, {"distilled": -0.1}],
)  # fmt: skip
def test_settings_that_cannot_be(wrong):
    with pytest.raises(UsageError):
        Settings(**wrong)


def test_a_share_is_what_the_busiest_thread_has():
    assert Settings(batch=128, threads=2).share == 64
    assert Settings(batch=10, threads=3).share == 4

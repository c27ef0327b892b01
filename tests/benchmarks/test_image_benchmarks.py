"""The image benchmarks run to their ends on two hundred small pictures, keep and resume all."""

import io
import json
import sys
import tarfile
import zipfile
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

pytest.importorskip("torch")

from benchmarks.images import (
    cifar,
    converting,
    frontier,
    imagenette,
    jpeg,
    latency,
    mixing,
    shuffle,
    teaching,
    training,
    training_speed,
)
from benchmarks.images.plain_shufflenet import PlainShuffleNet
from PIL import Image

from benchmarks import machine
from frugally.budget import Budget
from frugally.errors import UsageError
from frugally.fit.vision import budgeting, tries
from frugally.fit.vision import converting as fit_converting
from frugally.fit.vision.fitting import fit_vision
from frugally.fit.vision.forms import Choice
from frugally.fit.vision.network import GraphNetwork
from frugally.fit.vision.onnx_export import onnx_model
from frugally.fit.vision.training import Settings, Trainer
from frugally.fit.vision.weights import starting_weights
from frugally.nets.vision.registry import make

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
SETTINGS = Settings(epochs=1, batch=32)
SMALL = "quick-resnet-0.25x"


def pictures(parts):
    """Pictures of a shade for each class, by name."""
    random = np.random.default_rng(0)
    for part, count in parts.items():
        for number, label in enumerate(CLASSES):
            shade = np.array([number % 2, number // 2 % 2, number // 4]) * [150, 150, 60] + 40
            for index in range(count):
                noise = random.integers(0, 30, (32, 32, 3))
                file = io.BytesIO()
                Image.fromarray((shade + noise).astype(np.uint8)).save(file, "JPEG", quality=75)
                yield f"{part}/{label}/{index}.jpg", file.getvalue()


def as_written(graph, weights, **_):
    """In place of a search for the quickest form."""
    choice = Choice(network=graph.name, image=graph.input, as_written=True)
    return onnx_model(graph, weights), choice


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    (folder / "vision").mkdir()
    with tarfile.open(folder / training.CIFAR, "w:xz") as archive:
        for name, content in pictures({"train": 15, "test": 3}):
            entry = tarfile.TarInfo(f"cifar10/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    with zipfile.ZipFile(folder / training.IMAGENETTE, "w") as archive:
        for name, content in pictures({"train": 10, "val": 4}):
            archive.writestr(name, content)
    return folder


@pytest.fixture(scope="module")
def bench(data, tmp_path_factory):
    """`bench(module, *options)`: what a module's command prints and keeps, on few pictures."""
    root = tmp_path_factory.mktemp("bench")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine, "RESULTS", root / "results")
        for module in (training, mixing, teaching, budgeting, fit_converting):
            patch.setattr(module, "optimised", as_written)
        for module in (training, budgeting, tries):
            patch.setattr(module, "quick_forms", lambda *_, **__: {})
        patch.setattr(training, "_MEASURED", 1)
        patch.setattr(cifar, "NETWORKS", (SMALL, "shufflenet-0.25x-g3"))
        patch.setattr(cifar, "TOGETHER", 4)
        patch.setattr(jpeg, "NETWORK", SMALL)
        for module in (cifar, jpeg, mixing, teaching, latency, training_speed):
            patch.setattr(module, "SETTINGS", SETTINGS)

        def run(module, *options):
            given = ["x", "--data", str(data), "--work", str(root / "work"), *options]
            with pytest.MonkeyPatch.context() as other:
                other.setattr(sys, "argv", given)
                module.main()
            return machine.load(module.NAME)

        run.work = root / "work"
        yield run


@pytest.fixture(scope="module")
def trained(bench):
    """The result of `cifar`."""
    return bench(cifar, "--hours", "1e-6")


def test_cifar(bench, trained, monkeypatch, capsys):
    for name in cifar.NETWORKS:
        one = trained["networks"][name]
        graph = make(name, 32, 10)
        assert (one["macs"], one["parameters"]) == (graph.macs, graph.parameters)
        assert one["epochs"] == 1  # the least, however few the hours
        small, card = (
            json.loads((bench.work / folder / "card.json").read_text())
            for folder in (f"{name}-8", name)
        )
        assert small["eight_bits"]["smaller"] == (
            small["files"]["network.onnx"]["bytes"] < card["files"]["network.onnx"]["bytes"]
        )
        assert small["training"] == card["training"]
        for bits in ("", "-8"):
            files = (bench.work / f"{name}{bits}" / file for file in ("network.onnx", "card.json"))
            stated = one["eight_bits"] if bits else one
            assert stated["bytes"] == sum(file.stat().st_size for file in files)
            assert trained["speed"][f"{name}{bits}"]["milliseconds"] > 0
        assert not (bench.work / name / "checkpoints").exists()
    # Nothing is done twice, neither from the result nor from the folder.
    monkeypatch.setattr(Trainer, "run", None)
    assert bench(cifar)["networks"] == trained["networks"]
    page = capsys.readouterr().out
    assert "JPEG of quality 75" in page
    assert f"| {SMALL}, 8 bits | " in page
    pictures_ = training.Work(data=None, folder=None)
    assert not pictures_.late


def test_all_pictures_are_learnt_from_and_none_of_the_test(bench, trained, data):
    work = training.Work(data=data, folder=bench.work)
    parted, whole = work.cifar(), work.whole_cifar()
    assert [len(s) for s in (parted.train, parted.validation, parted.test)] == [130, 20, 30]
    assert [len(s) for s in (whole.train, whole.validation, whole.test)] == [150, 0, 30]
    assert np.bincount(whole.train.labels).tolist() == [15] * 10
    rows = {*whole.train.images.rows.tolist()}
    assert len(rows) == 150
    assert not rows & {*whole.test.images.rows.tolist()}
    place = int(np.flatnonzero(whole.train.images.rows == parted.validation.images.rows[0])[0])
    assert whole.train.labels[place] == parted.validation.labels[0]
    card = json.loads((bench.work / SMALL / "card.json").read_text())
    assert (card["data"]["train"], card["data"]["test"]) == (150, 30)


def test_a_training_goes_on_where_it_stopped_and_no_other_is_mistaken_for_it(
    bench, data, tmp_path, monkeypatch
):
    work = training.Work(data=data, folder=bench.work)
    given, graph = work.whole_cifar(), make(SMALL, 32, 10)
    settings = replace(SETTINGS, epochs=2)
    straight, _, notes = training.learned(graph, given, settings, tmp_path / "straight")
    assert notes["steps"] == 8
    step = Trainer._step

    def interrupted(trainer, chosen, pool):
        if trainer.progress.step == 3:
            raise KeyboardInterrupt
        return step(trainer, chosen, pool)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Trainer, "_step", interrupted)
        training.learned(graph, given, settings, tmp_path / "stopped")
    resumed, _, _ = training.learned(graph, given, settings, tmp_path / "stopped")
    assert all(np.array_equal(straight[name], resumed[name]) for name in straight)
    for other, hours in ((SETTINGS, None), (settings, 1.0)):
        with pytest.raises(UsageError, match="other settings"):
            training.learned(graph, given, other, tmp_path / "stopped", hours=hours)


def test_nothing_is_begun_after_the_minutes_that_are_given(bench, monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "RESULTS", tmp_path)
    monkeypatch.setattr(Trainer, "run", None)
    for module in (cifar, jpeg, mixing, converting, latency, training_speed):
        bench(module, "--minutes", "-1")


def test_jpeg(bench, monkeypatch, capsys):
    found = bench(jpeg)
    assert {kind: len(runs) for kind, runs in found["runs"].items()} == dict.fromkeys(
        jpeg.QUALITIES, len(jpeg.SEEDS)
    )
    noise = found["decibels"]
    assert noise["90"] > noise["50"] > 30  # they are stored at 75 already
    assert "| 75 | " in capsys.readouterr().out
    monkeypatch.setattr(Trainer, "run", None)
    assert bench(jpeg)["runs"] == found["runs"]


def test_kinds_of_mixing_have_equal_multiply_adds():
    dense = mixing.network("dense")
    for title in mixing.KINDS:
        assert mixing.network(title).macs == pytest.approx(dense.macs, rel=0.02)
    with_, without = (make(name, 32, 10) for name in mixing.SHUFFLENETS.values())
    assert (with_.macs, with_.parameters) == (without.macs, without.parameters)


def test_groups_meet_in_the_last_layer_only_without_a_shuffle():
    """The gradient of a group's last channels reaches one group of the first convolution's."""
    import torch

    from frugally.fit.vision.network import GraphNetwork
    from frugally.fit.vision.weights import random_weights

    for title, groups in (("grouped", 1), ("grouped, fixed shuffle", 4), ("dense", 4)):
        graph = mixing.network(title)
        last = next(i for i, node in enumerate(graph.nodes) if node.name == "mean")
        stem = next(i for i, node in enumerate(graph.nodes) if node.name == "stem.relu")
        body = graph.nodes[stem + 1 : last]
        nodes = tuple(
            replace(node, inputs=tuple("image" if i == "stem.relu" else i for i in node.inputs))
            for node in body
        )
        some = replace(graph, input=(mixing.STEM, 32, 32), nodes=nodes)
        network = GraphNetwork(some, random_weights(some))
        x = torch.randn(2, mixing.STEM, 32, 32, requires_grad=True)
        network(x)[:, 0].sum().backward()
        reached = x.grad.abs().sum(dim=(0, 2, 3)).reshape(4, -1).sum(dim=1) > 0
        assert int(reached.sum()) == groups


def test_mixing(bench, monkeypatch):
    monkeypatch.setattr(mixing, "DENSE", 4)
    monkeypatch.setattr(mixing, "SEEDS", (1,))
    small = {"on": "shufflenet-0.25x-g8", "off": "shufflenet-0.25x-g8-unshuffled"}
    monkeypatch.setattr(mixing, "SHUFFLENETS", small)
    monkeypatch.setattr(mixing, "PAIRS", (*mixing.PAIRS[:5], ("on", "off")))
    result = bench(mixing)
    assert list(result["kinds"]) == [*mixing.KINDS, "on", "off"]
    assert all(list(kind["runs"]) == ["1"] for kind in result["kinds"].values())
    assert set(result["milliseconds"]) == set(result["kinds"])
    page = mixing.render(result)
    assert "| grouped, fixed shuffle | dense | " in page
    assert " % |" not in page


def test_paired_differences_have_students_interval():
    assert training.spread([1.0, 2.0, 3.0]) == "2.00 ± 1.00"
    # By hand: differences 1, 2, 3; mean 2, deviation 1; 4.303 / sqrt(3) = 2.484.
    assert training.paired([3, 5, 7], [2, 3, 4]) == "+2.00 (-0.48 to +4.48)"
    assert training.paired([3], [2]) == "+1.00"


def test_teaching(bench, trained, monkeypatch):
    monkeypatch.setattr(teaching, "STUDENT", "shufflenet-0.25x-g3")
    monkeypatch.setattr(teaching, "SEEDS", (1,))
    monkeypatch.setattr(teaching, "resnet_18", lambda: make("shufflenet-0.05x-g1", 32, 10))
    with pytest.raises(UsageError, match="no teacher yet"):
        bench(teaching)
    best, other = cifar.NETWORKS
    monkeypatch.setattr(teaching, "resnet_18", lambda: make(best, 32, 10))
    result = bench(teaching)
    assert result["teacher"]["name"] == best
    assert all(list(runs) == ["1"] for runs in result["runs"].values())
    assert "With a teacher " in teaching.render(result)
    with pytest.raises(UsageError, match="another teacher"):
        bench(teaching, "--teacher", str(bench.work / other))


def test_converting(bench, monkeypatch):
    monkeypatch.setattr(converting, "WIDTH", 8)
    monkeypatch.setattr(converting, "UNITS", (1, 1))
    monkeypatch.setattr(converting, "resnet_18", partial(converting.resnet_18, 8))
    monkeypatch.setattr(converting, "SETTINGS", Settings(epochs=10, batch=16))
    monkeypatch.setattr(converting, "BRIEF", Settings(epochs=1, batch=16))
    monkeypatch.setattr(converting, "TOLERANCE", 1.0)
    every = partial(fit_converting.ordered, slower=True)
    monkeypatch.setattr(fit_converting, "ordered", lambda found, **_: every(found))
    result = bench(converting)
    done = result["after"]["conversion"]
    assert done["from"] == "resnet-18-half"
    assert result["after"]["macs"] < result["before"]["macs"]
    page = converting.render(result)
    assert "× fewer" in page
    kept = [line.split("|")[3] for line in page.splitlines() if "| kept |" in line]
    assert sum(map(int, kept)) == len(done["exchanges"]) == 5
    assert not {"checkpoints", "pictures"} & {f.name for f in (bench.work / "converted").iterdir()}


def test_imagenette(bench, data, monkeypatch, tmp_path):
    said = {"attribution": "by chance"}
    card = fit_vision(
        data / training.IMAGENETTE, tmp_path / "fitted", budget=Budget.parse("135KB"), side=32,
        families=["quick-resnet"], bits=8, settings=SETTINGS, about=said,
    )  # fmt: skip
    assert card["about"] == said
    monkeypatch.setattr(imagenette, "CLASSIFIER", tmp_path / "fitted")
    one = bench(imagenette)["classifier"]
    assert one["network"].startswith("quick-resnet-")
    assert one["bytes"] <= 135_000
    assert (one["pictures"], one["accuracy"]) == (40, round(100 * card["scores"]["accuracy"], 2))
    page = imagenette.render({"classifier": one})
    assert f"| {one['network']} at 32 × 32, 8 bits | {one['accuracy']:.2f} |" in page
    other = {**card, "labels": ["other", *CLASSES[1:]]}
    monkeypatch.setattr(imagenette, "load_card", lambda *_: other)
    with pytest.raises(UsageError, match="other classes"):
        bench(imagenette)


def test_training_speed(bench, monkeypatch):
    monkeypatch.setattr(training_speed, "NETWORKS", {"shufflenet-0.25x-g3": (3, 0.25)})
    monkeypatch.setattr(training_speed, "ROUNDS", 2)
    monkeypatch.setattr(training_speed, "STEPS", 1)
    forms = {"stage3.0.conv": "dense"}
    monkeypatch.setattr(training_speed, "quick_forms", lambda *_, **__: forms)
    result = bench(training_speed)
    one = result["networks"]["shufflenet-0.25x-g3"]
    assert {len(rates) for rates in one["images_per_second"].values()} == {2}
    assert "| 1 dense |" in training_speed.render(result)


@pytest.mark.parametrize("name", training_speed.NETWORKS)
def test_shufflenet_as_one_writes_it_is_ours(name):
    """The same function of the same weights."""
    import torch

    ours = GraphNetwork(graph := make(name, 32, 10), starting_weights(graph, 1)).train()
    plain = PlainShuffleNet(*training_speed.NETWORKS[name]).train()
    x = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        for mine, theirs in zip(ours.parameters(), plain.parameters(), strict=True):
            mine.normal_(std=0.2)
            theirs.copy_(mine)
        torch.testing.assert_close(plain(x), ours(x), rtol=1e-4, atol=1e-4)


def test_latency(bench, monkeypatch):
    small = partial(fit_vision, network="shufflenet-0.25x-g3")
    monkeypatch.setattr(latency, "fit_vision", small)
    monkeypatch.setattr(latency, "SIDE", 32)
    monkeypatch.setattr(latency, "ROUNDS", 2)
    asked = latency.budgets()
    assert len(asked) == 10
    assert asked == latency.budgets()
    monkeypatch.setattr(latency, "budgets", lambda: ["5000ms", "0.001ms"])
    result = bench(latency)
    assert result["budgets"][0]["network"] == "shufflenet-0.25x-g3"
    assert "shufflenet-0.25x-g3" in result["budgets"][1]["refused"]
    page = latency.render(result)
    assert page.endswith("Of 2 budgets 0 were exceeded and 1 refused.")
    result["budgets"][0]["again"] = 6000.0
    assert "1 were exceeded" in latency.render(result)


def test_frontier(tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(machine, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(frontier, "FIGURE", tmp_path / "figures" / "frontier.png")
    frontier.main()
    assert "no network" in capsys.readouterr().out
    small = {"accuracy": 91.0}
    networks = {
        "a": {"accuracy": 92.0, "macs": 40_000_000, "milliseconds": 2.0, "eight_bits": small},
        "b": {"accuracy": 90.0, "macs": 42_000_000, "milliseconds": 1.0, "eight_bits": small},
    }
    speed = {name: {"milliseconds": ms} for name, ms in (("a", 2.0), ("a-8", 1.5), ("b", 1.2))}
    here = {"machine": machine.describe()}
    machine.save(cifar.NAME, {**here, "networks": networks, "speed": speed})
    kind = {"macs": 7_000_000, "runs": {"1": {"accuracy": 80}, "2": {"accuracy": 82}}}
    machine.save(mixing.NAME, {**here, "kinds": {"dense": kind}, "milliseconds": {"dense": 0.5}})
    entry = {"network": "n", "accuracy": 97, "macs": 10**8, "milliseconds": 3}
    machine.save(imagenette.NAME, {**here, "classifier": entry})
    frontier.main()
    found = machine.load(frontier.NAME)["points"]
    told = {one["network"]: (one["accuracy"], one["milliseconds"]) for one in found}
    assert told == {
        "a": (92, 2), "a, 8 bits": (91, 1.5), "b": (90, 1.2), "dense": (81, 0.5),
        "n, 8 bits": (97, 3),
    }  # fmt: skip
    # What is better on other pictures does not push anything off the frontier.
    assert frontier.frontier(found, "macs") == {"a", "dense"}
    assert frontier.frontier(found, "milliseconds") == {"a", "a, 8 bits", "b", "dense"}
    assert frontier.FIGURE.read_bytes().startswith(b"\x89PNG")
    page = capsys.readouterr().out
    assert "| b | best in 1 M parameters | 90.00 | 42.0 | **1.20** |" in page
    assert "| n, 8 bits | Imagenette, 88 x 88 | 97.00 | 100.0 | 3.00 |" in page


def test_the_figure_of_the_shuffle(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(shuffle, "FIGURE", tmp_path / "images" / "shuffle.png")
    shuffle.main()
    assert shuffle.FIGURE.read_bytes().startswith(b"\x89PNG")

"""`frugally fit vision`, `fit quantise`, `profile`, and `run` over images, as a user meets them."""

import json
import os
import re
import shutil

import numpy as np
import pytest

pytest.importorskip("torch")

from PIL import Image

from cli_helpers import run, save_photos
from frugally.errors import BudgetError, NetError, SourceError, UsageError
from frugally.fit.vision.onnx_export import onnx_model
from frugally.fit.vision.teaching import Teacher
from frugally.fit.vision.weights import random_weights
from frugally.nets.card import load_card
from frugally.nets.vision.graph import Builder
from frugally.nets.vision.image_classifier import TASK
from frugally.nets.zoo import find_net

SIDE = 32


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return save_photos(tmp_path_factory.mktemp("photos"), "rot", "bläulich", count=40, side=SIDE)


@pytest.fixture(scope="module")
def fitted(photos, tmp_path_factory):
    out = tmp_path_factory.mktemp("fitted")
    done = run(
        "fit", "vision", photos, "--budget", "250KB 4MMAC 1s", "--epochs", 8, "--batch", 16,
        "--rate", 0.05, "-o", out,
    )  # fmt: skip
    return out, done


def test_a_classifier_inside_its_budget(fitted):
    out, done = fitted
    card = json.loads((out / "card.json").read_text())
    assert card["labels"] == ["bläulich", "rot"]
    assert card["budget"]["met"] == sum(
        (out / name).stat().st_size for name in ("network.onnx", "card.json")
    )
    assert card["budget"]["met"] <= 250_000
    assert card["macs"] <= 4_000_000
    assert card["scores"]["accuracy"] > 0.9
    assert np.array(card["scores"]["confusion"]).sum() == card["scores"]["pictures"]
    with Image.open(out / "scores.png") as drawn:
        assert drawn.size == (1100, 500)
    assert "accuracy" in done.stderr


def test_going_on_where_it_was_left(fitted, photos, tmp_path):
    out, _ = fitted
    before = json.loads((out / "card.json").read_text())
    run(
        "fit", "vision", photos, "--budget", "250KB 4MMAC 1s", "--epochs", 8, "--batch", 16,
        "--rate", 0.05, "-o", out, "--resume",
    )  # fmt: skip
    after = json.loads((out / "card.json").read_text())
    assert after["files"] == before["files"]
    with pytest.raises(UsageError, match="epochs"):
        run("fit", "vision", photos, "--budget", "250KB 4MMAC 1s", "--batch", 16, "--rate", 0.05,
            "-o", out, "--resume")  # fmt: skip
    (tmp_path / "more").mkdir()
    more = save_photos(tmp_path / "more", "rot", "bläulich", count=41, side=SIDE)
    shutil.copy(out / "network.onnx", tmp_path / "teacher.onnx")
    begun = ("--budget", "250KB 4MMAC 1s", "--epochs", 8, "--batch", 16, "--rate", 0.05, "-o", out)
    for pictures, options, what in (
        (more, (), "pictures"),
        (photos, ("--side", 48), "pictures"),
        (photos, ("--bits", 8), "bits"),
        (photos, ("--teacher", tmp_path / "teacher.onnx"), "teacher"),
    ):
        with pytest.raises(UsageError, match=rf"begun with something else: .*{what}"):
            run("fit", "vision", pictures, *begun, *options, "--resume")
    with pytest.raises(UsageError, match="which is needed"):
        run("fit", "vision", photos, *begun, "--teacher", out / "network.onnx")
    with pytest.raises(UsageError, match=r"else: budget$"):
        run("fit", "vision", photos, "--budget", "249.9999KB 4MMAC 1s", *begun[2:], "--resume")
    with pytest.raises(UsageError, match=r"else: budget, network$"):
        run("fit", "vision", photos, "--budget", "250KB", "--network", "resnet-20", "--epochs", 8,
            "--batch", 16, "--rate", 0.05, "-o", out, "--resume")  # fmt: skip


def test_running_it(fitted, photos, tmp_path):
    out, _ = fitted
    (tmp_path / "no.jpg").write_bytes(b"not a picture")
    first = photos / "rot" / "0.png"
    done = run("run", out, first, tmp_path / "no.jpg", photos / "bläulich", "--top", 2)
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(lines) == 2 * 41
    assert (lines[0][0], lines[0][2]) == ("rot", str(first))
    assert sum(float(line[1]) for line in lines[:2]) == pytest.approx(1, abs=0.02)
    assert sum(line[0] == "bläulich" for line in lines[2::2]) > 36
    assert "skipped" in done.stderr
    assert "41 images" in done.stderr
    assert "1 skipped" in done.stderr
    (told,) = run("run", out, first, "--json").stdout.splitlines()
    assert json.loads(told)["classes"][0]["label"] == "rot"
    with pytest.raises(SourceError, match="none of these"):
        run("run", out, tmp_path / "no.jpg")
    # A name that is no text cannot be printed as it is; the image is run all the same.
    odd = tmp_path / os.fsdecode(b"\xe9.png")
    odd.write_bytes(first.read_bytes())
    assert run("run", out, odd).stdout.endswith("\ufffd.png\n")
    for wrong in (("run", out), ("run", out, first, tmp_path / "missing.jpg")):
        with pytest.raises(UsageError):
            run(*wrong)
    with pytest.raises(UsageError, match="for images"):
        run("run", "language", "--top", 2)


def test_the_one_that_ships(tmp_path):
    Image.new("RGB", (120, 90), (40, 160, 60)).save(tmp_path / "green.png")
    label, sure, name = run("run", "classifier", tmp_path / "green.png").stdout.strip().split("\t")
    assert label in load_card(find_net("classifier"), TASK)["labels"]
    assert 0 < float(sure) <= 1 and name.endswith("green.png")
    assert "conv" in run("profile", "classifier", "--runs", 1).stdout


def test_profiling_it(fitted, tmp_path):
    out, _ = fitted
    lines = run("profile", out, "--runs", 2).stdout.splitlines()
    assert lines[0].split()[:3] == ["node", "kind", "parameters"]
    assert "GFLOP/s" in lines[-1]
    assert lines[-1].startswith(f"image 1x3x{SIDE}x{SIDE} ")
    told = json.loads(run("profile", out / "network.onnx", "--runs", 1, "--json").stdout)
    card = json.loads((out / "card.json").read_text())
    assert told["macs"] >= card["macs"]
    assert told["nodes"]
    (tmp_path / "bad.onnx").write_bytes(b"nothing")
    with pytest.raises(NetError):
        run("profile", tmp_path / "bad.onnx")
    with pytest.raises(UsageError):
        run("profile", tmp_path)
    with pytest.raises(UsageError, match="language holds no network"):
        run("profile", "language")
    with pytest.raises(NetError, match="there is no net 'nowhere'"):
        run("profile", "nowhere")
    for size in ("height=many", "height=0", "height=" + "9" * 5000):
        with pytest.raises(UsageError, match="no size"):
            run("profile", out, "--size", size)
    with pytest.raises(UsageError, match="leaves no dimension 'height' open"):
        run("profile", out, "--size", "height=64")


def test_quantising_it(fitted, photos, tmp_path):
    out, _ = fitted
    small = tmp_path / "small"
    done = run("fit", "quantise", out, "--data", photos, "-o", small)
    card, before = (json.loads((one / "card.json").read_text()) for one in (small, out))
    assert card["bits"] == 8
    sizes = [one["files"]["network.onnx"]["bytes"] for one in (card, before)]
    assert card["eight_bits"]["smaller"] == (sizes[0] < sizes[1])
    assert ("not smaller but larger" in done.stderr) == (sizes[0] >= sizes[1])
    # It tells of itself, not of the network before; and scores what that had not learnt from.
    assert card["budget"]["met"] == sum(
        (small / name).stat().st_size for name in ("network.onnx", "card.json")
    )
    assert card["milliseconds"] != before["milliseconds"]
    assert card["data"] == before["data"]
    assert card["scores"]["pictures"] == before["scores"]["pictures"]
    assert card["eight_bits"]["accuracy_in_floats"] == before["scores"]["accuracy"]
    assert card["scores"]["accuracy"] > 0.9
    # Of so small a network the nodes take more bytes than the weights: these are looked at.
    onnx = pytest.importorskip("onnx")
    weights = [onnx.load(folder / "network.onnx").graph.initializer for folder in (small, out)]
    floats = [sum(len(w.raw_data) for w in some if w.data_type == 1) for some in weights]
    assert floats[0] < 0.5 * floats[1]
    assert run("run", small, photos / "rot" / "1.png").stdout.startswith("rot\t")
    with pytest.raises(UsageError, match="8 bits already"):
        run("fit", "quantise", small, "--data", photos, "-o", tmp_path / "again")
    (tmp_path / "others/a").mkdir(parents=True)
    (tmp_path / "others/b").mkdir()
    for name in "ab":
        for number in range(3):
            Image.new("RGB", (SIDE, SIDE)).save(tmp_path / "others" / name / f"{number}.png")
    with pytest.raises(UsageError, match="other classes"):
        run("fit", "quantise", out, "--data", tmp_path / "others", "-o", tmp_path / "no")


MODEL = """
import torch
from torch import nn

def build():
    torch.manual_seed(0)
    made = nn.Sequential(
        nn.Conv2d(3, 32, 3, stride=2, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
        nn.Conv2d(32, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 2))
    return made

def number():
    return nn.Sequential

def broken():
    raise ZeroDivisionError("no")
"""


def grey_network():
    builder = Builder("grey", (1, SIDE, SIDE))
    builder.head(builder.convolution(builder.image, 8, 3), 2)
    return builder.build()


def test_grouping_a_fitted_one(photos, tmp_path):
    plain, out = tmp_path / "plain", tmp_path / "grouped"
    run("fit", "vision", photos, "--budget", "2MB", "--network", "resnet-20", "--epochs", 6,
        "--batch", 16, "--rate", 0.05, "-o", plain)  # fmt: skip
    done = run("fit", "group", plain, "--data", photos, "--tolerance", 10, "--epochs", 3,
               "--batch", 16, "--slower", "-o", out)  # fmt: skip
    told = json.loads((out / "card.json").read_text())["conversion"]
    assert told["accuracy"][1] >= told["accuracy"][0] - 0.1
    assert told["macs"][1] < told["macs"][0]
    kept = [one for one in told["exchanges"] if one["outcome"] == "kept"]
    assert kept
    assert len(done.stdout.splitlines()) == len(told["exchanges"])
    assert "times fewer" in done.stderr
    assert run("run", out, photos / "rot" / "2.png").stdout
    for verb, options in (("group", ("--epochs", 1)), ("quantise", ())):
        with pytest.raises(UsageError, match="which is needed"):
            run("fit", verb, out, "--data", photos, *options, "-o", tmp_path / "." / "grouped")
    with pytest.raises(UsageError, match="says itself how images are normalised"):
        run("fit", "group", out, "--data", photos, "--mean", "0.5,0.5,0.5", "-o", tmp_path / "o")
    # What was saved to go on from can be gone on from.
    run("fit", "quantise", out, "--data", photos, "-o", tmp_path / "small")


def test_grouping_a_network_of_ones_own(photos, tmp_path):
    (tmp_path / "mine.py").write_text(MODEL)
    options = ("--data", photos, "-o", tmp_path / "o")
    with pytest.raises(UsageError, match=r"right on .*before"):
        run("fit", "group", f"{tmp_path}/mine.py:build", *options, "--mean", "9,9,9")
    with pytest.raises(UsageError, match="deviation of colours is above 0"):
        run("fit", "group", f"{tmp_path}/mine.py:build", *options, "--deviation", "0,0,0")
    with pytest.raises(NetError, match="a torch module is what can be imported, not type"):
        run("fit", "group", f"{tmp_path}/mine.py:number", *options)
    grey = onnx_model(graph := grey_network(), random_weights(graph))
    (tmp_path / "grey.onnx").write_bytes(grey)
    with pytest.raises(UsageError, match="three colours; grey takes 1 x 32 x 32"):
        run("fit", "group", tmp_path / "grey.onnx", *options)
    with pytest.raises(UsageError, match="ZeroDivisionError"):
        run("fit", "group", f"{tmp_path}/mine.py:broken", *options)
    for name in ("mine.py:nothing", "other.py:build", "bird", "bird.onnx"):
        with pytest.raises(UsageError):
            run("fit", "group", tmp_path / name, *options)
    assert run("fit", "group", "x.py:y", *options, "--mean", "1,2").exit_code == 2


def test_a_teacher(fitted, photos, tmp_path):
    out, _ = fitted
    options = ("--network", "shufflenet-0.05x-g1", "--epochs", 1, "--batch", 16, "-o", tmp_path)
    run("fit", "vision", photos, "--budget", "1MB", "--teacher", out, *options)
    assert json.loads((tmp_path / "card.json").read_text())["training"]["taught"]
    again = (*options[:-1], tmp_path / "b")
    run("fit", "vision", photos, "--budget", "1MB", "--teacher", out / "network.onnx", *again)


def test_a_teacher_in_bfloat16_says_what_its_file_says(fitted):
    out, _ = fitted
    how = (out, ["bläulich", "rot"], (0.4, 0.5, 0.6), (0.3, 0.2, 0.1))
    images = np.random.default_rng(0).standard_normal((64, 3, SIDE, SIDE), np.float32)
    quick, exact = (Teacher.load(*how, bfloat16=one)(images) for one in (True, False))
    assert 0 < np.abs(quick - exact).max() < 0.05 * np.abs(exact).max()


def test_a_teacher_that_ends_in_a_softmax_says_the_same(fitted, tmp_path):
    onnx = pytest.importorskip("onnx")
    plain = fitted[0] / "network.onnx"
    model = onnx.load(plain)
    scores = model.graph.output[0].name
    model.graph.node.append(onnx.helper.make_node("Softmax", [scores], ["sure"], axis=1))
    model.graph.output[0].name = "sure"
    onnx.save(model, tmp_path / "sure.onnx")
    images = np.random.default_rng(0).standard_normal((64, 3, SIDE, SIDE), np.float32)
    said = [
        Teacher.load(path, ["bläulich", "rot"], (0.5,) * 3, (0.25,) * 3)(images)
        for path in (plain, tmp_path / "sure.onnx")
    ]
    apart = [one - one.max(axis=1, keepdims=True) for one in said]
    np.testing.assert_allclose(*apart, atol=1e-3)


def test_a_teacher_that_does_not_run_on_such_images(tmp_path):
    onnx = pytest.importorskip("onnx")
    half, shape = onnx.TensorProto.FLOAT16, ["N", 3, SIDE, SIDE]
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Flatten", ["x"], ["flat"]),
         onnx.helper.make_node("MatMul", ["flat", "w"], ["y"])], "half",
        [onnx.helper.make_tensor_value_info("x", half, shape)],
        [onnx.helper.make_tensor_value_info("y", half, ["N", 2])],
        [onnx.numpy_helper.from_array(np.zeros((3 * SIDE**2, 2), np.float16), "w")],
    )  # fmt: skip
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(
        onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), tmp_path / "half.onnx"
    )
    with pytest.raises(NetError, match="teacher does not run on float32 images"):
        Teacher.load(tmp_path / "half.onnx", ["bläulich", "rot"], (0.5,) * 3, (0.25,) * 3)


@pytest.mark.parametrize("budget", ["1B", "30KB", "1kFLOP", "1ns"])
def test_a_budget_that_cannot_be_met(photos, tmp_path, budget):
    with pytest.raises((BudgetError, UsageError)) as refused:
        run("fit", "vision", photos, "--budget", budget, "-o", tmp_path / "o")
    assert refused.value.hint


def test_a_named_network_that_is_too_large(photos, tmp_path):
    options = ("--budget", "100KB", "--network", "resnet-20", "-o", tmp_path / "o")
    with pytest.raises(BudgetError, match="resnet-20 does not keep within 100kB") as refused:
        run("fit", "vision", photos, *options)
    assert refused.value.hint.startswith("it needs 1")
    with pytest.raises(UsageError, match="resnet-21"):
        run("fit", "vision", photos, "--budget", "1MB", "--network", "resnet-21", "-o", tmp_path)


def test_a_named_network_that_is_too_slow(photos, tmp_path):
    options = ("--budget", "10us", "--network", "resnet-20", "-o", tmp_path / "o")
    with pytest.raises(BudgetError, match="resnet-20 does not keep within"):
        run("fit", "vision", photos, *options)


def test_what_a_refusal_says_is_enough(photos, tmp_path):
    options = ("--epochs", 0.5, "--batch", 16, "-o", tmp_path / "o")
    with pytest.raises(BudgetError, match="no network of quick-resnet can keep") as refused:
        run("fit", "vision", photos, "--budget", "1B", *options)
    needed = re.search(r"needs (\d+B)", refused.value.hint)[1]
    run("fit", "vision", photos, "--budget", needed, *options)
    card = json.loads((tmp_path / "o" / "card.json").read_text())
    assert card["budget"]["met"] <= int(needed[:-1])


def test_options_that_cannot_be(photos, tmp_path):
    for options, what in (
        (("--family", "bird"), "no family 'bird'"),
        (("--epochs", "nan"), "without end"),
        (("--epochs", "inf"), "without end"),
        (("--mixup", -1), "below 0"),
        (("--mixup", "nan"), "without end"),
        (("--cutmix", "inf"), "without end"),
        (("--drop-path", 0.2), "networks of cells"),
        (("--network", "resnet-20", "--family", "resnet"), "no network is named"),
    ):
        with pytest.raises(UsageError, match=what):
            run("fit", "vision", photos, "--budget", "1MB", *options, "-o", tmp_path / "o")


def test_mixed_pictures_and_a_linear_schedule(photos, tmp_path):
    run("fit", "vision", photos, "--budget", "1MB", "--network", "shufflenet-0.05x-g1", "--epochs",
        1, "--batch", 16, "--mixup", 0.4, "--cutmix", 1, "--schedule", "linear", "-o",
        tmp_path / "o")  # fmt: skip
    told = json.loads((tmp_path / "o" / "card.json").read_text())["training"]
    assert told["schedule"] == "linear"
    assert (told["augmentation"]["mixup"], told["augmentation"]["cutmix"]) == (0.4, 1)

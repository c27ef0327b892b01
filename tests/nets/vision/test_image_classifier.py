"""Images to probabilities, by a saved network; and what is no such network is refused."""

import json
import subprocess
import sys

import numpy as np
import pytest

from frugally.cost import metered
from frugally.errors import NetError, UsageError
from frugally.fit.vision.onnx_export import onnx_model
from frugally.fit.vision.weights import random_weights
from frugally.nets.card import CARD, FORMAT, load_card
from frugally.nets.vision.graph import Builder
from frugally.nets.vision.image_classifier import (
    NETWORK,
    TASK,
    ImageClassifier,
    Input,
    save_image_classifier,
)
from frugally.nets.zoo import find_net

LABELS = ["cat", "dog", "žába", "none"]
SEEN = Input(height=8, width=12, mean=(0.5, 0.4, 0.3), deviation=(0.2, 0.2, 0.2))


def network(height=8, width=12, classes=4):
    builder = Builder("tiny", (3, height, width))
    builder.head(builder.activation(builder.convolution(builder.image, 6, 3)), classes)
    return builder.build()


def save(folder, graph=None, labels=LABELS, given=SEEN):
    graph = graph or network()
    model = onnx_model(graph, random_weights(graph, 1))
    return save_image_classifier(folder, model, labels, given, graph.macs, {"trained": "never"})


@pytest.fixture
def folder(tmp_path):
    save(tmp_path / "net")
    return tmp_path / "net"


@pytest.fixture
def classifier(folder):
    return ImageClassifier.load(folder, threads=1)


def picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


def test_probabilities_of_a_batch_are_those_of_its_images(classifier):
    images = np.random.default_rng(0).standard_normal((5, 3, 8, 12), np.float32)
    found = classifier.classify(images)
    assert found.shape == (5, 4) and found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    for image, expected in zip(images, found, strict=True):
        np.testing.assert_allclose(classifier.classify(image[None])[0], expected, rtol=1e-4)


def test_pictures_are_resized_and_normalised(classifier):
    exact = picture(8, 12)
    ready = (exact / 255 - np.array(SEEN.mean)) / np.array(SEEN.deviation)
    ready = ready.transpose(2, 0, 1)[None].astype(np.float32)
    np.testing.assert_allclose(classifier.classify([exact]), classifier.classify(ready), rtol=1e-4)
    assert classifier.classify([exact, picture(50, 31), picture(3, 2)[:, ::-1]]).shape == (3, 4)


def test_no_images_have_no_probabilities(classifier):
    assert classifier.classify([]).shape == (0, 4)
    assert classifier.classify(np.empty((0, 3, 8, 12), np.float32)).shape == (0, 4)


def test_large_scores_do_not_overflow(classifier):
    found = classifier.classify(np.full((1, 3, 8, 12), 1e6, np.float32))
    assert np.isfinite(found).all()


def test_what_it_costs(classifier):
    with metered() as cost:
        classifier.classify([picture(8, 12)] * 3)
    assert cost.flops == 2 * 3 * network().macs


def test_card_and_size(folder, classifier, tmp_path):
    size = save(tmp_path / "again")
    assert size == sum(path.stat().st_size for path in (tmp_path / "again").iterdir())
    assert sorted(path.name for path in folder.iterdir()) == [CARD, NETWORK]
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    assert (card["format"], card["task"], card["trained"]) == (FORMAT, TASK, "never")
    assert classifier.labels == tuple(LABELS)
    assert classifier.input == SEEN
    assert repr(classifier).startswith("ImageClassifier(4 classes, 8x12, ")


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((1, 3, 9, 12), np.float32),
        np.zeros((3, 8, 12), np.float32),
        [np.zeros((8, 12, 3), np.float32)],
        [np.zeros((8, 12), np.uint8)],
        [np.zeros((8, 12, 4), np.uint8)],
        [np.zeros((0, 12, 3), np.uint8)],
    ],
)
def test_what_are_no_images_is_refused(classifier, images):
    with pytest.raises(UsageError):
        classifier.classify(images)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"task": "classifier"}, "holds a net for classifier"),
        ({"labels": ["cat"]}, "does not tell 1 classes"),
        ({"labels": "cat"}, "no list of names"),
        ({"macs": "many"}, "macs"),
        ({"input": None}, "does not tell what images"),
        ({"input": {"height": 8, "width": 12, "mean": [0, 0], "deviation": [1]}}, "cannot be"),
        ({"input": {"height": 8, "width": 12, "mean": [0] * 3, "deviation": [0] * 3}}, "cannot be"),
        ({"input": {"height": 9, "width": 9, "mean": [0] * 3, "deviation": [1] * 3}}, "not take"),
        ({"input": {"height": 1e999, "width": 8}}, "does not tell what images"),
        ({"files": {}}, "holds no network"),
    ],
)
def test_a_card_that_does_not_fit(folder, entries, message):
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    (folder / CARD).write_text(json.dumps({**card, **entries}), encoding="utf-8")
    with pytest.raises(NetError, match=message):
        ImageClassifier.load(folder)


def test_a_card_without_an_entry(folder):
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    del card["labels"]
    (folder / CARD).write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(NetError, match="has no labels"):
        ImageClassifier.load(folder)


def test_a_damaged_network_is_refused(folder):
    data = bytearray((folder / NETWORK).read_bytes())
    data[100] ^= 1
    (folder / NETWORK).write_bytes(data)
    with pytest.raises(NetError, match="checksum"):
        ImageClassifier.load(folder)


def test_it_runs_without_torch_and_onnx(folder):
    code = (
        "import sys; sys.modules.update(torch=None, onnx=None)\n"
        "from pathlib import Path; import numpy as np\n"
        "from frugally.nets.vision.image_classifier import ImageClassifier\n"
        "from frugally.nets.vision.profiling import profile\n"
        "net = ImageClassifier.load(Path(sys.argv[1]), threads=1)\n"
        "assert net.classify(np.zeros((1, 3, 8, 12), np.float32)).shape == (1, 4)\n"
        "assert profile(Path(sys.argv[1], 'network.onnx'), runs=1).macs\n"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True)


def test_the_shipped_classifier():
    folder = find_net("classifier")
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 1_500_000
    card = load_card(folder, TASK)
    assert "ImageNet" in card["about"]["attribution"]
    assert card["scores"]["pictures"] == 3925 and card["scores"]["accuracy"] >= 0.88
    shipped = ImageClassifier.load(folder, threads=1)
    assert len(shipped.labels) == 10 and {"church", "golf_ball"} < set(shipped.labels)
    images = [picture(60, 90), np.full((100, 80, 3), 200, np.uint8)]
    alone = np.concatenate([shipped.classify([image]) for image in images])
    np.testing.assert_allclose(shipped.classify(images), alone, atol=1e-5)
    np.testing.assert_allclose(alone.sum(axis=1), 1, rtol=1e-5)

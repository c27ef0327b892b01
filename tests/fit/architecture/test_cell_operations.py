"""Operations and whole networks of cells are the same function in torch and in onnxruntime."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnxruntime = pytest.importorskip("onnxruntime")

from small_cells import ALL, some_weights, uniform  # noqa: E402

from frugally.fit.vision.forms import Choice, written  # noqa: E402
from frugally.fit.vision.network import GraphNetwork  # noqa: E402
from frugally.fit.vision.onnx_export import onnx_model  # noqa: E402
from frugally.nets.onnx_session import open_session  # noqa: E402
from frugally.nets.vision.cells.operations import OPERATIONS, halved  # noqa: E402
from frugally.nets.vision.cells.references import REFERENCES, reference  # noqa: E402
from frugally.nets.vision.cells.stacking import Stack, stacked  # noqa: E402
from frugally.nets.vision.graph import Builder, Graph  # noqa: E402
from frugally.nets.vision.layers import (  # noqa: E402
    ChannelShuffle,
    Concatenation,
    Convolution,
    DropPath,
)


def images_of(graph, count=3):
    return np.random.default_rng(1).standard_normal((count, *graph.input), np.float32)


def in_torch(graph, weights, images):
    with torch.no_grad():
        return GraphNetwork(graph, weights).eval()(torch.from_numpy(images)).numpy()


def in_onnxruntime(model, images):
    return open_session(model, 1).run(None, {"image": images})[0]


def assert_same(found, expected):
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("given", [(8, 6, 6), (8, 7, 5), (16, 5, 8)])
@pytest.mark.parametrize("name", [*OPERATIONS, "halved"])
def test_an_operation_is_the_same_in_both(name, given, stride):
    builder = Builder(name, given)
    if name == "halved":
        made = halved(builder, builder.image, 8)
        stride = 2
    else:
        made = OPERATIONS[name](builder, builder.image, 8, stride)
    if made == builder.image:
        pytest.skip("nothing is done")
    graph = builder.build()
    weights, images = some_weights(graph), images_of(graph)
    found = in_onnxruntime(onnx_model(graph, weights), images)
    assert found.shape == (3, 8, -(-given[1] // stride), -(-given[2] // stride))
    assert_same(found, in_torch(graph, weights, images))


@pytest.mark.parametrize("name", REFERENCES)
def test_a_published_network_is_the_same_in_both(name):
    graph = stacked(reference(name), Stack(cells=1, filters=8, drop=0.3), 33)
    weights, images = some_weights(graph), images_of(graph)
    expected = in_torch(graph, weights, images)
    assert_same(in_onnxruntime(onnx_model(graph, weights), images), expected)
    folded = written(graph, weights, Choice(network=graph.name, image=graph.input))
    assert_same(in_onnxruntime(folded, images), expected)


@pytest.mark.parametrize("seed", range(6))
def test_networks_in_other_layouts_are_the_same(seed):
    """What looks for the quickest form of a network finds the same function in cells."""
    graph = stacked(ALL.decode(ALL.sample(np.random.default_rng(seed))), Stack(cells=1, filters=8))
    weights, images = some_weights(graph), images_of(graph, 2)
    expected = in_torch(graph, weights, images)
    layout, form = [("padded", "folded"), ("made", "regrouped"), ("taken", "gather")][seed % 3]
    convolutions = _named(graph, Convolution, lambda node: node.layer.groups != node.layer.out)
    forms = dict.fromkeys(_named(graph, ChannelShuffle), form)
    forms |= dict.fromkeys(_named(graph, Concatenation), "ordered")
    choice = Choice(
        network=graph.name, image=graph.input, layouts=dict.fromkeys(convolutions, layout),
        forms=forms,
    )  # fmt: skip
    assert_same(in_onnxruntime(written(graph, weights, choice), images), expected)


def _named(graph, kind, which=lambda node: True):
    return [node.name for node in graph.nodes if isinstance(node.layer, kind) and which(node)]


@pytest.mark.parametrize("states", [(0, 0), (1, 1)])
def test_every_weight_of_a_network_has_a_gradient(states):
    graph = stacked(uniform("conv_1x1", states), Stack(cells=2, filters=8), 16)
    network = GraphNetwork(graph, some_weights(graph)).train()
    loss = network(torch.from_numpy(images_of(graph))).square().sum()
    for gradient in torch.autograd.grad(loss, list(network.parameters())):
        assert gradient.isfinite().all()


def dropping(share=0.4):
    builder = Builder("drop", (3, 4, 4))
    builder.add("drop", DropPath(share=share), builder.image)
    return builder.build()


def test_a_path_is_dropped_for_whole_images():
    network = GraphNetwork(dropping(), {}).train()
    network.draws.generator = torch.Generator().manual_seed(0)
    x = torch.ones(2000, 3, 4, 4)
    found = network(x).flatten(1)
    assert torch.equal(found.amin(dim=1), found.amax(dim=1))
    kept = found[:, 0] > 0
    assert kept.float().mean() == pytest.approx(0.6, abs=0.05)
    torch.testing.assert_close(found[kept], torch.full((int(kept.sum()), 48), 1 / 0.6))


def test_the_share_of_dropped_paths_grows():
    network = GraphNetwork(dropping(), {}).train()
    shares = []
    for done in (0.0, 0.5, 1.0):
        network.drop_paths(done)
        network.draws.generator = torch.Generator().manual_seed(0)
        shares.append(float((network(torch.ones(4000, 3, 4, 4))[:, 0, 0, 0] == 0).float().mean()))
    assert shares == pytest.approx([0, 0.2, 0.4], abs=0.03)


def test_norms_are_estimated_with_all_paths():
    builder = Builder("drop", (3, 4, 4))
    builder.norm(builder.add("drop", DropPath(share=0.5), builder.image))
    graph = builder.build()
    network = GraphNetwork(graph, some_weights(graph)).train()
    x = torch.from_numpy(images_of(graph, 50))
    network.estimate([x[:20], x[20:]])
    mean, variance = (network.arrays()[f"norm.{key}"] for key in ("mean", "variance"))
    np.testing.assert_allclose(mean, x.mean(dim=(0, 2, 3)), atol=1e-5)
    np.testing.assert_allclose(variance, x.var(dim=(0, 2, 3), correction=0), rtol=1e-5)


def test_nothing_is_dropped_in_use():
    graph = dropping()
    assert Graph.from_dict(graph.as_dict()) == graph
    x = images_of(graph)
    np.testing.assert_array_equal(in_torch(graph, {}, x), x)
    np.testing.assert_array_equal(in_onnxruntime(onnx_model(graph, {}), x), x)

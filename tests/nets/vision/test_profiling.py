"""Each node's parameters, multiply-adds and bytes, of our networks and of anybody's."""

import json

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from frugally.errors import NetError, UsageError
from frugally.fit.vision.onnx_export import onnx_model
from frugally.fit.vision.weights import random_weights
from frugally.nets.vision.ceilings import Ceilings
from frugally.nets.vision.graph import Builder
from frugally.nets.vision.profiling import profile

LIMITS = Ceilings(gflops=100.0, gigabytes=10.0)


def made(nodes, inputs, outputs, weights=()):
    """An ONNX file like those that others write; `inputs` are (name, type, shape)."""
    graph = helper.make_graph(
        nodes,
        "theirs",
        [helper.make_tensor_value_info(*one) for one in inputs],
        [helper.make_tensor_value_info(*one) for one in outputs],
        [numpy_helper.from_array(array, name) for name, array in weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model.SerializeToString()


def profiled(model, **how):
    return profile(model, runs=3, measured=LIMITS, **how)


def test_a_network_is_counted_as_its_graph_counts():
    builder = Builder("counted", (16, 20, 20))
    x = builder.convolution(builder.image, 32, 3, bias=True)
    builder.head(builder.convolution(x, 32, groups=2), 10)
    graph = builder.build()
    found = profiled(onnx_model(graph, random_weights(graph)))
    assert (found.macs, found.parameters) == (graph.macs, graph.parameters)
    assert found.milliseconds == pytest.approx(sum(node.milliseconds for node in found.nodes))
    assert found.inputs == {"image": (1, 16, 20, 20)}


def test_weights_are_counted_wherever_they_stand():
    """First of two inputs, behind an input of fewer bytes."""
    model = made(
        [helper.make_node("MatMul", ["w", "x"], ["y"], name="product")],
        [("x", TensorProto.FLOAT, (30, 20))],
        [("y", TensorProto.FLOAT, (100, 20))],
        [("w", np.ones((100, 30), np.float32))],
    )
    (node,) = profiled(model).nodes
    assert node.parameters == 3000


def test_bytes_and_what_binds():
    weight = np.ones((3000, 10), np.float32)
    model = made(
        [helper.make_node("MatMul", ["x", "w"], ["y"], name="product")],
        [("x", TensorProto.FLOAT, (500, 3000))],
        [("y", TensorProto.FLOAT, (500, 10))],
        [("w", weight)],
    )
    (node,) = profiled(model).nodes
    assert (node.name, node.kind) == ("product", "MatMul")
    assert (node.parameters, node.macs) == (30_000, 15_000_000)
    assert node.bytes == 4 * (500 * 3000 + 3000 * 10 + 500 * 10)
    # 30 MFLOP take 0.3 ms at 100 GFLOP/s, 6.14 MB 0.614 ms at 10 GB/s.
    assert node.binds == "memory"
    assert node.share == pytest.approx(0.614 / node.milliseconds)
    fast = Ceilings(gflops=1.0, gigabytes=10.0)
    assert profile(model, runs=2, measured=fast).nodes[0].binds == "compute"


def test_nodes_without_names_are_told_apart():
    shape = (1, 3, 40, 40)
    model = made(
        [helper.make_node("Sin", ["x"], ["y"]), helper.make_node("Sin", ["y"], ["z"])],
        [("x", TensorProto.FLOAT, shape)],
        [("z", TensorProto.FLOAT, shape)],
    )
    found = profiled(model).nodes
    assert len(found) == 2 and all("Sin" in node.name for node in found)


def test_open_dimensions():
    model = made(
        [helper.make_node("GlobalAveragePool", ["x"], ["y"])],
        [("x", TensorProto.FLOAT, ("batch", 3, "height", None))],
        [("y", TensorProto.FLOAT, ("batch", 3, 1, 1))],
    )
    assert profiled(model).inputs == {"x": (1, 3, 224, 224)}
    sizes = {"batch": 2, "height": 64}
    assert profiled(model, dimensions=sizes).inputs == {"x": (2, 3, 64, 224)}
    with pytest.raises(UsageError, match="no dimension 'hieght' open") as caught:
        profiled(model, dimensions={"hieght": 64})
    assert caught.value.hint == "it leaves open batch, height"
    with pytest.raises(NetError, match="cannot be made up"):
        profiled(model, dimensions={"height": 10**20})


def test_a_product_that_transposes_its_first_factor():
    model = made(
        [
            helper.make_node("Transpose", ["x"], ["t"], perm=[1, 0]),
            helper.make_node("MatMul", ["t", "w"], ["y"]),
        ],
        [("x", TensorProto.FLOAT, (30, 20))],
        [("y", TensorProto.FLOAT, (20, 10))],
        [("w", np.ones((30, 10), np.float32))],
    )
    found = profiled(model)
    assert found.macs == 20 * 30 * 10


def test_numbers_of_other_types_and_recurrent_layers():
    weights = [
        ("table", np.ones((50, 8), np.float32)),
        ("w", np.ones((1, 16, 8), np.float32)),
        ("r", np.ones((1, 16, 4), np.float32)),
    ]
    model = made(
        [
            helper.make_node("Gather", ["table", "words"], ["vectors"]),
            helper.make_node("LSTM", ["vectors", "w", "r"], ["y"], name="lstm", hidden_size=4),
        ],
        [("words", TensorProto.INT64, ("time", 1))],
        [("y", TensorProto.FLOAT, ("time", 1, 1, 4))],
        weights,
    )
    found = profiled(model, dimensions={"time": 7})
    (lstm,) = (node for node in found.nodes if node.kind == "LSTM")
    assert lstm.macs == 7 * (16 * 8 + 16 * 4)


def test_it_becomes_json(tmp_path):
    builder = Builder("counted", (3, 8, 8))
    builder.head(builder.convolution(builder.image, 4, 3), 2)
    graph = builder.build()
    path = tmp_path / "net.onnx"
    path.write_bytes(onnx_model(graph, random_weights(graph)))
    entry = json.loads(json.dumps(profile(path, runs=1, measured=LIMITS).as_dict()))
    assert entry["ceilings"] == {"gflops": 100.0, "gigabytes": 10.0}
    assert entry["inputs"] == {"image": [1, 3, 8, 8]}
    assert {"name", "kind", "macs", "binds", "share"} <= entry["nodes"][0].keys()
    assert [one.name for one in tmp_path.iterdir()] == ["net.onnx"]


def test_what_is_no_network_is_refused(tmp_path):
    path = tmp_path / "no.onnx"
    path.write_bytes(b"no network")
    with pytest.raises(NetError, match=r"cannot open the network .*no\.onnx"):
        profiled(path)


def test_words_cannot_be_made_up():
    model = made(
        [helper.make_node("Identity", ["x"], ["y"])],
        [("x", TensorProto.STRING, (1,))],
        [("y", TensorProto.STRING, (1,))],
    )
    with pytest.raises(NetError, match=r"its input x is tensor\(string\)"):
        profiled(model)


def test_a_network_that_does_not_run_on_what_was_made_up():
    model = made(
        [helper.make_node("Reshape", ["x", "shape"], ["y"])],
        [("x", TensorProto.FLOAT, ("length",))],
        [("y", TensorProto.FLOAT, (2, 3))],
        [("shape", np.array([2, 3]))],
    )
    with pytest.raises(NetError, match=r"does not run on x \[1\]") as caught:
        profiled(model)
    assert caught.value.hint.endswith("by their names: length")
    assert profiled(model, dimensions={"length": 6}).inputs == {"x": (6,)}

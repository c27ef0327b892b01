"""A graph adds up its layers, is the same from JSON, and refuses what cannot be a network."""

import json
from copy import deepcopy
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugally.errors import NetError, UsageError
from frugally.nets.vision.graph import INPUT, Builder, Graph, Node
from frugally.nets.vision.layers import Activation, Add, Concatenation, Flatten, Linear
from frugally.nets.vision.stem import add_stem, halvings, image


def tiny() -> Graph:
    builder = Builder("tiny", (3, 8, 6))
    x = add_stem(builder, 4, (8, 6))
    builder.at("unit")
    y = builder.shuffle(builder.normalised(x, 4, groups=2, activation="relu6"), 2)
    y = builder.squeeze_excite(builder.concatenation(x, builder.cut(y, 0, 2)), 2)
    y = builder.pool(y, "average", 3, stride=2, padding=1)
    builder.at("")
    builder.head(y, 5, dropout=0.5)
    return builder.build()


def node(name: str, *inputs: str, layer=None) -> Node:
    return Node(name=name, layer=layer or Activation(), inputs=inputs)


def graph(*nodes: Node) -> Graph:
    return Graph(name="made", input=(3, 8, 8), nodes=nodes)


def test_counts_are_the_sums_by_hand():
    net = tiny()
    # stem: 4 · 3 · 9 and norm; grouped: 4 · 2 and norm; squeeze 6 -> 2 -> 6 with bias; linear
    assert net.parameters == (108 + 8) + (8 + 8) + (12 + 2 + 12 + 6) + (30 + 5)
    assert net.macs == (108 + 8) * 48 + 12 + 12 + 30
    assert net.output == (5,)
    assert net.shapes["unit.concat"] == (6, 8, 6)
    assert net.weights["unit.norm.mean"] == (4,)


def test_names_say_where_and_what():
    names = [one.name for one in tiny().nodes]
    assert names[:3] == ["stem.conv", "stem.norm", "stem.relu"]
    assert "unit.conv" in names
    assert "unit.conv2" in names
    assert len(set(names)) == len(names)


def test_an_activation_is_computed_once():
    builder = Builder("twice", (3, 4, 4))
    builder.at("early")
    x = builder.shuffle(builder.image, 3)
    builder.at("later")
    assert builder.activation(x) == "early.relu"
    builder.at("last")
    assert builder.activation(x) == "early.relu"
    assert builder.activation(x, "silu") == "early.silu"
    assert builder.activation("early.relu") == "early.relu2"
    assert builder.shuffle(x, 3) == "last.shuffle"


def test_the_name_and_the_cost_are_shown():
    assert repr(tiny()) == "Graph('tiny', 199 parameters, 0.01 MMACs at 8x6)"


@pytest.mark.parametrize(
    "nodes, why",
    [
        ((), "no layers"),
        ((node("a", "b"), node("b", "a")), "'b', which is not there"),
        ((node("a", "a"),), "'a', which is not there"),
        ((node("a", "picture"),), "'picture', which is not there"),
        ((node("a", INPUT), node("a", INPUT)), "a in made has a name"),
        ((node(INPUT, INPUT),), "image in made has a name"),
        ((node("a"),), "a in made has a name or inputs"),
        ((node("a", layer=Add()),), "a in made has a name or inputs"),
        ((node("a", INPUT, INPUT),), "a in made has a name or inputs"),
        ((node("flat", INPUT, layer=Flatten()), node("sum", "flat", INPUT, layer=Add())), "added"),
        ((node("end", INPUT, layer=Linear(out=2)),), "end of made: a linear layer"),
    ],
)
def test_what_is_no_network_is_refused(nodes, why):
    with pytest.raises(NetError, match=why):
        _ = graph(*nodes).shapes


@pytest.mark.parametrize("shape", [(), (3, 8), (3, 0, 8), (3, -8, 8), (3, 8, 2**40)])
def test_images_that_cannot_be_are_refused(shape):
    with pytest.raises(NetError, match="channels, height, width"):
        _ = Graph(name="made", input=shape, nodes=(node("a", INPUT),)).shapes


def test_a_few_doublings_do_not_make_numbers_without_end():
    names = [INPUT, *(f"double{number}" for number in range(20_000))]
    nodes = (node(name, before, before, layer=Concatenation()) for before, name in pairwise(names))
    with pytest.raises(NetError, match="double29 of made makes too many numbers"):
        _ = graph(*nodes).macs


def test_json_round_trip():
    again = Graph.from_dict(json.loads(json.dumps(tiny().as_dict())))
    assert again == tiny()
    assert again.weights == tiny().weights


def test_a_builder_says_what_does_not_fit_and_where():
    builder = Builder("tiny", (3, 8, 6))
    builder.at("unit")
    with pytest.raises(NetError, match=r"unit\.conv of tiny: 3 channels to 4"):
        builder.convolution(builder.image, 4, groups=2)


def test_a_builder_knows_channels_and_size():
    builder = Builder("tiny", (3, 8, 6))
    x = builder.convolution(builder.image, 4, 3, stride=2)
    assert (builder.channels(x), builder.size(x)) == (4, (4, 3))
    assert builder.shuffle(x, 1) == x


@pytest.mark.parametrize(
    "size, times, left",
    [(32, 0, (32, 32)), (47, 0, (47, 47)), (48, 1, (24, 24)), (95, 1, (48, 48)),
     (96, 2, (24, 24)), (224, 2, (56, 56)), ((480, 640), 2, (120, 160)), ((32, 640), 0, (32, 640))],
)  # fmt: skip
def test_a_stem_halves_large_images(size, times, left):
    builder = Builder("stem", image(size))
    assert builder.size(add_stem(builder, 8, size)) == left
    assert halvings(size) == times


@pytest.mark.parametrize("size", [0, -32, (32, 0), 2**40])
def test_there_is_no_such_image(size):
    with pytest.raises(UsageError):
        image(size)


def _paths(value, path=()):
    """The paths to everything in JSON."""
    yield path
    if isinstance(value, dict | list):
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _paths(one, (*path, key))


PATHS = list(_paths(tiny().as_dict()))[1:]
hostile = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, -1, 2**31, 10**400, float("inf"), float("nan")])
    | st.floats()
    | st.sampled_from(["", INPUT, "Linear", "stem.conv", "max", "\0", "9" * 5000])
    | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.lists(st.tuples(st.sampled_from(PATHS), hostile | st.just("removed")), min_size=1))
def test_hostile_json_is_a_network_or_refused(changes):
    entry = deepcopy(tiny().as_dict())
    for path, value in changes:
        holder = entry
        try:
            for key in path[:-1]:
                holder = holder[key]
            holder[path[-1]] = value
            if value == "removed":
                del holder[path[-1]]
        except (LookupError, TypeError):
            continue  # an earlier change took the place away
    try:
        read = Graph.from_dict(entry)
    except NetError as error:
        assert str(error)
    else:
        assert read.macs >= 0
        assert read.parameters >= 0
        assert Graph.from_dict(json.loads(json.dumps(read.as_dict()))) == read


@given(hostile)
def test_any_json_is_refused(entry):
    with pytest.raises(NetError):
        Graph.from_dict(entry)


def test_deep_json_is_refused():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    for key in ("name", "input", "nodes"):
        with pytest.raises(NetError):
            Graph.from_dict({**tiny().as_dict(), key: deep})

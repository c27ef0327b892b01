"""Which form of a convolution is trained in: the quickest one, whatever that is here."""

import pytest

torch = pytest.importorskip("torch")

from frugally.fit.vision import training_forms  # noqa: E402
from frugally.fit.vision.convolution import fitting_forms  # noqa: E402
from frugally.fit.vision.training_forms import quick_forms  # noqa: E402
from frugally.nets.vision.layers import Convolution  # noqa: E402
from frugally.nets.vision.registry import make  # noqa: E402


def test_forms_are_named_for_what_they_fit():
    graph = make("shufflenet-0.25x-g3", 32, 5)
    layers = {node.name: node.layer for node in graph.nodes}
    threads = torch.get_num_threads()
    for name, form in quick_forms(graph, 4).items():
        assert form != "torch"
        assert form in fitting_forms(layers[name])
    assert torch.get_num_threads() == threads


def test_equal_layers_are_measured_once(monkeypatch):
    graph = make("shufflenet-0.25x-g3", 32, 5)
    seen = []
    monkeypatch.setattr(
        training_forms, "_quickest", lambda layer, given, *_: seen.append((layer, given)) or "dense"
    )
    chosen = quick_forms(graph, 4)
    grouped = [
        node.name
        for node in graph.nodes
        if isinstance(node.layer, Convolution) and node.layer.groups > 1
    ]
    assert list(chosen) == grouped
    assert set(chosen.values()) == {"dense"}
    assert len(seen) == len(set(seen)) < len(grouped)


def test_networks_without_groups_have_nothing_to_choose():
    assert quick_forms(make("resnet-20", 32, 5), 2) == {}

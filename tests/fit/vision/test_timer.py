"""Which of two networks is quicker, where the difference is not in doubt."""

from random_network import some_images, some_weights

from frugally.fit.vision import timer
from frugally.fit.vision.onnx_export import onnx_model
from frugally.fit.vision.timer import Timer
from frugally.nets.vision.graph import Builder


def network(channels):
    builder = Builder("timed", (3, 32, 32))
    builder.convolution(builder.image, channels, 5)
    graph = builder.build()
    return graph, onnx_model(graph, some_weights(graph))


def test_a_hundred_times_the_work_is_slower(monkeypatch):
    monkeypatch.setattr(timer, "_SECONDS", 0.02)
    graph, little = network(2)
    _, much = network(512)
    for threads in (1, 2):
        timed = Timer(some_images(graph, 1), threads)
        quick, slow = timed.milliseconds([little, much])
        assert 0 < quick < slow
        assert timed.is_quicker(little, much)
        assert 0 < timed.last < slow
        assert not timed.is_quicker(much, little)

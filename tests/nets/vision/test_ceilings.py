"""What the machine can do, and the small network that is written by hand to find out."""

import numpy as np
import onnx

from frugally.nets.onnx_session import open_session
from frugally.nets.vision.ceilings import _product_network, ceilings


def test_the_product_network_is_valid_and_multiplies():
    model = _product_network(200)
    onnx.checker.check_model(onnx.load_from_string(model), full_check=True)
    random = np.random.default_rng(0)
    a, b = random.standard_normal((2, 200, 200)).astype(np.float32)
    (found,) = open_session(model, 1).run(None, {"a": a, "b": b})
    np.testing.assert_allclose(found, a @ b, rtol=1e-3, atol=1e-3)


def test_ceilings_are_of_this_world():
    for threads in (1, 2):
        found = ceilings(threads)
        assert 0.1 < found.gflops < 1e6
        assert 0.05 < found.gigabytes < 1e5

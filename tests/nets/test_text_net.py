"""What nets over texts have in common."""

import pytest

from frugally.nets.text_net import TextNet


def test_a_net_says_how_a_text_becomes_numbers():
    class Wordless(TextNet):
        pass

    with pytest.raises(TypeError, match="_inputs"):
        Wordless(None, {}, {})

"""The yardstick: its size, its work, and that it learns at all."""

import pytest

pytest.importorskip("torch")

from frugally.fit.byte_lstm import (
    ByteLstm,
    LstmSettings,
    bytes_per_word,
    lstm_accuracy,
    train_byte_lstm,
)
from frugally.fit.conllu import Sentence

LABELS = ["NOUN", "VERB"]
SENTENCES = [Sentence(("cats", "run"), ("NOUN", "VERB")), Sentence(("é",), (None,))] * 4


def test_it_has_about_nine_hundred_thousand_weights():
    net = ByteLstm(17, LstmSettings())
    assert 850_000 < net.weights < 950_000
    assert net.flops_per_byte() == 2 * sum(
        p.numel() for n, p in net.lstm.named_parameters() if "weight" in n
    )


def test_bytes_of_a_word():
    assert bytes_per_word(SENTENCES) == (5 + 4 + 3) / 3


def test_it_learns():
    settings = LstmSettings(embedding=8, hidden=8, layers=1, epochs=30, learning_rate=0.02)
    net, best = train_byte_lstm(SENTENCES, SENTENCES, LABELS, settings)
    assert best == lstm_accuracy(net, SENTENCES, LABELS) == 1.0

"""The yardstick: its size, its work, and that it learns at all."""

import pytest

pytest.importorskip("torch")

import torch

from frugally.fit.byte_lstm import (
    ByteLstm,
    LstmSettings,
    bytes_per_word,
    lstm_accuracy,
    lstm_tags,
    train_byte_lstm,
)
from frugally.fit.conllu import Sentence

LABELS = ["NOUN", "VERB"]
SENTENCES = [Sentence(("cats", "run"), ("NOUN", "VERB")), Sentence(("é",), (None,))] * 4


def test_it_has_about_nine_hundred_thousand_weights():
    net = ByteLstm(17, LstmSettings())
    assert 850_000 < net.weights < 950_000
    # Four gates; a layer reads its input and its own state; the second reads both directions.
    assert net.flops_per_byte() == 2 * 2 * 4 * 156 * ((64 + 156) + (2 * 156 + 156))


def test_bytes_of_a_word():
    assert bytes_per_word(SENTENCES) == (5 + 4 + 3) / 3


def test_a_sentence_is_read_alike_beside_a_longer_one():
    net = ByteLstm(2, LstmSettings(embedding=4, hidden=3)).eval()
    data = torch.randint(0, 256, (2, 9))
    both = net(data, torch.tensor([5, 9]), torch.tensor([[0, 1, 3], [1, 0, 8]]))
    alone = net(data[:1, :5], torch.tensor([5]), torch.tensor([[0, 1, 3]]))
    torch.testing.assert_close(both[:1], alone)


def test_it_learns():
    settings = LstmSettings(embedding=8, hidden=8, layers=1, epochs=30, learning_rate=0.02)
    net, best = train_byte_lstm(SENTENCES, SENTENCES, LABELS, settings)
    assert best == lstm_accuracy(net, SENTENCES, LABELS) == 1.0


def test_nothing_to_tag_is_nothing_tagged():
    net = ByteLstm(2, LstmSettings(embedding=4, hidden=3))
    assert lstm_tags(net, [], LABELS) == lstm_tags(net, [[]], LABELS) == []
    (tagged,) = lstm_tags(net, [["cats", "run"]], LABELS)
    assert tagged.words == ("cats", "run")
    assert set(tagged.tags) <= set(LABELS)

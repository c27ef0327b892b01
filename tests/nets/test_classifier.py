"""The classifier's net: its features, what it makes of bad input, and what it refuses to load."""

import json

import numpy as np
import pytest

from frugally.cost import metered
from frugally.errors import NetError
from frugally.nets.card import CARD
from frugally.nets.classifier import (
    FEATURES,
    GROUPS,
    TASK,
    WORDS,
    Classifier,
    Guess,
)
from frugally.nets.feedforward import Group, Shape, save_feedforward
from frugally.text.ngrams import ngrams_of, row_of

LABELS = ["1 star", "5 stars", "a\ttab"]
TEXTS = ["Great, 5 stars!", "", "awful 🙂", "日本語 テスト", "x" * 5000, "don't İ ß"]


def save(folder, labels=LABELS, groups=GROUPS, **entries):
    random = np.random.default_rng(5)
    shape = Shape(
        groups=tuple(
            Group(name=name, rows=40 + 7 * i, width=4 + i) for i, name in enumerate(groups)
        ),
        hidden=12,
        labels=len(LABELS),
    )
    card = {"task": TASK, "labels": labels, "features": FEATURES, **entries}
    save_feedforward(
        folder,
        shape,
        tables={g.name: random.normal(size=(g.rows, g.width)) for g in shape.groups},
        hidden=(random.normal(size=(12, shape.inputs)), random.normal(size=12)),
        output=(random.normal(size=(len(LABELS), 12)), random.normal(size=len(LABELS))),
        card=card,
    )
    return folder


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    return Classifier.load(save(tmp_path_factory.mktemp("net")))


def slow_words(text):
    """Words of a text as the docs say; enough for the texts here."""
    found, word = [], ""
    for char in text + " ":
        if char.isalnum() and not "\u3040" <= char <= "\u9fff":
            word += char.lower() if len(char.lower()) == 1 else char
            continue
        found += [word] * bool(word) + [char] * (not char.isspace())
        word = ""
    return found


def slow_inputs(net, text):
    parts = []
    for group in net.shape.groups:
        order = int(group.name[-1])
        if group.name in WORDS:
            words = slow_words(text)
            runs = [" ".join(words[i : i + order]) for i in range(len(words) - order + 1)]
        else:
            runs = ngrams_of(text.encode(), order)
        table = net.tables[group.name].matrix()
        rows = [row_of(run, group.rows) for run in runs]
        parts.append(table[rows].mean(axis=0) if rows else np.zeros(group.width))
    return np.concatenate(parts)


def test_probabilities_equal_the_slow_way(classifier):
    net = classifier._net
    for text, found in zip(TEXTS, classifier.probabilities(TEXTS), strict=True):
        h0 = slow_inputs(net, text)
        hidden = np.maximum(net.hidden_weight @ h0 + net.hidden_bias, 0)
        shares = np.exp(net.output_weight @ hidden + net.output_bias)
        expected = shares / shares.sum() if h0.any() else 0 * shares
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


def test_one_by_one_and_together_agree_to_the_last_bit(classifier):
    together = classifier.probabilities(TEXTS)
    for text, shares in zip(TEXTS, together, strict=True):
        assert classifier.probabilities([text])[0].tolist() == shares.tolist()
    guesses = classifier.classify(TEXTS)
    assert classifier.classify(TEXTS * 50) == guesses * 50
    assert [classifier.classify([text])[0] for text in TEXTS] == guesses
    for guess, shares in zip(guesses, together, strict=True):
        best = int(shares.argmax())
        label = LABELS[best] if shares.any() else ""
        assert guess == Guess(label, pytest.approx(float(shares[best])))


@pytest.mark.parametrize("text", ["", " ", "\x00\n\t", b"\xff\xfe", "\ud800", "\u200b"])
def test_a_text_in_which_nothing_is_visible_has_no_class(classifier, text):
    assert classifier.classify([text]) == [Guess("", 0.0)]
    assert not classifier.probabilities([text]).any()


@pytest.mark.parametrize("text", ["🦊", "12:30", "…!?", "a", b"a\xffb", "\ud800a", "𠀀"])
def test_any_other_text_has_one(classifier, text):
    (guess,) = classifier.classify([text])
    assert guess.label in LABELS
    assert 1 / 3 <= guess.probability <= 1


def test_no_text_at_all(classifier):
    assert classifier.classify([]) == []
    assert classifier.probabilities([]).shape == (0, 3)


def test_ten_megabytes_in_one_line(classifier):
    line = "Great, 5 stars! " * 625_000
    with metered() as cost:
        (guess,) = classifier.classify([line])
    assert guess.label in LABELS
    assert cost.bytes_read == len(line)
    assert cost.flops == classifier.flops(len(line))


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"format": 99}, "format 99"),
        ({"task": "language"}, "for language, not for classifier"),
        ({"features": {"kind": "words"}}, "this frugally makes"),
        ({"labels": ["a"]}, "of another"),
        ({"labels": None}, "says too little"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(tmp_path, entries, message):
    save(tmp_path)
    card = json.loads((tmp_path / CARD).read_text("utf-8"))
    (tmp_path / CARD).write_text(json.dumps({**card, **entries}), "utf-8")
    with pytest.raises(NetError, match=message):
        Classifier.load(tmp_path)


def test_other_groups_are_refused(tmp_path):
    with pytest.raises(NetError, match="groups"):
        Classifier.load(save(tmp_path, groups=(*GROUPS[:-1], "letters5")))

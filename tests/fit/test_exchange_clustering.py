"""The exchange algorithm: its likelihood equals one computed anew, and never falls."""

import math
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugally.fit.clusters.bigrams import BOUNDARY, FIRST, RARE, count_bigrams
from frugally.fit.clusters.exchange_clustering import ExchangeClustering
from frugally.fit.clusters.running_text import sentences_of
from frugally.text.spelling import spelling

texts = st.lists(
    st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=12).map(" ".join),
    min_size=1,
    max_size=12,
)


def slow_tokens(corpus, kept):
    """The text as words, boundary marks and rare marks."""
    found = [BOUNDARY]
    for text in corpus:
        for sentence in sentences_of(spelling(text)):
            found += [word if word in kept else RARE for word in sentence]
            found.append(BOUNDARY)
    return found


def slow_log_likelihood(tokens, cluster_of):
    """The log probability of the text, token by token, under P(w | c) P(c | v)."""

    def kind(word):
        return cluster_of.get(word, f"itself {word}")

    pairs = Counter((v, kind(w)) for v, w in pairwise(tokens))
    histories, kinds = Counter(tokens[:-1]), Counter(map(kind, tokens[1:]))
    words = Counter(tokens[1:])
    return sum(
        math.log(words[w] / kinds[kind(w)]) + math.log(pairs[v, kind(w)] / histories[v])
        for v, w in pairwise(tokens)
    )


def slow_exchange(tokens, words, cluster_of, count):
    """One sequential pass that computes the whole likelihood for every choice."""
    for word in words:
        scores = {}
        for cluster in range(count):
            cluster_of[word], before = cluster, cluster_of[word]
            scores[cluster] = slow_log_likelihood(tokens, cluster_of)
            cluster_of[word] = before
        best = max(scores, key=scores.get)
        if scores[best] > scores[cluster_of[word]] + 1e-6:
            cluster_of[word] = best


def clusters_by_word(clustering):
    return dict(zip(clustering.bigrams.words, clustering.clusters[FIRST:].tolist(), strict=True))


@given(texts, st.integers(1, 4), st.integers(1, 2))
def test_likelihood_is_that_of_the_text_and_never_falls(corpus, count, least):
    try:
        bigrams = count_bigrams(corpus, least)
    except Exception:  # no word is there twice
        return
    clustering = ExchangeClustering(bigrams, count)
    tokens = slow_tokens(corpus, set(bigrams.words))
    assert bigrams.tokens == len(tokens) - 1
    before = clustering.log_likelihood()
    assert before == pytest.approx(slow_log_likelihood(tokens, clusters_by_word(clustering)))
    for _ in range(3):
        moved = clustering.exchange_words()
        after = clustering.log_likelihood()
        assert after == pytest.approx(slow_log_likelihood(tokens, clusters_by_word(clustering)))
        assert after >= before + 1e-6 * moved - 1e-9
        before = after


@given(texts, st.integers(2, 4))
def test_a_pass_chooses_as_the_whole_likelihood_would(corpus, count):
    bigrams = count_bigrams(corpus, 1)
    clustering = ExchangeClustering(bigrams, count)
    tokens = slow_tokens(corpus, set(bigrams.words))
    slow = clusters_by_word(clustering)
    slow_exchange(tokens, bigrams.words, slow, clustering.count)
    clustering.exchange_words()
    found = slow_log_likelihood(tokens, clusters_by_word(clustering))
    # Where two clusters are as good to the last bit, the two may choose apart; seldom, and then
    # neither is much the better.
    if slow != clusters_by_word(clustering):
        assert found == pytest.approx(slow_log_likelihood(tokens, slow), rel=0.1)
    else:
        assert found == pytest.approx(slow_log_likelihood(tokens, slow))


def test_frequent_words_past_the_table_are_computed_alike(monkeypatch):
    from frugally.fit.clusters import exchange_clustering

    corpus = ["the cat sat on the mat and the dog sat on the cat"] * 9
    bigrams = count_bigrams(corpus, 1)
    whole = ExchangeClustering(bigrams, 3)
    monkeypatch.setattr(exchange_clustering, "_TABLE", 4)
    short = ExchangeClustering(bigrams, 3)
    for _ in range(3):
        assert whole.exchange_words() == short.exchange_words()
        np.testing.assert_array_equal(whole.clusters, short.clusters)
        assert whole.log_likelihood() == pytest.approx(short.log_likelihood())


def test_rounds_are_the_same_with_any_number_of_threads(zipf_texts):
    bigrams = count_bigrams(zipf_texts(2000), 2)
    found = []
    for threads in (1, 2, 5):
        clustering = ExchangeClustering(bigrams, 16)
        with ThreadPoolExecutor(threads) as executor:
            moved = [clustering.exchange_in_rounds(executor) for _ in range(3)]
        found.append((moved, clustering.clusters.tolist(), clustering.log_likelihood()))
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("rounds", [1, 4, 64])
def test_the_likelihood_never_falls_in_rounds_either(zipf_texts, rounds):
    clustering = ExchangeClustering(count_bigrams(zipf_texts(500), 2), 16)
    with ThreadPoolExecutor(2) as executor:
        for _ in range(4):
            before = clustering.log_likelihood()
            moved = clustering.exchange_in_rounds(executor, rounds)
            assert clustering.log_likelihood() >= before + 1e-6 * moved - 1e-6


def test_rounds_of_one_word_are_the_sequential_form(paragraphs):
    bigrams = count_bigrams(paragraphs, 3)
    one, other = ExchangeClustering(bigrams, 8), ExchangeClustering(bigrams, 8)
    with ThreadPoolExecutor(1) as executor:
        assert one.exchange_words() == other.exchange_in_rounds(executor, len(bigrams.words))
    np.testing.assert_array_equal(one.clusters, other.clusters)


def test_rounds_come_near_the_sequential_form(paragraphs):
    bigrams = count_bigrams(paragraphs, 3)
    one, other = ExchangeClustering(bigrams, 16), ExchangeClustering(bigrams, 16)
    start = one.perplexity()
    with ThreadPoolExecutor(2) as executor:
        for _ in range(8):
            one.exchange_words()
            other.exchange_in_rounds(executor)
    gained, other_gained = start - one.perplexity(), start - other.perplexity()
    assert gained > 0
    assert other_gained > 0.9 * gained


def test_counts_kept_along_the_way_are_the_counts(paragraphs):
    clustering = ExchangeClustering(count_bigrams(paragraphs, 2), 16)
    for _ in range(3):
        clustering.exchange_words()
    again = ExchangeClustering(clustering.bigrams, 16)
    again.assign(clustering.clusters[FIRST:])
    np.testing.assert_array_equal(again.sizes, clustering.sizes)
    assert again.log_likelihood() == pytest.approx(clustering.log_likelihood(), rel=1e-12)


def test_words_used_alike_come_together():
    people, things = ["Ann", "Bob", "Eve", "Dan"], ["bread", "soup", "cake", "rice"]
    corpus = [f"{a} eats {b}" for a in people for b in things] * 3
    corpus += [f"{a} sees {b}" for a in people for b in people]
    clustering = ExchangeClustering(count_bigrams(corpus, 1), 3)
    for _ in range(10):
        clustering.exchange_words()
    of = clusters_by_word(clustering)
    assert len({of[word] for word in people}) == 1
    assert len({of[word] for word in things}) == 1
    assert of["eats"] == of["sees"]


def test_more_clusters_than_words_leave_each_alone():
    clustering = ExchangeClustering(count_bigrams(["a b c"], 1), 256)
    assert clustering.count == 3
    clustering.exchange_words()
    assert sorted(clustering.sizes.tolist())[-1] >= 1
    assert clustering.perplexity() == pytest.approx(1.0)

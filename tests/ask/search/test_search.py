"""Pruned search returns what scoring everything returns, to the last bit."""

import math
import random
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frugally.ask.collection import Collection
from frugally.ask.document import Document
from frugally.ask.index.layout import BLOCK
from frugally.ask.search.kernels import WINDOW_BITS
from frugally.ask.search.ranking import LONGEST, Ranking
from frugally.ask.search.searcher import MOST_TERMS, Searcher
from frugally.cost import metered
from frugally.errors import UsageError
from frugally.text import drqa
from frugally.text.terms import QueryTerm, keys_of

ONE = 1 << 24
WINDOW = 1 << WINDOW_BITS
LONG = pytest.mark.long
RANKINGS = [
    Ranking(),
    Ranking(k1=1.2, b=0.75, bigram=1.0),
    Ranking(k1=0.0, b=0.0),
    Ranking(k1=5.0, b=1.0, bigram=0.0),
    Ranking(name="tfidf"),
    Ranking(name="tfidf", similarity="cosine"),
]


class Slow:
    """Scores every posting of a collection; its own formulas, in the order of the definition."""

    def __init__(self, segments, postings):
        self.lengths = np.concatenate([s.lengths for s in segments]).astype(np.int64)
        self.dead = np.concatenate([s.is_deleted(np.arange(s.entry.passages)) for s in segments])
        self.postings = {
            t: (np.array(list(d)), np.array(list(d.values()), float)) for t, d in postings.items()
        }
        self.n = len(self.lengths)
        most = int(max(tfs.max() for _, tfs in self.postings.values()))
        self.log1p = np.array([math.log1p(tf) for tf in range(most + 1)])
        self.average = self.lengths.sum() / self.n
        squares = np.zeros(self.n)
        for docs, tfs in self.postings.values():
            idf = max(0.0, math.log((self.n - len(docs) + 0.5) / (len(docs) + 0.5)))
            squares[docs] += (self.log1p[tfs.astype(int)] * idf) ** 2
        self.lengths_of_weights = np.sqrt(squares)

    def weight(self, term, having, ranking):
        ratio = (self.n - having + 0.5) / (having + 0.5)
        if ranking.name == "tfidf":
            idf = max(0.0, math.log(ratio))
            return math.log1p(term.frequency) * idf * idf
        kinds = {"word": 1.0, "bigram": ranking.bigram, "characters": ranking.characters}
        return kinds[term.kind] * term.frequency * math.log1p(ratio)

    def scores(self, terms, ranking, factors=None):
        """Fixed-point scores; `factors` are the cosine's, where they must be equal in each bit."""
        nothing = np.zeros(0, np.int64), np.zeros(0)
        lists = [self.postings.get(t.key, nothing) for t in terms]
        weights = np.array([
            self.weight(t, len(d), ranking) for t, (d, _) in zip(terms, lists, strict=True)
        ])  # fmt: skip
        if len(terms) > MOST_TERMS:
            weights[np.argsort(-weights, kind="stable")[MOST_TERMS:]] = 0.0
        sums = np.zeros(self.n, np.int64)
        for (docs, tfs), weight in zip(lists, weights, strict=True):
            if ranking.name == "bm25":
                norm = ranking.norms(self.lengths[docs], self.average).astype(np.float32)
                value = weight * (tfs * (ranking.k1 + 1.0)) / (tfs + norm.astype(float))
            else:
                norm = np.float32(1) if factors is None else factors[docs]
                value = weight * self.log1p[tfs.astype(int)] * norm
            sums[docs] += (value * ONE + 0.5).astype(np.int64)
        sums[self.dead] = 0
        return sums

    def best(self, terms, k, ranking, factors=None):
        sums = self.scores(terms, ranking, factors)
        order = np.lexsort((np.arange(self.n), -sums))[:k]
        return [(int(d), int(sums[d]) / ONE) for d in order if sums[d] > 0]


@pytest.fixture(scope="module")
def collection(tmp_path_factory, zipf_texts):
    """A few thousand passages in four segments, some deleted, some alike."""
    made = Collection.create(tmp_path_factory.mktemp("search") / "c")
    texts = zipf_texts(4000, 1)
    texts[1500:1600] = texts[:100]  # ties
    texts[7] = texts[7] + " common" * 300
    for start, end in ((0, 2500), (2500, 3200), (3200, 3990), (3990, 4000)):
        made.add([
            Document(id=str(i), title="common" if i % 3 else "", text=texts[i])
            for i in range(start, end)
        ])  # fmt: skip
    made.remove([str(i) for i in range(5, 4000, 11)])
    return made


@pytest.fixture(scope="module")
def slow(collection, all_postings):
    return Slow(collection.snapshot.segments, all_postings(collection.snapshot.segments))


def check(collection, slow, terms, k, ranking):
    searcher = collection.snapshot.searcher
    factors = None
    if ranking.similarity == "cosine":
        factors = np.concatenate([f for f, _ in searcher._norms_of(ranking)])
    expected = slow.best(terms, k, ranking, factors)
    for prune in (True, False):
        found = searcher.search(keys_of(terms), k, ranking, prune=prune)
        assert [(m.passage, m.score) for m in found] == expected, (terms, k, ranking, prune)


@pytest.fixture(scope="module")
def terms_of(slow):
    """`terms_of(source)`: random query terms, from one to many, rare to common."""
    keys = sorted(slow.postings, key=lambda t: -len(slow.postings[t][0]))

    def draw(source: random.Random) -> list[QueryTerm]:
        count = source.choice([1, 1, 2, 3, 5, 8, 12, 40])
        reach = source.choice([5, 50, 500, len(keys)])
        return [
            QueryTerm(key=key, frequency=source.choice([1, 1, 1, 3]), text="",
                      kind=source.choice(["word", "word", "bigram", "characters"]))
            for key in source.sample(keys[:reach], min(count, reach))
        ]  # fmt: skip

    return draw


@settings(max_examples=150)
@given(st.integers(0, 1 << 40), st.integers(1, 5000), st.sampled_from(RANKINGS))
def test_pruned_equals_slow(collection, slow, terms_of, seed, k, ranking):
    check(collection, slow, terms_of(random.Random(seed)), k, ranking)


@pytest.mark.parametrize("ranking", RANKINGS)
def test_random_queries(collection, slow, terms_of, ranking):
    source = random.Random(6)
    for _ in range(250):
        check(collection, slow, terms_of(source), source.randint(1, 100), ranking)


@pytest.mark.long
def test_ten_thousand_random_queries(collection, slow, terms_of):
    source = random.Random(7)
    for _ in range(10_000):
        ranking = source.choice(RANKINGS)
        if ranking.name == "bm25" and source.random() < 0.5:
            ranking = replace(ranking, k1=source.uniform(0, 3), b=source.random())
        # Searchers keep what depends on the ranking: not of thousands of them here.
        collection.snapshot.searcher._norms = dict(
            list(collection.snapshot.searcher._norms.items())[:12]
        )
        check(collection, slow, terms_of(source), source.randint(1, 100), ranking)


def small_segments(source, folder, write_segment, sizes):
    """One to three segments of a few terms, their lists about the sizes of blocks and windows."""
    segments = []
    for s in range(source.randint(1, 3)):
        passages = source.choice(sizes)
        counts = source.choices([1, 2, 128, 129, 600, 2050, 9000, 20_000], k=7)
        postings = {
            t: {
                d: source.choice([1, 1, 1, 2, 3, 300])
                for d in source.sample(range(passages), min(passages, n))
            }
            for t, n in enumerate(counts)
        }
        lengths = [source.randint(1, source.choice([300, 300, 80_000])) for _ in range(passages)]
        segments.append(write_segment(folder / f"s{s}", postings, lengths))
    return segments


def check_segments(source, segments, all_postings):
    slow = Slow(segments, all_postings(segments))
    bare = SimpleNamespace(snapshot=SimpleNamespace(searcher=Searcher(segments)))
    for ranking in RANKINGS:
        terms = [
            QueryTerm(key=t, frequency=1, text="", kind=source.choice(["word", "bigram"]))
            for t in source.sample(range(7), source.randint(1, 7))
        ]
        check(bare, slow, terms, source.choice([1, 2, 10, 30_000]), ranking)


@given(st.integers(0, 1 << 30))
@settings(max_examples=60)
def test_small_segments(tmp_path_factory, write_segment, all_postings, seed):
    source = random.Random(seed)
    folder = tmp_path_factory.mktemp("small")
    segments = small_segments(source, folder, write_segment, [1, 5, 129, 1024, 1025, 2050])
    check_segments(source, segments, all_postings)


@pytest.mark.parametrize("seed", [*range(6), *(pytest.param(s, marks=LONG) for s in range(6, 150))])
def test_segments_of_several_windows(tmp_path, write_segment, all_postings, seed):
    source = random.Random(seed)
    sizes = [WINDOW - 1, WINDOW, WINDOW + 1, 2 * WINDOW, 3 * WINDOW + 5]
    segments = small_segments(source, tmp_path, write_segment, sizes)
    for segment in segments:
        if source.random() < 0.5:
            dead = np.random.default_rng(seed).random(segment.entry.passages) < 0.3
            segment.deleted = np.packbits(dead, bitorder="little")
    for _ in range(5):
        check_segments(source, segments, all_postings)


def test_the_longest_passages_count_as_equally_long(tmp_path, write_segment):
    lengths = [LONGEST - 1, LONGEST, LONGEST + 1, 10 * LONGEST]
    segment = write_segment(tmp_path / "s", {1: dict.fromkeys(range(4), 2)}, lengths)
    assert segment.lengths.dtype == np.uint32
    term = QueryTerm(key=1, frequency=1, text="", kind="word")
    found = Searcher([segment]).search(keys_of([term]), 4, Ranking(b=0.9))
    assert [m.passage for m in found] == [0, 1, 2, 3]
    assert found[0].score > found[1].score == found[2].score == found[3].score
    for match in found:
        shares = Searcher([segment]).explain([term], match.passage, Ranking(b=0.9))
        assert [s.score for s in shares] == [match.score]


@pytest.mark.parametrize("ranking", RANKINGS)
def test_gains_are_never_below_what_a_weight_of_one_gives(ranking):
    source = np.random.default_rng(3)
    tfs = np.concatenate([np.arange(1, 256), source.integers(256, 1 << 20, 50)]).astype(float)
    lengths = source.integers(1, 2 * LONGEST, 500)
    norms = ranking.norms(lengths, 90.0)
    gains = ranking.gains(norms)[np.minimum(tfs, 255).astype(int)]
    if ranking.name == "bm25":
        shares = tfs[:, None] * (ranking.k1 + 1) / (tfs[:, None] + norms)
    else:
        shares = np.log1p(tfs)[:, None] * norms
    assert (shares <= gains * (1 + 1e-6)).all()
    assert (shares[:254] >= gains[:254] * (1 - 1e-6)).all()  # and not needlessly above


def test_look_up_finds_each_term_and_no_other(tmp_path, write_segment):
    """Inline terms, short and long lists, in several blocks of the directory."""
    source = random.Random(5)
    keys = sorted(source.sample(range(1 << 24), 1500))
    postings = {
        key: {
            d: source.choice([1, 2, 7])
            for d in source.sample(range(3000), source.choice([1, 1, 1, 2, 130, 300]))
        }
        for key in keys
    }
    segment = write_segment(tmp_path / "s", postings, [9] * 3000)
    absent = sorted({(k + s) % (1 << 24) for k in keys for s in (-1, 1)} - set(keys))
    rows = segment.look_up(np.array(keys + absent, np.int64))
    assert not rows[len(keys) :].any()
    assert rows[: len(keys), 0].tolist() == keys
    for key, row in zip(keys, rows, strict=False):
        docs, tfs = segment.postings_of(row)
        assert dict(zip(docs.tolist(), tfs.tolist(), strict=True)) == postings[key]
    # A list's first skip, and where a list begins, follow from all lists before.
    lists = rows[: len(keys)][rows[: len(keys), 2] > 0]
    np.testing.assert_array_equal(lists[:, 4], np.cumsum(lists[:, 2]) - lists[:, 2])
    skips = np.where(lists[:, 1] > BLOCK, -(-lists[:, 1] // BLOCK), 0)
    np.testing.assert_array_equal(lists[:, 5], np.cumsum(skips) - skips)


def test_cosine_divides_by_the_length_of_the_weights(collection, slow):
    ranking = Ranking(name="tfidf", similarity="cosine")
    factors = np.concatenate([f for f, _ in collection.snapshot.searcher._norms_of(ranking)])
    weighted = slow.lengths_of_weights > 0
    np.testing.assert_allclose(factors[weighted] * slow.lengths_of_weights[weighted], 1, rtol=1e-6)
    assert not factors[~weighted].any()


def test_scores_follow_the_published_formula(collection, slow):
    question = "adolescence of the common physical sex"
    terms = collection.snapshot.query(question)
    for hit in collection.search(question, 20, ranking=Ranking(k1=1.2, b=0.75)):
        total = 0.0
        for t in terms:
            docs, tfs = slow.postings.get(t.key, (np.zeros(0), np.zeros(0)))
            for tf in tfs[docs == hit.passage]:
                idf = math.log(1 + (slow.n - len(docs) + 0.5) / (len(docs) + 0.5))
                norm = 1.2 * (0.25 + 0.75 * slow.lengths[hit.passage] / slow.average)
                total += (
                    (0.2 if t.kind == "bigram" else 1) * t.frequency * idf * tf * 2.2 / (tf + norm)
                )
        assert hit.score == pytest.approx(total, abs=1e-5)


@pytest.mark.parametrize("ranking", RANKINGS)
def test_explanations_add_up(collection, zipf_texts, ranking):
    for question in zipf_texts(30, 9):
        for hit in collection.search(question, 5, ranking=ranking):
            shares = collection.explain(question, hit, ranking=ranking)
            assert sum(share.score for share in shares) == hit.score
            assert [s.score for s in shares] == sorted((s.score for s in shares), reverse=True)
            assert all(s.frequency >= 1 and s.having >= 1 for s in shares)


def test_only_passages_with_a_term_are_hits(collection):
    everything = collection.search("common", 10_000)
    assert 2000 < len(everything) < collection.passages
    assert all("common" in (h.title + h.text).lower() for h in everything)
    assert collection.search("qqqzzzxxy", 10) == []
    deleted = {str(i) for i in range(5, 4000, 11)}
    assert not deleted & {h.id for h in everything}


def test_ties_go_to_the_earlier_passage(collection):
    hits = collection.search("common", 3000)
    places = [(-h.score, h.passage) for h in hits]
    assert places == sorted(places)
    assert len({h.score for h in hits}) < len(hits)


@pytest.mark.parametrize("words", [300, 15_000])
def test_questions_of_any_length(collection, slow, zipf_texts, words):
    question = " ".join(" ".join(zipf_texts(words // 10, 3)).split()[:words])
    terms = collection.snapshot.query(question)
    assert len(terms) > MOST_TERMS
    check(collection, slow, terms, 10, Ranking())
    check(collection, slow, terms, 10, Ranking(name="tfidf"))
    assert len(question) > 100_000 or words < 15_000


def test_pruning_scores_less(collection):
    with metered() as pruned:
        collection.search("adolescence common", 1)
    with metered() as full:
        collection.search("adolescence common", 1, prune=False)
    assert pruned.postings_scored < full.postings_scored == full.postings_total
    assert pruned.passages_total == collection.passages
    assert 0 < pruned.bytes_read < full.bytes_read


def test_a_scan_reads_every_byte_of_the_lists_once(collection):
    terms = collection.snapshot.query("adolescence common")
    keys = np.array([t.key for t in terms], np.int64)
    with metered() as full:
        collection.search("adolescence common", 1, prune=False)
    assert full.bytes_read == sum(
        int(s.look_up(keys)[:, 2].sum()) for s in collection.snapshot.segments
    )


def test_more_hits_than_passages_cost_no_memory(collection):
    assert collection.search("common", 10**14) == collection.search("common", 10_000)


@pytest.mark.parametrize(
    "bad", [{"name": "magic"}, {"similarity": "sine"}, {"k1": -1.0}, {"b": 1.1}]
)
def test_rankings_that_make_no_sense(bad):
    with pytest.raises(UsageError):
        Ranking(**bad)


def test_requests_that_make_no_sense(collection):
    with pytest.raises(UsageError):
        collection.search("common", 0)
    with pytest.raises(UsageError):
        collection.search(" ?! ", 1)


def test_the_seed_systems_ranking(tmp_path, paragraphs):
    """TF-IDF on the seed system's terms is its sparse matrix product, made here with scipy."""
    sparse = pytest.importorskip("scipy.sparse")
    # Sentences: enough documents for inverse frequencies to mean something.
    texts = [s for p in paragraphs for s in p.split(". ") if len(s) > 20]
    collection = Collection.create(tmp_path / "c", analyser="drqa", title_weight=0)
    collection.add(Document(id=str(i), text=t) for i, t in enumerate(texts))

    def counts(text):
        return Counter(drqa.bucket(g, 24) for g in drqa.ngrams(drqa.tokens(text)))

    rows, columns, values = [], [], []
    numbers = {}  # of the buckets that occur
    for number, text in enumerate(texts):
        for bucket, n in counts(text).items():
            rows.append(numbers.setdefault(bucket, len(numbers)))
            columns.append(number)
            values.append(float(n))
    matrix = sparse.csr_matrix((values, (rows, columns)), shape=(len(numbers), len(texts)))
    having = np.asarray((matrix > 0).sum(axis=1)).ravel()
    idf = np.log((len(texts) - having + 0.5) / (having + 0.5)).clip(min=0)
    weighted = sparse.diags(idf) @ matrix.log1p()
    asked = 0
    for question in [*texts[::7], "when does growth stop", "first school in the city"]:
        terms = {numbers[b]: n for b, n in counts(question).items() if b in numbers}
        buckets = list(terms)
        query = np.log1p(list(terms.values())) * idf[buckets]
        scores = np.asarray(query @ weighted[buckets]).ravel()
        hits = collection.search(question, 10, ranking=Ranking(name="tfidf"))
        order = np.lexsort((np.arange(len(texts)), -np.round(scores, 6)))[: len(hits)]
        np.testing.assert_allclose([h.score for h in hits], scores[order], rtol=1e-6, atol=1e-6)
        exact = {int(h.id) for h in hits} ^ set(order.tolist())
        assert all(math.isclose(scores[d], hits[-1].score, rel_tol=1e-6) for d in exact)
        assert hits or not scores.any()
        asked += bool(hits)
    assert asked > 10

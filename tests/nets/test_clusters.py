"""Word clusters are fitted, saved, loaded and looked up; what is damaged is refused."""

import json

import numpy as np
import pytest

from frugally.errors import NetError, SourceError, UsageError
from frugally.fit.clusters.fitting import fit_clusters
from frugally.nets.clusters import WordClusters, save_clusters
from frugally.text.bloom_map import BloomMap
from frugally.text.sorted_map import SortedMap


@pytest.fixture(scope="module")
def corpus(tmp_path_factory, paragraphs):
    path = tmp_path_factory.mktemp("corpus") / "corpus.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in paragraphs))
    return path


@pytest.fixture(scope="module")
def fitted(tmp_path_factory, corpus):
    folder = tmp_path_factory.mktemp("clusters")
    said = []
    card = fit_clusters([corpus], folder, clusters=32, passes=4, report=said.append)
    return folder, card, said


def listing(folder):
    rows = [
        line.split("\t")
        for line in folder.with_name(f"{folder.name}.tsv").read_text().split("\n")[:-1]
    ]
    return {word: (int(cluster), int(count)) for word, cluster, count in rows}


def test_every_word_of_the_listing_has_its_cluster(fitted):
    folder, card, said = fitted
    words = listing(folder)
    clusters = WordClusters.load(folder)
    assert clusters.of(list(words)) == [cluster for cluster, _ in words.values()]
    assert clusters.count == card["clusters"] == 32
    assert card["task"] == clusters.card["task"]
    assert len(words) == card["data"]["words"] == clusters.card["map"]["words"]
    perplexities = card["scores"]["perplexities"]
    assert perplexities[-1] < perplexities[0]
    assert len(said) == card["training"]["passes"] + 2


def test_clusters_are_numbered_by_how_much_of_the_text_they_make(fitted):
    sizes = np.zeros(32)
    for cluster, count in listing(fitted[0]).values():
        sizes[cluster] += count
    assert (np.diff(sizes) <= 0).all()


@pytest.mark.parametrize("threads", [1, 3])
def test_the_same_text_gives_the_same_bytes(tmp_path, corpus, threads):
    files = []
    for name in "ab":
        fit_clusters([corpus], tmp_path / name, clusters=16, passes=2, threads=threads)
        made = [tmp_path / name / "net.safetensors", tmp_path / f"{name}.tsv"]
        files.append([path.read_bytes() for path in made])
    assert files[0] == files[1]


def test_any_number_of_threads_from_two_gives_the_same(tmp_path, corpus):
    for threads in (2, 5):
        fit_clusters([corpus], tmp_path / str(threads), clusters=16, passes=2, threads=threads)
    assert listing(tmp_path / "2") == listing(tmp_path / "5")


def save(folder, words, form=SortedMap):
    made = form.build(list(words), np.array(list(words.values())))
    save_clusters(folder, made, {"clusters": 10})
    return WordClusters.load(folder)


def test_spellings_are_tried_in_turn(tmp_path):
    known = {"running": 1, "London": 2, "0000": 3, "n't": 4, "Us": 5, "us": 6, "Mr": 7, "a\nb": 8}
    clusters = save(tmp_path, known)
    asked = {
        "Running": 1, "RUNNING": 1, "london": 2, "LONDON": 2, "1987": 3, "n’t": 4, "US": 6, "Us": 5,
        "Mr.": 7, "a\nb": 8, "never": -1, "": -1, "\ud800": -1, "12": -1,
    }  # fmt: skip
    assert clusters.of(list(asked)) == list(asked.values())
    for word, cluster in asked.items():
        assert clusters.of([word]) == [cluster]
    assert clusters.of([]) == []


def test_unknown_words_mostly_have_none(fitted):
    clusters = WordClusters.load(fitted[0])
    found = clusters.of([f"nosuchword{i}x" for i in range(4000)])
    # Each is looked up as it is and with a capital.
    assert sum(cluster >= 0 for cluster in found) / 4000 < 2.5 / 16


def test_a_rate_of_zero_keeps_the_plain_map(tmp_path, corpus):
    card = fit_clusters([corpus], tmp_path, clusters=8, passes=1, false_positives=0)
    clusters = WordClusters.load(tmp_path)
    assert clusters.card["map"]["form"] == "sorted"
    words = listing(tmp_path)
    assert clusters.of(list(words)) == [cluster for cluster, _ in words.values()]
    assert clusters.nbytes >= 5 * card["data"]["words"]


def write(tmp_path, data, name="a.txt"):
    path = tmp_path / name
    path.write_bytes(data)
    return [path]


@pytest.mark.parametrize("data", [b"", b"\n\n", b"one", b"\xff\xfe\xff"])
def test_a_corpus_of_nothing_is_refused(tmp_path, data):
    with pytest.raises(UsageError, match="no word"):
        fit_clusters(write(tmp_path, data), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_fewer_words_than_clusters(tmp_path):
    card = fit_clusters(write(tmp_path, b"one two\n" * 5), tmp_path / "out")
    assert card["clusters"] == 2
    assert sorted(WordClusters.load(tmp_path / "out").of(["one", "two"])) == [0, 1]
    card = fit_clusters(write(tmp_path, b"one\n" * 5), tmp_path / "out")
    assert WordClusters.load(tmp_path / "out").of(["one"]) == [0]


def test_bytes_that_are_no_text_are_counted(tmp_path):
    said = []
    path = write(tmp_path, b"one \xff two\n" * 5)
    fit_clusters(path, tmp_path / "out", clusters=2, report=said.append)
    assert any("5 lines are not all UTF-8" in line for line in said)
    assert listing(tmp_path / "out").keys() == {"one", "two"}


def test_files_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(SourceError):
        fit_clusters(write(tmp_path, b"not xz", "a.txt.xz"), tmp_path / "out")
    with pytest.raises(SourceError):
        fit_clusters([tmp_path / "none.jsonl"], tmp_path / "out")


@pytest.mark.parametrize(
    "wrong",
    [
        {"clusters": 0}, {"clusters": 1 << 17}, {"clusters": 257, "false_positives": 0},
        {"least": 0}, {"passes": -1}, {"threads": 0}, {"false_positives": 1.0},
        {"false_positives": -0.1},
    ],
)  # fmt: skip
def test_numbers_out_of_range_are_refused(tmp_path, wrong):
    with pytest.raises(UsageError):
        fit_clusters(write(tmp_path, b"one two\n" * 5), tmp_path / "out", **wrong)


@pytest.mark.parametrize("name", ["net.safetensors", "card.json"])
@pytest.mark.parametrize("keep", [0, 7, 100, -1])
def test_truncated_files_are_refused(tmp_path, name, keep):
    save(tmp_path, {"a": 1, "b": 2}, BloomMap)
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(NetError):
        WordClusters.load(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"task": "language"}, {"spelling": 2}, {"map": {"form": "tree"}}, {"map": {}}, {"map": 3},
        {"clusters": "many"}, {"format": 99}, {"map": {"form": "bloom"}},
    ],
)  # fmt: skip
def test_cards_of_something_else_are_refused(tmp_path, change):
    save(tmp_path, {"a": 1, "b": 2})
    path = tmp_path / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(NetError):
        WordClusters.load(tmp_path)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(NetError):
        WordClusters.load(tmp_path / "none")

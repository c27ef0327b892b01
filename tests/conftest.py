"""What the tests of several rooms share: real paragraphs, text of any size, patient hypothesis."""

import json
import random
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

DATA = Path(__file__).parent / "data"

# Kernels may be compiling and machines busy: no example is too slow to be right.
settings.register_profile(
    "frugally",
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("frugally")


@pytest.fixture(scope="session")
def paragraphs() -> list[str]:
    """Paragraphs of Wikipedia, in order."""
    articles = json.loads((DATA / "squad_sample" / "train-v1.1.json").read_text())["data"]
    return [p["context"] for a in articles for p in a["paragraphs"]]


@pytest.fixture(scope="session")
def zipf_texts(paragraphs):
    """`zipf_texts(n, seed)`: n short texts of real words whose ranks follow Zipf's law."""
    words = sorted(set(re.findall(r"\w+", " ".join(paragraphs))))
    weights = [1 / (rank + 1) for rank in range(len(words))]

    def texts(count: int, seed: int = 0) -> list[str]:
        source = random.Random(seed)
        source.shuffle(words)
        sizes = (source.randint(1, 60) for _ in range(count))
        return [" ".join(source.choices(words, weights, k=size)) for size in sizes]

    return texts


@pytest.fixture(scope="session")
def write_segment():
    """`write_segment(folder, postings, lengths)`: a segment of `{term: {passage: frequency}}`.

    `cuts` are terms at which the postings are cut into pieces.
    """
    from frugally.ask.index.documents import NAME, DocumentsWriter
    from frugally.ask.index.manifest import SegmentEntry
    from frugally.ask.index.postings import write_postings
    from frugally.ask.index.segment import Segment

    def write(folder, postings, lengths, cuts=()):
        folder.mkdir()
        flat = [
            (t, d, tf) for t, docs in sorted(postings.items()) for d, tf in sorted(docs.items())
        ]
        packed = np.array([t << 32 | d for t, d, _ in flat], np.uint64)
        frequencies = np.array([tf for _, _, tf in flat], np.uint32)
        places = np.searchsorted(packed, np.array([c << 32 for c in sorted(cuts)], np.uint64))
        pieces = [
            lambda piece=piece: piece
            for piece in zip(np.split(packed, places), np.split(frequencies, places), strict=True)
        ]
        none = {"id_hashes": np.zeros(0, np.uint32), "id_passages": np.zeros(0, np.uint32),
                "sample": np.zeros(0, np.uint64)}  # fmt: skip
        written = write_postings(folder, pieces, np.asarray(lengths, np.int64), none)
        DocumentsWriter(folder / NAME).finish([])
        return Segment(
            folder.parent,
            SegmentEntry(
                name=folder.name, documents=0, passages=len(lengths), words=int(sum(lengths)),
                postings=written.postings, terms=written.terms, files=written.files,
            ),
        )  # fmt: skip

    return write


@pytest.fixture(scope="session")
def all_postings():
    """`all_postings(segments)`: `{term: {passage: frequency}}`, passages numbered throughout."""

    def read(segments, piece=1 << 12):
        found, base = {}, 0
        for segment in segments:
            for packed, frequencies in segment.pieces(piece):
                for both, tf in zip(packed.tolist(), frequencies.tolist(), strict=True):
                    found.setdefault(both >> 32, {})[base + (both & 0xFFFFFFFF)] = tf
            base += segment.entry.passages
        return found

    return read

"""What a tagger's card says of its quality and its speed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from frugally.fit.conllu import Sentence
from frugally.fit.scoring import percent
from frugally.fit.timing import seconds_per_item
from frugally.nets.tagger import Tagger


def scores(tagger: Tagger, sentences: Sequence[Sentence]) -> dict[str, Any]:
    """Accuracy in percent, precision and recall by tag, and what is confused with what most.

    Words that the treebank gives no tag count for nothing.
    """
    said = tagger.tag([sentence.words for sentence in sentences])
    pairs = Counter(
        (truth, tag)
        for sentence, tags in zip(sentences, said, strict=True)
        for truth, tag in zip(sentence.tags, tags, strict=True)
        if truth is not None
    )
    total = pairs.total()
    right = sum(count for (truth, tag), count in pairs.items() if truth == tag)
    true, given = Counter[str](), Counter[str]()
    for (truth, tag), count in pairs.items():
        true[truth] += count
        given[tag] += count
    by_tag = {
        tag: {
            "count": true[tag],
            "precision": percent(pairs[tag, tag], given[tag]),
            "recall": percent(pairs[tag, tag], true[tag]),
        }
        for tag in sorted(set(true) | set(given))
    }
    wrong = Counter({pair: n for pair, n in pairs.items() if pair[0] != pair[1]})
    return {
        "words": total,
        "accuracy": percent(right, total),
        "by_tag": by_tag,
        "confusions": [[truth, tag, n] for (truth, tag), n in sorted_most(wrong)[:12]],
    }


def sorted_most(counts: Mapping[tuple[str, str], int]) -> list[tuple[tuple[str, str], int]]:
    """The largest first, equal ones by name."""
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))


def seconds_per_token(tagger: Tagger, sentences: Sequence[Sequence[str]]) -> float:
    """Wall-clock for a word, from a tagger that has met none of the words: the best of rounds."""
    count = sum(map(len, sentences))
    return seconds_per_item(count, lambda: tagger.tag(sentences), tagger.forget)

"""The tuning of the search runs, on a few real paragraphs, and finds what stands where."""

import json
import lzma
from pathlib import Path

from benchmarks.passages import questions, write_jsonl

from benchmarks import tuning
from frugally.ask.search.ranking import Ranking

SAMPLE = Path(__file__).parent.parent / "data" / "squad_sample" / "train-v1.1.json"


def test_tuning_of_a_few_paragraphs(tmp_path):
    (tmp_path / "squad").mkdir()
    (tmp_path / "wiki").mkdir()
    sample = json.loads(SAMPLE.read_text())
    for split, articles in (("train", sample["data"][:1]), ("dev", sample["data"][1:2])):
        with lzma.open(tmp_path / "squad" / f"{split}-v1.1.json.xz", "wt") as file:
            json.dump({"data": articles}, file)
    with lzma.open(tmp_path / "wiki" / "simplewiki-2021.jsonl.xz", "wt") as file:
        file.write(json.dumps({"title": "Tea", "text": "Tea is a drink. " * 10}) + "\n")
    count = write_jsonl(tmp_path, tmp_path / "passages.jsonl")
    asked = questions(tmp_path, "train")[:40]
    assert asked
    found = tuning.measure(tmp_path, tmp_path / "passages.jsonl", asked)
    assert len(found["collections"]) == len(tuning.RECIPES)
    assert all(0.5 < row["r1"] <= row["r5"] <= 1 for row in found["collections"])
    assert not list(tmp_path.glob("bits-*"))
    # The defaults are in every table, and the same in all.
    ours = Ranking()
    default = [r for r in found["collections"] if (r["bits"], r["title_weight"]) == tuning.DEFAULT]
    default += [r for r in found["grid"] if (r["k1"], r["b"]) == (ours.k1, ours.b)]
    default += [r for r in found["bigrams"] if r["bigram"] == ours.bigram]
    assert len(default) == 3
    assert len({(r["r1"], r["r5"]) for r in default}) == 1
    page = tuning.render({"passages": count, "questions": len(asked), **found})
    assert page.startswith(f"R@1 / R@5 on {len(asked)} train questions.")
    assert "| k1 = 0.45 | " in page
    assert "| 2^32 | 1 | " in page

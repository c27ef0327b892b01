"""Make the language identifier that ships with frugally.

    python scripts/make_shipped_language.py --data DIR --steps 26000 OUT

DIR holds lid/ (sib200.train.tsv.xz, sib200.dev.tsv.xz, ntrex128.tsv.xz, tatoeba-laser-v1.tsv.xz,
udhr.tsv.xz) and ud/ (treebanks in CoNLL-U). Every language that any of them has is known to the
net; the treebanks are those under CC BY or CC BY-SA. Ten minutes on one core.
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from frugally.budget import Budget
from frugally.fit.labelled import Labelled
from frugally.fit.language.fitting import Fit, fit_labelled
from frugally.text.languages import language_code

TREEBANKS = {
    "Afrikaans-AfriBooms": "af",
    "Armenian-ArmTDP": "hy",
    "Belarusian-HSE": "be",
    "Czech-CLTT": "cs",
    "Dutch-LassySmall": "nl",
    "English-EWT": "en",
    "Indonesian-CSUI": "id",
    "Irish-IDT": "ga",
    "Irish-TwittIrish": "ga",
    "Korean-GSD": "ko",
    "Lithuanian-ALKSNIS": "lt",
    "Maltese-MUDT": "mt",
    "Norwegian-NynorskLIA": "nn",
    "Portuguese-Bosque": "pt",
    "Russian-Taiga": "ru",
    "Telugu-MTG": "te",
    "Thai-TUD": "th",
    "Uyghur-UDT": "ug",
    "Vietnamese-VTB": "vi",
    "Welsh-CCG": "cy",
    "Wolof-WTB": "wo",
}

# Drawn at full weight: the languages that people meet, here those that lingua tells apart. Others
# with more than the Declaration of Human Rights weigh less, and those with it alone least: a
# thousand words of law, often in a near relative of a language above.
_FULL = """
af am ar az be bg bn bs ca cs cy da de el en eo es et eu fa fi fr ga gu he hi hr hu hy id is it ja
ka kk ko la lg lt lv mi mk mn mr ms nb nl nn om pa pl pt ro ru si sk sl sn so sq sr st sv sw ta te
th ti tl tn tr ts uk ur vi xh yo zh zu
"""
FULL = frozenset(_FULL.split())
OTHERS, LEAST = 0.05, 0.008
FEW = 300  # texts

SOURCES = {
    "sib200 train and dev (FLORES)": "CC BY-SA 4.0",
    "ntrex128": "CC BY-SA 4.0",
    "tatoeba (laser v1)": "CC BY 2.0 FR",
    "udhr": "public domain",
    "universal dependencies, 21 treebanks": "CC BY-SA 3.0 and 4.0",
}


def _columns(path: Path) -> Iterator[list[str]]:
    with lzma.open(path, "rt", encoding="utf-8", newline="\n") as file:
        for line in file:
            yield line.rstrip("\n").split("\t")


def _sentences(path: Path) -> Iterator[str]:
    """The texts of a treebank; where a release keeps none, its words."""
    words: list[str] = []
    text = ""
    for line in lzma.decompress(path.read_bytes()).decode("utf-8").split("\n"):
        if line.startswith("# text = "):
            text = line.removeprefix("# text = ")
        elif not line.strip():
            if words:
                yield text or " ".join(words)
            words, text = [], ""
        elif line[0] != "#":
            fields = line.split("\t")
            if fields[0].isdigit():
                words.append(fields[1])


def labelled(data: Path) -> Iterator[Labelled]:
    """Every text of the sets, with our code of its language."""
    lid = data / "lid"
    for part in ("train", "dev"):
        for code, _, _, text in _columns(lid / f"sib200.{part}.tsv.xz"):
            yield from _known(code, text)
    for code, _, text in _columns(lid / "ntrex128.tsv.xz"):
        yield from _known(code.removeprefix("newstest2019-ref-2."), text)
    for code, _, _, text in _columns(lid / "tatoeba-laser-v1.tsv.xz"):
        yield from _known(code, text)
    for fields in _columns(lid / "udhr.tsv.xz"):
        yield from _known(fields[1], fields[6])
    for treebank, code in TREEBANKS.items():
        for path in sorted((data / "ud" / treebank).glob("*.conllu*")):
            if "test" not in path.name:
                for text in _sentences(path):
                    yield code, text


def _known(code: str, text: str) -> Iterator[Labelled]:
    ours = language_code(code)
    if ours is not None:
        yield ours, text


def main() -> None:
    """Read the sets, fit, and write the folder."""
    parser = argparse.ArgumentParser(description="Make the language identifier that ships.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, default=os.environ.get("FRUGALLY_DATA"))
    parser.add_argument("--budget", default="1MB 120kFLOP")
    parser.add_argument("--steps", type=int, default=Fit().steps)
    parser.add_argument("--seed", type=int, default=1013)
    arguments = parser.parse_args()
    if arguments.data is None:
        sys.exit("give --data DIR or set FRUGALLY_DATA")
    texts = list(labelled(Path(arguments.data)))
    counts = Counter(code for code, _ in texts)
    weights = {
        code: 1.0 if code in FULL else (OTHERS if count >= FEW else LEAST)
        for code, count in counts.items()
    }
    card = fit_labelled(
        texts,
        arguments.out,
        budget=Budget.parse(arguments.budget),
        fit=Fit(seed=arguments.seed, steps=arguments.steps),
        weights=weights,
        sources=SOURCES,
        report=lambda line: print(line, file=sys.stderr, flush=True),  # noqa: T201
    )
    print(json.dumps(card["scores"]["accuracy"], indent=1))  # noqa: T201


if __name__ == "__main__":
    main()

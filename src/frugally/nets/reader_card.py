"""The card of a saved reader: what it is, what it was made from, and whether its files are whole.

A reader is a folder: `reader.onnx` (the network, 8-bit weights), `vectors.safetensors` (the table
of word vectors) and `card.json`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from frugally.errors import NetError
from frugally.files.disk import digest_of
from frugally.nets.card import check_file
from frugally.nets.reader_features import RECIPE

FORMAT = 1
TASK = "extractive question answering"
NETWORK = "reader.onnx"
VECTORS = "vectors.safetensors"
CARD = "card.json"

Card = dict[str, Any]


def load_card(folder: Path) -> Card:
    """Read and check the card of a reader; `NetError` says what is wrong with card or files.

    Every file the card names must have the size and SHA-256 the card states, so that a download
    or a copy that broke off is found before it gives a wrong answer.
    """
    path = folder / CARD
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NetError(f"{folder} holds no reader: {CARD} is missing") from error
    except (OSError, ValueError) as error:
        raise NetError(f"cannot read {path}: {error}") from error
    try:
        if card["format"] > FORMAT:
            raise NetError(
                f"{folder} has format {card['format']}; this frugally reads up to {FORMAT}",
                hint="pip install --upgrade frugally",
            )
        if card["task"] != TASK:
            raise NetError(f"{folder} holds a net for {card['task']}, not a reader")
        if card["features"]["recipe"] != RECIPE:
            raise NetError(
                f"{folder} was trained on features {card['features']['recipe']!r}; "
                f"this frugally makes {RECIPE!r}"
            )
        float(card["calibration"]["a"]), float(card["calibration"]["b"])
        for size in ("vector", "features", "hidden", "layers", "null"):
            int(card["sizes"][size])
        files = {name: (card["files"][name]["bytes"], card["files"][name]["sha256"])
                 for name in (NETWORK, VECTORS)}  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise NetError(f"{path} is not the card of a reader: {error!r}") from error
    for name, (size, digest) in files.items():
        check_file(folder / name, size, digest)
    assert isinstance(card, dict)
    return card


def describe_files(folder: Path) -> dict[str, dict[str, int | str]]:
    """Size and SHA-256 of the reader's files, for its card."""
    return {
        name: {"bytes": (folder / name).stat().st_size, "sha256": digest_of(folder / name)}
        for name in (NETWORK, VECTORS)
    }


def flops(sizes: dict[str, int], passage_words: int, question_words: int) -> int:
    """Floating-point operations (a multiply-add is two) of reading words for one question.

    Counts the matrix products: four gates of two directions of each layer over input and state,
    the aligned question, what the passage lacks of it, and the scores.
    """
    vector, hidden, layers = sizes["vector"], sizes["hidden"], sizes["layers"]
    coverage = sizes.get("coverage", 0)  # readers saved before there was such a thing do without
    state = 2 * hidden * layers

    def lstm(inputs: int) -> int:
        widths = [inputs] + [2 * hidden] * (layers - 1)
        return sum(2 * 2 * 4 * hidden * (width + hidden) for width in widths)

    align = 2 * vector * vector
    per_passage_word = lstm(2 * vector + sizes["features"]) + align
    per_passage_word += 2 * 2 * question_words * vector + 2 * 2 * state
    if coverage:
        per_passage_word += 2 * question_words * vector
    per_question_word = lstm(vector) + align + 2 * state + 2 * vector * coverage
    return (
        passage_words * per_passage_word
        + question_words * per_question_word
        + 2 * 2 * state * state
    )

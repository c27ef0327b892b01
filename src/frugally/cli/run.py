"""`frugally run`: a small net over lines of text, or over images."""

from __future__ import annotations

import json
import sys
import time
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO

import click

from frugally.budget import format_seconds
from frugally.cli.opening import THREADS
from frugally.cli.showing import one_line, printable
from frugally.errors import NetError, SourceError, UsageError

REPLACED = "\ufffd"  # a word of nothing but control characters
_LINES = 512  # looked at together

Show = Callable[[list[str], bool], Iterator[str]]


_EXAMPLES = """
\b
Examples:
  frugally run language < lines.txt     a line: the language, how sure, the text
  frugally run tagger doc.txt           a sentence a line: word_TAG word_TAG …
  frugally run segmenter-th doc.txt     a line: its words with spaces between them
  frugally run stars/ reviews.txt       a line: the class, how sure, the text
  frugally run classifier *.jpg --top 5 a line: the class, how sure, the image
"""


@click.command(epilog=_EXAMPLES)
@click.argument("net")
@click.argument("files", nargs=-1, type=click.Path(allow_dash=True))
@click.option("--top", type=click.IntRange(1), help="Of an image, so many classes.  [default: 1]")
@click.option("--threads", type=THREADS, help="For images; by default, all there are.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print a JSON object for each line, sentence or image."
)
def run(
    net: str, files: tuple[str, ...], top: int | None, threads: int | None, as_json: bool
) -> None:
    """Run NET, a shipped one or a folder made by `frugally fit`, over the lines of a file.

    Without a file it reads standard input. Of images there may be any number, and folders of them.
    """
    from frugally.nets.vision.image_classifier import TASK
    from frugally.nets.zoo import find_net, task_of

    folder = find_net(net)
    task = task_of(folder)
    if task == TASK:
        from frugally.cli.run_images import run_images

        run_images(folder, files, top=top or 1, threads=threads, as_json=as_json)
        return
    if task not in _TASKS:
        raise NetError(f"{folder} holds a net for {task}, which runs over no lines")
    if top is not None or threads is not None:
        raise UsageError("--top and --threads are for images")
    if len(files) > 1:
        raise UsageError("lines are read from one file", hint="cat FILE … | frugally run NET")
    with _opened(files[0] if files else "-") as file:
        _over_lines(_TASKS[task](folder), file, as_json)


def _opened(name: str) -> IO[bytes]:
    try:
        return click.open_file(name, "rb")
    except FileNotFoundError as error:
        raise UsageError(f"there is no {name}") from error
    except OSError as error:
        raise SourceError(f"cannot read {name}: {error.strerror}") from error


def _over_lines(show: Show, file: IO[bytes], as_json: bool) -> None:
    started = time.perf_counter()
    count = size = 0
    while raw := list(islice(file, _LINES)):
        if not count and raw[0].startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
            raise UsageError("the text is UTF-16", hint="convert it: iconv -f UTF-16 -t UTF-8")
        if not count:
            raw[0] = raw[0].removeprefix(BOM_UTF8)
        lines = [line.decode("utf-8", "replace").rstrip("\r\n") for line in raw]
        count, size = count + len(lines), size + sum(map(len, raw))
        for shown in show(lines, as_json):
            click.echo(shown)
    seconds = time.perf_counter() - started
    speed = f"{size / 1e6 / seconds:.1f} MB/s" if seconds else ""
    print(
        f"{count:,} line{'s' * (count != 1)} · {format_seconds(seconds)} · {speed}", file=sys.stderr
    )


def _language(folder: Path) -> Show:
    from frugally.nets.language import LanguageIdentifier

    identifier = LanguageIdentifier.load(folder)

    def show(lines: list[str], as_json: bool) -> Iterator[str]:
        for line, guess in zip(lines, identifier.identify(lines), strict=True):
            if as_json:
                entry = {"language": guess.code or None, "probability": guess.probability}
                yield json.dumps({**entry, "text": line}, ensure_ascii=False)
            else:
                yield f"{guess.code or '-'}\t{guess.probability:.2f}\t{printable(line)}"

    return show


def _classifier(folder: Path) -> Show:
    from frugally.nets.classifier import Classifier

    classifier = Classifier.load(folder)

    def show(lines: list[str], as_json: bool) -> Iterator[str]:
        for line, guess in zip(lines, classifier.classify(lines), strict=True):
            if as_json:
                entry = {"label": guess.label or None, "probability": guess.probability}
                yield json.dumps({**entry, "text": line}, ensure_ascii=False)
            else:
                label = one_line(guess.label) or "-"
                yield f"{label}\t{guess.probability:.2f}\t{printable(line)}"

    return show


def _tagger(folder: Path) -> Show:
    from frugally.nets.tagger import Tagger
    from frugally.text.sentences import sentences

    tagger = Tagger.load(folder)

    def show(lines: list[str], as_json: bool) -> Iterator[str]:
        tokens = [[word.text for word in words] for line in lines for words in sentences(line)]
        for words, tags in zip(tokens, tagger.tag(tokens), strict=True):
            if as_json:
                yield json.dumps({"words": words, "tags": tags}, ensure_ascii=False)
            else:
                tagged = zip(words, tags, strict=True)
                yield " ".join(f"{printable(word) or REPLACED}_{tag}" for word, tag in tagged)

    return show


def _segmenter(folder: Path) -> Show:
    from frugally.nets.segmenter import Segmenter

    segmenter = Segmenter.load(folder)

    def show(lines: list[str], as_json: bool) -> Iterator[str]:
        for pieces in segmenter.stream(lines):
            words = [piece for piece in pieces if not piece.isspace()]
            if as_json:
                yield json.dumps({"words": words}, ensure_ascii=False)
            else:
                yield printable(" ".join(words))

    return show


_TASKS: dict[str, Callable[[Path], Show]] = {
    "language": _language,
    "tagger": _tagger,
    "segmenter": _segmenter,
    "classifier": _classifier,
}

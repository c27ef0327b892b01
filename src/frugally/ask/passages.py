"""Documents cut into passages: what is found, shown and read at once."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from frugally.ask.document import Cue, Document, Passage

# About 230 tokens of English (5.3 characters each, spaces included, over SQuAD 1.1), near the top
# of what a reader takes in well. 92 % of the paragraphs of SQuAD's Wikipedia articles are shorter.
LONGEST = 1200

# Subtitle passages end at the first sentence end after the one, or at the latest after the other.
SECONDS = 30.0
MOST_SECONDS = 40.0

# Lines no longer than this are broken by a margin, not by a writer who ends a paragraph.
_MARGIN = 120

Span = tuple[int, int]


def split_passages(document: Document, *, longest: int = LONGEST) -> list[Passage]:
    """Return the passages of a document, in order, each of at most `longest` characters.

    Together they hold all characters that are not white space; none begins or ends with white
    space. Paragraphs (between blank lines, or a line each where lines are long) stay whole if
    they fit; headings and other short ones go with what follows; longer ones are cut into parts
    of similar length at sentence ends, else at spaces, else between characters. Subtitles are
    cut by time, about `SECONDS` each, and their passages tell when they begin and end.
    """
    text = document.text
    if document.cues:
        return list(_timed_passages(document, longest))
    if len(text) <= longest and "\n" not in text:
        start, end = extent(text)
        return [_passage(start, end)] if start < end else []
    spans = [part for span in _paragraphs(text) for part in _parts(text, span[0], span[1], longest)]
    return [Passage(start=start, end=end) for start, end in _with_short_ones(spans, longest)]


def extent(text: str) -> Span:
    """Where a text begins and ends, the white space around it left out."""
    start = len(text) - len(text.lstrip())
    return start, start + len(text.strip())


@lru_cache(1 << 12)
def _passage(start: int, end: int) -> Passage:
    """All of a short text; most documents of some collections are, and share few lengths."""
    return Passage(start=start, end=end)


def whole_characters(text: str, cut: int, earliest: int) -> int:
    """Return the last place from `earliest` to `cut` that parts no character from its marks.

    Marks are accents and vowel signs, joiners and what they join, later Hangul letters of a
    syllable, skin tones, halves of surrogate pairs. Returns `cut` if there is no such place.
    """
    place = cut
    while place > earliest and place < len(text) and _continues(text[place - 1], text[place]):
        place -= 1
    return place if place > earliest else cut


def _continues(before: str, character: str) -> bool:
    """Whether `character` is part of what a reader sees as one character with `before`."""
    if character < "\u0300":
        return False
    return (
        unicodedata.category(character)[0] == "M"
        or character in "\u200c\u200d"
        or before == "\u200d"
        or "\u1160" <= character <= "\u11ff"
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or ("\udc00" <= character <= "\udfff" and "\ud800" <= before <= "\udbff")
    )


def _paragraphs(text: str) -> Iterator[Span]:
    """Yield the paragraphs, without white space around them.

    A block of lines between blank lines is one paragraph if a margin broke its lines, and one a
    line if any of them is longer than a margin allows.
    """
    block: list[Span] = []
    for start, end in _lines(text):
        line = _trimmed(text, start, end)
        if line[0] < line[1]:
            block.append(line)
        elif block:
            yield from _block_paragraphs(block)
            block = []
    yield from _block_paragraphs(block)


def _lines(text: str) -> Iterator[Span]:
    """Yield where each line begins and ends."""
    start = 0
    while (end := text.find("\n", start)) >= 0:
        yield start, end
        start = end + 1
    yield start, len(text)


def _block_paragraphs(lines: list[Span]) -> list[Span]:
    """Return the paragraphs of lines with no blank line between them."""
    if lines and all(end - start <= _MARGIN for start, end in lines):
        return [(lines[0][0], lines[-1][1])]
    return lines


def _trimmed(text: str, start: int, end: int) -> Span:
    """Return the span without the white space around its text; empty if it is all white space."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _parts(text: str, start: int, end: int, longest: int) -> Iterator[Span]:
    """Yield the span cut into parts of similar length, each at most `longest`."""
    while end - start > longest:
        # ceil(length / longest) parts at the least: aim for that many of the same length.
        parts = -(-(end - start) // longest)
        goal = start + -(-(end - start) // parts)
        yield _trimmed(text, start, cut := _cut(text, start, goal, start + longest))
        start, end = _trimmed(text, cut, end)
    if start < end:
        yield start, end


def _cut(text: str, start: int, goal: int, latest: int) -> int:
    """Return where to cut after `start`, not past `latest` and best near `goal`."""
    earliest = start + (goal - start) // 2
    for ends in (_SENTENCE_END, _LINE_END, _SPACE):
        cuts = [m.end() for m in ends.finditer(text, earliest, latest + 1)]
        cuts = [cut for cut in cuts if start < cut <= latest and not _goes_on(text, cut, ends)]
        if cuts:
            return min(cuts, key=lambda cut: abs(cut - goal))
    return max(whole_characters(text, goal, earliest), start + 1)


def _goes_on(text: str, cut: int, ends: re.Pattern[str]) -> bool:
    """Whether what looked like the end of a sentence is not: a small letter follows."""
    return ends is _SENTENCE_END and text[cut + 1 : cut + 2].islower()


# A full stop counts before white space only, and not behind an initial or an abbreviation; the
# stops of scripts without spaces always do. Thai ends its sentences with spaces.
_SENTENCE_END = re.compile(
    r"""(?:(?<!\b[A-Z])(?<!\bMr)(?<!\bMrs)(?<!\bMs)(?<!\bDr)(?<!\bSt)(?<!\bvs)(?<!\bNo)\.|[!?…؟۔։።])"""
    r"""["'”’»)\]]*(?=\s)|[。！？｡।॥។။]["'」』）”’»]*"""
)
_LINE_END = re.compile(r"\n")
_SPACE = re.compile(r"\s")


def _with_short_ones(spans: list[Span], longest: int) -> list[Span]:
    """Return the spans with runs of short ones joined, and each run to the longer one after it.

    Where the run and the longer one do not fit together, the last of the run goes with the
    longer one if it can, as it may be its heading. A run at the end joins what is before it.
    """
    short = longest // 6
    joined: list[Span] = []
    run: list[Span] = []
    for span in spans:
        is_short = span[1] - span[0] <= short
        if run and span[1] - run[0][0] > longest:
            heading = run[-1:] if not is_short and span[1] - run[-1][0] <= longest else []
            if before := run[: len(run) - len(heading)]:
                joined.append((before[0][0], before[-1][1]))
            run = heading
        run.append(span)
        if not is_short:
            joined.append((run[0][0], run[-1][1]))
            run = []
    if run:
        start, end = run[0][0], run[-1][1]
        if joined and end - joined[-1][0] <= longest:
            start = joined.pop()[0]
        joined.append((start, end))
    return joined


def _timed_passages(document: Document, longest: int) -> Iterator[Passage]:
    """Yield the passages of subtitles, each with the times of the cues that it holds."""
    text = document.text
    groups = _cue_groups(text, document.cues, longest)
    for number, group in enumerate(groups):
        # A group takes all text to the next one's, so that text outside of cues is kept too.
        start = group[0].start if number else 0
        end = groups[number + 1][0].start if number + 1 < len(groups) else len(text)
        for part in _parts(text, *_trimmed(text, start, end), longest):
            said = [cue for cue in group if cue.start < part[1] and cue.end > part[0]] or group
            yield Passage(
                start=part[0],
                end=part[1],
                begins=said[0].begins,
                ends=max(cue.ends for cue in said),
            )


def _cue_groups(text: str, cues: tuple[Cue, ...], longest: int) -> list[list[Cue]]:
    """Return consecutive cues in groups of about `SECONDS` and at most `longest` characters."""
    groups: list[list[Cue]] = []
    for cue in cues:
        if not groups or _begins_group(text, groups[-1], cue, longest):
            groups.append([])
        groups[-1].append(cue)
    return groups


def _begins_group(text: str, group: list[Cue], cue: Cue, longest: int) -> bool:
    """Whether `cue` is one too many for `group`."""
    lasted = cue.begins - group[0].begins
    if cue.end - group[0].start > longest or lasted >= MOST_SECONDS:
        return True
    ended = text[group[-1].end - 1 : group[-1].end] in tuple(".!?…。！？؟।")
    return lasted >= SECONDS and ended

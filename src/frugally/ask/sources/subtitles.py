"""Subtitles, SubRip, WebVTT and SBV: what is said, and when."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from frugally.ask.document import Cue, Document
from frugally.ask.sources.opening import SourceFile
from frugally.ask.sources.source import Problem, Report, report_replaced
from frugally.errors import SourceError


class Subtitles:
    """One document a file: the cues in order of time, joined by spaces, with their times."""

    name = "subtitles"
    suffixes: tuple[str, ...] = (".srt", ".vtt", ".sbv")

    def recognises(self, head: bytes) -> bool:
        """Whether it begins with WEBVTT or a numbered time line."""
        return _START.match(head) is not None

    def documents(self, file: SourceFile, report: Report) -> Iterator[Document]:
        """Yield the document. Reports repaired times; raises SourceError if there are no cues."""
        source = file.whole_text()
        report_replaced(file, report)
        timed = _parse(source)
        if not timed:
            raise SourceError("has no cues, as far as it can be read")
        timed, reversed_cues = _in_time(timed)
        if reversed_cues:
            reason = f"cues that end before they begin, given a new end: {reversed_cues}"
            report(Problem(path=file.name, reason=reason, kind="repaired"))
        if _rolls(timed):
            timed = _unrolled(timed)
        text, cues = _joined(timed)
        if not text:
            raise SourceError("its cues hold no text")
        yield Document(id=file.name, text=text, title=file.stem, source=file.name, cues=cues)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Timed:
    """The lines of one cue, from `begins` to `ends` in seconds."""

    lines: tuple[str, ...]
    begins: float
    ends: float


def _parse(source: str) -> list[_Timed]:
    """Return the cues in the order of the file.

    SubRip files in the wild have blank lines inside cues, and none between them: there a cue
    goes on to the next time line. In WebVTT an empty line ends it, as notes may follow; a line
    of one space is YouTube's way to keep the upper line of a caption free.
    """
    webvtt = source.lstrip("\ufeff \n").startswith("WEBVTT")
    cues: list[_Timed] = []
    lines: list[str] = []
    times: tuple[float, float] | None = None
    for line in [*source.split("\n"), None]:
        found = _time_line(line) if line is not None else None
        ended = line is None or found is not None or (webvtt and not line)
        if ended and times is not None:
            if found and not webvtt and _has_number(lines, len(cues) + 2):
                lines.pop()
            cues.append(_Timed(lines=_clean(lines), begins=times[0], ends=times[1]))
            times = None
        if found:
            times = _seconds(found[1]), _seconds(found[2])
            lines = []
        elif times is not None and line is not None:
            lines.append(line)
    return [cue for cue in cues if cue.lines]


def _time_line(line: str) -> re.Match[str] | None:
    """Return the match of a time line; SBV files, also those called .srt, have a comma in it."""
    if "->" in line:
        return _TIMES.match(line)
    return _SBV_TIMES.match(line) if "," in line else None


def _has_number(lines: list[str], number: int) -> bool:
    """Whether the last line is that of the next cue, the `number`th, and not something said."""
    last = lines[-1].strip() if lines else ""
    if not last.isdecimal():
        return False
    return int(last[:9]) == number or len(lines) == 1 or not lines[-2].strip()


def _seconds(clock: str) -> float:
    """Return the seconds of `[hours:]minutes:seconds[,fraction]`; a time before zero is zero."""
    whole, _, fraction = clock.replace(",", ".").partition(".")
    if whole.startswith("-"):
        return 0.0
    total = 0
    for part in whole.split(":"):
        total = total * 60 + int(part)
    return total + float(f"0.{fraction or 0}")


def _clean(lines: list[str]) -> tuple[str, ...]:
    """Return the lines without tags, styles and blank ones."""
    cleaned = (html.unescape(_STYLE.sub("", _TAG.sub("", line))) for line in lines)
    spaced = (" ".join(line.replace("\u200b", "").split()) for line in cleaned)
    return tuple(line for line in spaced if line)


def _in_time(cues: list[_Timed]) -> tuple[list[_Timed], int]:
    """Return the cues by time of beginning, and how many ends had to be set anew.

    An end before its beginning is put at the next cue's beginning, or where reading the words
    aloud would end if that is sooner.
    """
    cues = sorted(cues, key=lambda cue: cue.begins)
    repaired = 0
    for place, cue in enumerate(cues):
        if cue.ends < cue.begins:
            repaired += 1
            said = cue.begins + max(1.0, sum(map(len, cue.lines)) / _CHARACTERS_A_SECOND)
            later = cues[place + 1].begins if place + 1 < len(cues) else said
            ends = min(said, later) if later > cue.begins else said
            cues[place] = replace(cue, ends=ends)
    return cues, repaired


# Speech is about 15 characters a second in English.
_CHARACTERS_A_SECOND = 15


def _rolls(cues: list[_Timed]) -> bool:
    """Whether captions roll: lines of one cue stand again in the next, all through the file."""
    pairs = list(pairwise(cues))
    again = sum(1 for shown, cue in pairs if _seen_again(shown.lines, cue.lines))
    return bool(pairs) and again * 10 >= len(pairs) * 3


def _seen_again(shown: tuple[str, ...], lines: tuple[str, ...]) -> int:
    """Return how many lines at the top of a cue are those at the bottom of the cue before."""
    for count in range(min(len(shown), len(lines)), 0, -1):
        if shown[-count:] == lines[:count]:
            return count
    return 0


def _unrolled(cues: list[_Timed]) -> list[_Timed]:
    """Return the cues with only the lines that are new in each."""
    kept: list[_Timed] = []
    shown: tuple[str, ...] = ()
    for cue in cues:
        fresh = cue.lines[_seen_again(shown, cue.lines) :]
        shown = cue.lines
        if fresh:
            kept.append(replace(cue, lines=fresh))
        elif kept and cue.ends > kept[-1].ends:
            kept[-1] = replace(kept[-1], ends=cue.ends)
    return kept


def _joined(timed: list[_Timed]) -> tuple[str, tuple[Cue, ...]]:
    """Return the text, one space between cues, and the cues with their places in it."""
    texts = [" ".join(cue.lines) for cue in timed]
    cues = []
    start = 0
    for text, cue in zip(texts, timed, strict=True):
        cues.append(Cue(start=start, end=start + len(text), begins=cue.begins, ends=cue.ends))
        start += len(text) + 1
    return " ".join(texts), tuple(cues)


_CLOCK = r"-?(?:\d+:)?\d{1,2}:\d{1,2}(?:[.,]\d{1,9})?"
_TIMES = re.compile(rf"\s*({_CLOCK})\s*--?>\s*({_CLOCK})(?:\s.*)?$")
_SBV_TIMES = re.compile(r"\s*(\d+:\d\d:\d\d\.\d{3}),(\d+:\d\d:\d\d\.\d{3})\s*$")
_START = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:WEBVTT\b|(?:\d+\s*[\r\n]+)?\s*-?\d{1,3}:\d\d:\d\d[.,]\d{1,3}\s*-->)"
)
# Only the tags of the formats: speakers do talk of <s> and <html>.
_TAG = re.compile(
    r"</?(?:[biu]|c|v|lang|ruby|rt|font)(?:[.\s][^<>]*)?>|<(?:\d+:)?\d\d:\d\d\.\d{3}>", re.I
)
_STYLE = re.compile(r"\{\\[^{}]*\}")

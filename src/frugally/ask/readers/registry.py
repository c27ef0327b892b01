"""All kinds of reader, and which of them the user means."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from frugally.ask.weighing import DEFAULT_WEIGHING, Weighing
from frugally.errors import UsageError
from frugally.nets.calibration import Calibration
from frugally.nets.reading import Reader

MOST_TOGETHER = 1000
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?!\\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedReader:
    """A reader, and how its scores become the confidence of an answer."""

    reader: Reader
    weighing: Weighing


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderKind:
    """One kind of reader: how it is written, and how it is opened from that.

    `takes` are the options it has besides its name: `open` gets those that were given.
    """

    name: str
    written: str
    meant: Callable[[str], bool]
    open: Callable[..., OpenedReader]
    takes: frozenset[str] = frozenset()


def _open_shipped(_: str) -> OpenedReader:
    from frugally.nets import reader

    return OpenedReader(reader=reader.shipped_reader(), weighing=DEFAULT_WEIGHING)


def _open_onnx(name: str) -> OpenedReader:
    path = name.partition(":")[2]
    if not path:
        raise UsageError("onnx: names no file", hint="--reader onnx:PATH, a .onnx file or a folder")
    from frugally.nets.onnx_reader import OnnxReader

    reader = OnnxReader.load(Path(path))
    return OpenedReader(reader=reader, weighing=by_itself(reader.calibration))


def _open_http(
    name: str, *, model: str | None = None, context: int | None = None, timeout: float | None = None
) -> OpenedReader:
    from frugally.ask.readers.chat import CONTEXT, ChatReader
    from frugally.ask.readers.endpoint import TIMEOUT, Endpoint

    endpoint = Endpoint.open(name, timeout=TIMEOUT if timeout is None else timeout)
    reader = ChatReader(endpoint, model=model, context=CONTEXT if context is None else context)
    # One request for all passages: each would be another bill, and the model compares them.
    weighing = replace(by_itself(reader.calibration), together=MOST_TOGETHER)
    return OpenedReader(reader=reader, weighing=weighing)


def _open_folder(name: str) -> OpenedReader:
    folder = Path(name)
    if not folder.is_dir():
        raise UsageError(f"there is no reader {name!r}", hint=_FORMS)
    if not (folder / "card.json").is_file() and _holds_network(folder):
        raise UsageError(f"{name} was not made by `frugally fit`", hint=f"--reader onnx:{name}")
    from frugally.nets.reader import LstmReader

    reader = LstmReader.load(folder)
    fit = reader.card["calibration"]
    weighing = by_itself(Calibration(a=float(fit["a"]), b=float(fit["b"])))
    return OpenedReader(reader=reader, weighing=weighing)


def _holds_network(folder: Path) -> bool:
    return any(any(place.glob("*.onnx")) for place in (folder, folder / "onnx"))


# In the order in which a name is offered to them; a folder is what nothing else is.
READERS: tuple[ReaderKind, ...] = (
    ReaderKind(
        name="shipped", written="shipped", meant=lambda n: n == "shipped", open=_open_shipped
    ),
    ReaderKind(
        name="onnx",
        written="onnx:PATH",
        meant=lambda n: n.startswith("onnx:"),
        open=_open_onnx,
    ),
    ReaderKind(
        name="http",
        written="http(s)://HOST/v1",
        meant=lambda n: n.lower().startswith(("http://", "https://")),
        open=_open_http,
        takes=frozenset({"model", "context", "timeout"}),
    ),
    ReaderKind(
        name="folder",
        written="a folder made by `frugally fit reader`",
        meant=lambda n: bool(n) and not _SCHEME.match(n),
        open=_open_folder,
    ),
)
_FORMS = "a reader is " + ", ".join(kind.written for kind in READERS)


def open_reader(name: str, **options: Any) -> OpenedReader:
    """Open the reader that `name` means; options that are None were not given.

    Opening reads files and the environment, and no network. Options: `model`, the name of the
    server's model; `context`, tokens of passages in a request; `timeout`, seconds for a reply.

    Raises:
        UsageError: no reader is written like this, or it has no such option.
        NetError: the reader's files are damaged, or of something else.
        MissingExtraError: a library that this reader needs is not installed.
    """
    kind = next((kind for kind in READERS if kind.meant(name)), None)
    if kind is None:
        # Not repeated: what follows the scheme may hold a password.
        raise UsageError("no reader is written like this", hint=_FORMS)
    given = {option: value for option, value in options.items() if value is not None}
    for option in given:
        if option not in kind.takes:
            others = [other.written for other in READERS if option in other.takes]
            raise UsageError(
                f"a reader that is {kind.written} has no option {option}",
                hint=f"--{option} is for --reader {' or '.join(others)}",
            )
    return kind.open(name, **given)


def arguments(name: str | None, **options: Any) -> dict[str, Any]:
    """The reader as arguments of `Collection.ask`; none, if the user asked for nothing.

    Raises as `open_reader` does.
    """
    if name is None and all(value is None for value in options.values()):
        return {}  # the shipped one is loaded once there is something to read
    opened = open_reader(name if name is not None else "shipped", **options)
    return {"reader": opened.reader, "weighing": opened.weighing}


def by_itself(calibration: Calibration) -> Weighing:
    """A weighing whose confidences are the reader's own.

    How much the search's score adds to it, and how high scores get, was fitted for the shipped
    reader and says nothing of another: all passages are read.
    """
    return Weighing(
        retrieval=0.0,
        slope=calibration.a,
        margin=0.0,
        offset=calibration.b,
        threshold=0.5,
        ceiling=math.inf,
    )

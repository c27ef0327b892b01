"""What the commands share: which collection is meant, and a word while kernels compile."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from frugally.errors import CollectionError

if TYPE_CHECKING:
    from frugally.ask.collection import Collection

SHIPPED = Path(__file__).parent.parent / "shipped" / "collection"

in_option = click.option(
    "--in",
    "where",
    type=click.Path(path_type=Path),
    metavar="COLLECTION",
    envvar="FRUGALLY_COLLECTION",
    help="The collection to look in; without it, the small one that ships with frugally.",
)
THREADS = click.IntRange(1, 256)  # more take minutes to start and stop
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")

# Loading compiled kernels takes well under a second; compiling them takes longer than this.
_PATIENCE = 2.5


def open_collection(where: Path | None) -> Collection:
    """The collection that is meant, with its kernels loaded."""
    if where is None and not (SHIPPED / "manifest.json").is_file():
        raise CollectionError(
            "this installation ships no collection", hint="name one: --in my.collection"
        )
    with compiling():
        from frugally.ask.collection import Collection

        return Collection.open(where if where is not None else SHIPPED)


@contextmanager
def compiling() -> Iterator[None]:
    """Load the kernels inside; tell the user if they have to be compiled first."""
    notice = threading.Timer(
        _PATIENCE,
        lambda: print(
            "compiling the kernels for this machine, once; about 20 s …", file=sys.stderr
        ),
    )
    notice.daemon = True
    notice.start()
    try:
        import frugally.ask.search.kernels
        import frugally.text.kernels  # noqa: F401

        yield
    finally:
        notice.cancel()

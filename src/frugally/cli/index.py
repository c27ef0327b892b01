"""`frugally index`: files and folders into a collection."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path

import click

from frugally.budget import format_bytes, format_seconds, parse_bytes
from frugally.cli.opening import compiling, json_option
from frugally.cli.showing import one_line
from frugally.errors import FrugallyError

_SHOWN_PROBLEMS = 20


@click.command()
@click.argument("paths", nargs=-1, required=True)
@click.option(
    "--into",
    "where",
    required=True,
    type=click.Path(path_type=Path),
    metavar="COLLECTION",
    help="The collection; it is made if it is not there.",
)
@click.option("--analyser", help="english (default), plain or drqa; for a new collection.")
@click.option("--bits", type=click.IntRange(8, 32), help="Terms are hashed to so many bits [24].")
@click.option("--title-weight", type=click.IntRange(0, 16), help="How often a title counts [1].")
@click.option(
    "--segmenter",
    metavar="NET",
    help="A net that finds words in text without spaces, like segmenter-th; for a new collection.",
)
@click.option("--memory", default="1GB", show_default=True, help="What the whole process may take.")
@click.option(
    "--passage-length",
    type=click.IntRange(100),
    help="Longest passage in characters [1200].",
)
@click.option("--prune", is_flag=True, help="Remove documents whose file is gone.")
@json_option
def index(
    paths: tuple[str, ...],
    where: Path,
    analyser: str | None,
    bits: int | None,
    title_weight: int | None,
    segmenter: str | None,
    memory: str,
    passage_length: int | None,
    prune: bool,
    as_json: bool,
) -> None:
    """Put PATHS (files, folders, `-` for standard input) into a collection.

    Text, Markdown, HTML, PDF, DOCX, EPUB, JSON lines, MediaWiki dumps and subtitles, also
    compressed. Files that have not changed since the last time are passed over.
    """
    limit = parse_bytes(memory)
    with compiling():
        import frugally.ask.index.kernels
        import frugally.ask.sources.kernels  # noqa: F401
        from frugally.ask.collection import Collection
        from frugally.ask.index.manifest import NAME
        from frugally.ask.index.segmenter import segmenter_digest, usable_segmenter
        from frugally.ask.index.writer import occurrences_within
        from frugally.ask.passages import LONGEST
        from frugally.ask.sources import discover
        from frugally.nets.zoo import find_net
    started = time.perf_counter()
    # Too little memory, or a path that does not exist, should leave nothing behind.
    occurrences_within(limit)
    if not prune:
        discover(paths, lambda _: None)
    net = find_net(segmenter) if segmenter else None
    if (where / NAME).is_file():
        collection = Collection.open(where, analyser=analyser)
        recipe = collection.snapshot.manifest.recipe
        asked: dict[str, object] = {"bits": bits, "title_weight": title_weight, "segmenter": None}
        if net is not None:
            asked["segmenter"] = segmenter_digest(usable_segmenter(net))
        if any(value not in (None, getattr(recipe, name)) for name, value in asked.items()):
            raise click.UsageError(
                f"{where} was made with {recipe.as_dict()}; --bits, --title-weight and --segmenter "
                "stay"
            )
    else:
        collection = Collection.create(
            where,
            analyser=analyser or "english",
            bits=bits or 24,
            title_weight=1 if title_weight is None else title_weight,
            segmenter=net,
        )
    from frugally.cli.progress import Counting

    with Counting("documents") as counting:
        added = collection.add_files(
            paths,
            memory=limit,
            longest=passage_length or LONGEST,
            prune=prune,
            progress=counting.show,
        )
    seconds = time.perf_counter() - started
    for problem in added.problems[:_SHOWN_PROBLEMS]:
        click.echo(one_line(f"{problem.kind}: {problem.path}: {problem.reason}"), err=True)
    if len(added.problems) > _SHOWN_PROBLEMS:
        click.echo(f"… and {len(added.problems) - _SHOWN_PROBLEMS} more", err=True)
    status = collection.status()
    if as_json:
        result = {**asdict(added), "seconds": seconds, "collection": status}
        click.echo(json.dumps(result, ensure_ascii=False, indent=1))
    else:
        parts = [f"{added.documents:,} documents added ({added.passages:,} passages)"]
        for count, what in (
            (added.replaced, "replaced"),
            (added.removed, "removed"),
            (added.unchanged, "files unchanged"),
            (sum(p.kind == "skipped" for p in added.problems), "skipped"),
        ):
            if count:
                parts.append(f"{count:,} {what}")
        click.echo(", ".join(parts))
        size = format_bytes(status["index_bytes"])
        click.echo(
            f"{where} holds {status['documents']:,} documents, {status['passages']:,} passages; "
            f"index {size}, texts {format_bytes(status['documents_bytes'])}"
        )
        click.echo(format_seconds(seconds), err=True)
    failed = any(problem.kind == "skipped" for problem in added.problems)
    if failed and not (added.documents or added.unchanged or added.removed):
        raise FrugallyError("nothing could be added", hint="see the reasons above")

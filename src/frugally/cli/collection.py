"""`frugally collection`: what is in a collection, and its upkeep."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from frugally.budget import format_bytes
from frugally.cli.opening import json_option, open_collection
from frugally.cli.progress import waiting
from frugally.cli.showing import one_line
from frugally.errors import CorruptionError

if TYPE_CHECKING:
    from frugally.ask.collection import Collection

_where = click.argument("where", type=click.Path(path_type=Path), metavar="COLLECTION")


@click.group()
def collection() -> None:
    """Look after a collection."""


@collection.command()
@_where
@click.option("--sources", is_flag=True, help="List the files that it was made from.")
@click.option("--languages", is_flag=True, help="Look at each document for its language.")
@json_option
def status(where: Path, sources: bool, languages: bool, as_json: bool) -> None:
    """Show what a collection holds, its size, and the share of terms that collide."""
    opened = open_collection(where)
    found = opened.status()
    if languages:
        from frugally.ask.languages import count_languages

        with waiting(f"looking at {found['documents']:,} documents"):
            texts = (stored.document.text for stored in opened.documents())
            found["languages"] = count_languages(texts)
    if sources:
        found["sources"] = sorted(opened.sources())
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
        return
    recipe = found["analyser"]
    click.echo(f"documents   {found['documents']:,}")
    click.echo(f"passages    {found['passages']:,}, {found['deleted_passages']:,} more deleted")
    click.echo(f"words       {found['words']:,}")
    click.echo(f"segments    {found['segments']}, commit {found['commit']}")
    click.echo(f"index       {format_bytes(found['index_bytes'])}, {found['postings']:,} postings")
    click.echo(f"texts       {format_bytes(found['documents_bytes'])}")
    words = f", segmenter {recipe['segmenter']}" if "segmenter" in recipe else ""
    click.echo(f"analyser    {recipe['analyser']}, 2^{recipe['bits']} buckets{words}")
    measured = found["colliding_terms_measured"]
    told = "not measured" if measured is None else f"{measured:.1%} measured"
    click.echo(f"collisions  {found['colliding_terms_expected']:.1%} of terms expected, {told}")
    for code, count in found.get("languages", {}).items():
        click.echo(f"language    {code or 'not clear'} {count:,}")
    for path in found.get("sources", ()):
        click.echo(f"source      {path if one_line(path) == path else repr(path)}")


@collection.command()
@_where
@json_option
def verify(where: Path, as_json: bool) -> None:
    """Compare every file of a collection with its checksum."""
    opened = open_collection(where)
    with waiting(f"reading {where}"):
        problems = opened.verify()
    if as_json:
        click.echo(json.dumps({"ok": not problems, "problems": problems}, indent=1))
    else:
        for problem in problems:
            click.echo(problem, err=True)
    if problems:
        raise CorruptionError(
            f"{where} is damaged in {len(problems)} files",
            hint="restore it from a backup, or index the files again",
        )
    if not as_json:
        click.echo("every file is as it was written")


@collection.command()
@_where
@click.argument("names", nargs=-1, required=True)
@json_option
def remove(where: Path, names: tuple[str, ...], as_json: bool) -> None:
    """Remove documents by id, or all documents of a source by its path."""
    count = open_collection(where).remove(names)
    if as_json:
        click.echo(json.dumps({"removed": count}))
        return
    click.echo(f"{count:,} documents removed; compact frees their space")


@collection.command()
@_where
@json_option
def compact(where: Path, as_json: bool) -> None:
    """Merge all segments into one and drop what was deleted."""
    opened = open_collection(where)
    before = _size(opened)
    with waiting(f"merging {before['segments']} segments"):
        opened.compact()
    after = _size(opened)
    if as_json:
        click.echo(json.dumps({"before": before, "after": after}, indent=1))
        return
    told = [
        f"{size['segments']} segments, {format_bytes(size['bytes'])}" for size in (before, after)
    ]
    click.echo(" → ".join(told))


def _size(opened: Collection) -> dict[str, int]:
    found = opened.status()
    size = found["index_bytes"] + found["documents_bytes"]
    return {"segments": found["segments"], "bytes": size}

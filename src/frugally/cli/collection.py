"""`frugally collection`: what is in a collection, and its upkeep."""

from __future__ import annotations

import json
from pathlib import Path

import click

from frugally.budget import format_bytes
from frugally.cli.opening import json_option, open_collection
from frugally.errors import CorruptionError

_where = click.argument("where", type=click.Path(path_type=Path), metavar="COLLECTION")


@click.group()
def collection() -> None:
    """Look after a collection."""


@collection.command()
@_where
@click.option("--sources", is_flag=True, help="List the files that it was made from.")
@json_option
def status(where: Path, sources: bool, as_json: bool) -> None:
    """Show what a collection holds, its size, and the share of terms that collide."""
    opened = open_collection(where)
    found = opened.status()
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
    click.echo(f"analyser    {recipe['analyser']}, 2^{recipe['bits']} buckets")
    measured = found["colliding_terms_measured"]
    told = "not measured" if measured is None else f"{measured:.1%} measured"
    click.echo(f"collisions  {found['colliding_terms_expected']:.1%} of terms expected, {told}")
    for path in found.get("sources", ()):
        click.echo(f"source      {path!r}" if "\n" in path else f"source      {path}")


@collection.command()
@_where
def verify(where: Path) -> None:
    """Compare every file of a collection with its checksum."""
    problems = open_collection(where).verify()
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        raise CorruptionError(
            f"{where} is damaged in {len(problems)} files",
            hint="restore it from a backup, or index the files again",
        )
    click.echo("every file is as it was written")


@collection.command()
@_where
@click.argument("names", nargs=-1, required=True)
def remove(where: Path, names: tuple[str, ...]) -> None:
    """Remove documents by id, or all documents of a source by its path."""
    count = open_collection(where).remove(names)
    click.echo(f"{count:,} documents removed; compact frees their space")


@collection.command()
@_where
def compact(where: Path) -> None:
    """Merge all segments into one and drop what was deleted."""
    opened = open_collection(where)
    before = opened.status()
    opened.compact()
    after = opened.status()
    sizes = [format_bytes(s["index_bytes"] + s["documents_bytes"]) for s in (before, after)]
    click.echo(f"{before['segments']} segments, {sizes[0]} → {after['segments']}, {sizes[1]}")

"""`frugally doctor`: is everything here, and does it work?"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import time
from collections.abc import Callable
from typing import Any

import click

from frugally import __version__
from frugally.cli.opening import SHIPPED, compiling, json_option
from frugally.errors import FrugallyError

_NEEDED = ("numpy", "numba", "onnxruntime", "safetensors", "PyStemmer", "click")
_FORMATS = ("charset-normalizer", "pypdf", "lxml", "mwparserfromhell")
_EXTRAS = {
    "fit": ("torch", "onnx", "floret", "matplotlib"),
    "plan": ("scipy", "matplotlib"),
    "cluster": ("distributed",),
    "onnx": ("tokenizers",),
    "http": ("httpx",),
}


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Check versions, threads, kernels, extras, and what ships with the package."""
    from frugally.nets.cpus import available_cpus

    found: dict[str, Any] = {
        "frugally": __version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "threads": available_cpus(),
        "packages": {name: _version(name) for name in (*_NEEDED, *_FORMATS)},
        "extras": {e: {name: _version(name) for name in names} for e, names in _EXTRAS.items()},
    }
    checks = {"kernels": _kernels, "reader": _reader, "collection": _collection}
    found["checks"] = {name: _run(check) for name, check in checks.items()}
    healthy = all(c["ok"] for c in found["checks"].values()) and all(found["packages"].values())
    if as_json:
        click.echo(json.dumps({**found, "healthy": healthy}, indent=1))
    else:
        click.echo(f"frugally {__version__}, Python {found['python']}, {found['machine']}")
        click.echo(f"threads     {found['threads']}")
        for name, version in found["packages"].items():
            click.echo(f"{name:<20}{version or 'MISSING'}")
        for extra, packages in found["extras"].items():
            missing = [name for name, version in packages.items() if not version]
            told = f"not installed: pip install 'frugally[{extra}]'" if missing else "installed"
            click.echo(f"[{extra}]{'':<{18 - len(extra)}}{told}")
        for name, check in found["checks"].items():
            click.echo(f"{name:<20}{'ok' if check['ok'] else 'BROKEN'}: {check['told']}")
    if not healthy:
        raise FrugallyError(
            "something is missing or broken", hint="pip install --force-reinstall frugally"
        )


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _run(check: Callable[[], str]) -> dict[str, Any]:
    try:
        return {"ok": True, "told": check()}
    except Exception as error:  # whatever it is, it is what the user came to learn
        return {"ok": False, "told": str(error) or type(error).__name__}


def _kernels() -> str:
    started = time.perf_counter()
    with compiling():
        import frugally.ask.index.kernels
        import frugally.ask.sources.kernels  # noqa: F401
    return f"loaded in {time.perf_counter() - started:.1f} s"


def _reader() -> str:
    from frugally.nets.reader import shipped_reader

    started = time.perf_counter()
    span = shipped_reader().read("Where is it?", ["It is in the house."])[0]
    if span is None:
        raise FrugallyError("the reader finds nothing in a passage that it should")
    return f"loads and reads in {time.perf_counter() - started:.1f} s"


def _collection() -> str:
    from frugally.ask.collection import Collection

    collection = Collection.open(SHIPPED)
    problems = collection.verify()
    if problems:
        raise FrugallyError(problems[0])
    return f"{len(collection):,} documents, every file as it was written"

"""The public names, and docs that keep up with the command."""

import importlib
import re
from pathlib import Path

import click
import pytest

import frugally
from frugally.cli import _COMMANDS

DOCS = Path(__file__).parent.parent / "docs"


def test_every_public_name_is_there_once():
    assert len(frugally.__all__) == len(set(frugally.__all__))
    for name in frugally.__all__:
        assert getattr(frugally, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        frugally.nonsense  # noqa: B018


@pytest.mark.parametrize("name", ["ask", "search", "index", "collection"])
def test_every_option_is_documented(name):
    text = (DOCS / "asking.md").read_text("utf-8")
    command = getattr(importlib.import_module(f"frugally.cli.{name}"), name)
    assert name in _COMMANDS
    commands = command.commands.values() if isinstance(command, click.Group) else [command]
    for each in commands:
        options = [p for p in each.params if isinstance(p, click.Option)]
        for option in options:
            assert any(o in text for o in option.opts), f"{name}: {option.opts}"


def test_verbs_do_not_import_one_another():
    source = Path(frugally.__file__).parent
    verbs = ("ask", "fit", "plan")
    for path in source.rglob("*.py"):
        room = path.relative_to(source).parts[0]
        text = path.read_text("utf-8")
        for other in verbs:
            if room in verbs and other != room:
                assert f"frugally.{other}" not in text, path
        if room != "fit":
            assert "import torch" not in text, path


@pytest.mark.parametrize("page", [DOCS.parent / "README.md", *sorted(DOCS.glob("*.md"))])
def test_no_page_has_a_gap_to_be_filled(page):
    assert not re.findall(r"@[A-Z]+@", page.read_text("utf-8")), page.name

"""Nets by name: those that ship with the package, and folders of the user's own."""

from __future__ import annotations

from pathlib import Path

from frugally.errors import NetError
from frugally.nets.card import CARD, read_card

SHIPPED = Path(__file__).parent.parent / "shipped"
NAMES = ("language", "tagger", "segmenter-th", "classifier")


def find_net(name: str) -> Path:
    """The folder of a net: one of the user's, or a shipped one by its name.

    Raises:
        NetError: there is neither.
    """
    for folder in (Path(name), *([SHIPPED / name] if name in NAMES else [])):
        try:
            if (folder / CARD).is_file():
                return folder
        except OSError as error:
            raise NetError(f"cannot read {folder}: {error.strerror}") from error
    is_folder = name != "" and Path(name).is_dir()
    raise NetError(
        f"{name} holds no net: {CARD} is missing" if is_folder else f"there is no net {name!r}",
        hint=f"name the folder of a net, or one that ships: {', '.join(NAMES)}",
    )


def task_of(folder: Path) -> str:
    """What the net in a folder is for, from its card.

    Raises:
        NetError: the card cannot be read.
    """
    return str(read_card(folder)["task"])

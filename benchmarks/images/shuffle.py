"""The figure of channel shuffle: who sees whom after one and after two grouped convolutions.

    python -m benchmarks.images.shuffle

Nothing is measured: docs/images/shuffle.png is drawn from frugally.nets.vision.channel_shuffle.
"""

from __future__ import annotations

from pathlib import Path

from frugally.files.disk import make_folder
from frugally.nets.vision.shuffle_figure import save

FIGURE = Path(__file__).parents[2] / "docs" / "images" / "shuffle.png"


def main() -> None:
    """Draw it."""
    make_folder(FIGURE.parent)
    save(FIGURE)


if __name__ == "__main__":
    main()

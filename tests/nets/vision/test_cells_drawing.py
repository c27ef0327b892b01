"""A cell's figure has every operation and line of the cell."""

import pytest

pytest.importorskip("matplotlib")

from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from frugally.nets.vision.cells.drawing import draw, label, levels, save
from frugally.nets.vision.cells.operations import OPERATIONS
from frugally.nets.vision.cells.references import reference


def test_every_box_and_line_is_there():
    cell = reference("nasnet-a")
    for axes, wiring in zip(draw(cell).axes, (cell.normal, cell.reduction), strict=True):
        kinds = [type(patch) for patch in axes.patches]
        blocks = len(wiring.blocks)
        # Two that are given, three boxes a block and the output; two lines to and from operations.
        assert kinds.count(FancyBboxPatch) == 2 + 3 * blocks + 1
        assert kinds.count(FancyArrowPatch) == 4 * blocks + len(wiring.outputs)
        texts = [text.get_text() for text in axes.texts]
        assert texts.count("add") == blocks
        for block in wiring.blocks:
            assert all(label(name) in texts for name in block.operations)


def test_blocks_stand_above_what_they_take():
    assert levels(reference("nasnet-a").reduction) == (0, 0, 1, 1, 1, 2, 2)


def test_labels_tell_operations_apart():
    assert len({label(name) for name in OPERATIONS}) == len(OPERATIONS)
    assert label("separable_3x3") == "sep\n3x3"


@pytest.mark.parametrize("form, begins", [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_figures_are_written(tmp_path, form, begins):
    path = tmp_path / f"cell.{form}"
    save(reference("darts-v2"), path, "DARTS")
    assert path.read_bytes().startswith(begins)

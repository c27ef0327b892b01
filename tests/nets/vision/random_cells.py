"""Cells drawn by hypothesis, and the same cells written in another order."""

import random

from hypothesis import strategies as st

from frugally.nets.vision.cells.cell import COMBINATIONS, INPUTS, Block, Cell, Wiring
from frugally.nets.vision.cells.operations import OPERATIONS

# Few operations, so that blocks are often alike.
FEW = ("identity", "max_3x3", "separable_3x3")


@st.composite
def wirings(draw, operations=FEW, blocks=5, outputs=True):
    count = draw(st.integers(1, blocks))
    made = []
    for number in range(INPUTS, INPUTS + count):
        state, name = st.integers(0, number - 1), st.sampled_from(operations)
        made.append(
            Block(
                (draw(state), draw(state)),
                (draw(name), draw(name)),
                draw(st.sampled_from(COMBINATIONS)),
            )
        )
    output = None
    if outputs and draw(st.booleans()):
        states = st.sets(st.integers(0, count + 1), max_size=count + 1)
        output = tuple(sorted(draw(states) | {draw(st.integers(INPUTS, count + 1))}))
    return Wiring(tuple(made), output)


def cells(operations=tuple(OPERATIONS), **how):
    return st.builds(Cell, wirings(operations, **how), wirings(operations, **how))


def reordered(wiring, seed):
    """The same wiring: its blocks in another order that can be computed, their halves exchanged."""
    chance = random.Random(seed)
    places, left, blocks = {n: n for n in range(INPUTS)}, list(enumerate(wiring.blocks, INPUTS)), []
    while left:
        ready = [(n, b) for n, b in left if all(state in places for state in b.inputs)]
        number, block = chance.choice(ready)
        left.remove((number, block))
        places[number] = INPUTS + len(blocks)
        pairs = [(places[state], name) for state, name in block.pairs]
        if chance.random() < 0.5:
            pairs.reverse()
        blocks.append(Block(tuple(p[0] for p in pairs), tuple(p[1] for p in pairs), block.combine))
    output = wiring.output
    if output is not None:
        output = [places[state] for state in output]
        chance.shuffle(output)
        output = tuple(output)
    return Wiring(tuple(blocks), output)

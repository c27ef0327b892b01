"""The quickest form of each layer in training, measured once for all networks of a search.

Cells are made of the same few layers again and again: what one of them takes in which form is the
same in every network. What was measured can be kept, and a search that goes on with it trains to
the same weights as before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from frugally.fit.vision.convolution import CONVOLUTIONS, fitting_forms
from frugally.fit.vision.training_forms import quick_forms
from frugally.nets.vision.graph import INPUT, Graph, Node
from frugally.nets.vision.layers import Convolution, Shape, layer_as_dict

_PLAIN = next(iter(CONVOLUTIONS))


class KnownForms:
    """Forms for training on so many `images` at a time in one thread.

    `known` is what `as_dict` gave.
    """

    def __init__(
        self, images: int, *, bfloat16: bool = True, known: Mapping[str, str] | None = None
    ) -> None:
        self._images, self._bfloat16 = images, bfloat16
        self._known = dict(known or {})

    def of(self, graph: Graph) -> dict[str, str]:
        """The form of each node that is quicker in another one than torch's own."""
        found = {}
        for node in graph.nodes:
            layer = node.layer
            if isinstance(layer, Convolution) and len(fitting_forms(layer)) > 1:
                form = self._form(layer, graph.given(node)[0])
                if form != _PLAIN:
                    found[node.name] = form
        return found

    def as_dict(self) -> dict[str, str]:
        """What was measured, for JSON."""
        return dict(self._known)

    def _form(self, layer: Convolution, given: Shape) -> str:
        key = json.dumps([layer_as_dict(layer), given], sort_keys=True)
        if key not in self._known:
            alone = Graph(
                name="layer", input=given, nodes=(Node(name="conv", layer=layer, inputs=(INPUT,)),)
            )
            forms = quick_forms(alone, self._images, bfloat16=self._bfloat16)
            self._known[key] = forms.get("conv", _PLAIN)
        return self._known[key]

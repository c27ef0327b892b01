"""Forms of a convolution in training: the same function, by different work.

Fewer multiply-adds are not less time: torch computes grouped convolutions on a CPU several times
slower than dense ones of as many multiply-adds. Each form takes the same weight, (out, in / groups,
height, width), and gives the same output to within rounding.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from frugally.nets.vision.layers import Convolution, Shape


class _Convolution(nn.Module):
    """Torch's own form."""

    def __init__(self, layer: Convolution, given: Shape) -> None:
        super().__init__()
        self.layer = layer
        shapes = layer.weights(given)
        self.weight = nn.Parameter(torch.zeros(shapes["weight"]))
        self.bias = nn.Parameter(torch.zeros(shapes["bias"])) if layer.bias else None
        top, left, bottom, right = layer.padding
        self._even = (top, left) == (bottom, right)

    @staticmethod
    def fits(layer: Convolution) -> bool:
        """Whether the form computes such a layer."""
        return True

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) to (N, out, H', W')."""
        return self._convolved(x, self.weight, self.layer.groups)

    def _convolved(
        self, x: Tensor, weight: Tensor, groups: int, stride: tuple[int, int] | None = None
    ) -> Tensor:
        layer = self.layer
        top, left, bottom, right = layer.padding
        if not self._even:
            x = functional.pad(x, (left, right, top, bottom))
        padding = (top, left) if self._even else 0
        rest = (stride or layer.stride, padding, layer.dilation, groups)
        if layer.dilation == (1, 1):
            return functional.conv2d(x, weight, self.bias, *rest)
        # oneDNN's gradients of the weights are wrong or NaN for dilated ones in bfloat16 from a
        # side of 32 on (seen with torch 2.13).
        with torch.autocast("cpu", enabled=False):
            return functional.conv2d(x.to(weight.dtype), weight, self.bias, *rest).to(x.dtype)


class _Dense(_Convolution):
    """A dense convolution, with zeros where the groups do not see one another."""

    @staticmethod
    def fits(layer: Convolution) -> bool:
        return layer.groups > 1

    def forward(self, x: Tensor) -> Tensor:
        groups = self.layer.groups
        out, width, *kernel = self.weight.shape
        blocks = self.weight.view(groups, out // groups, 1, width, *kernel)
        here = torch.eye(groups, dtype=blocks.dtype).view(groups, 1, groups, 1, 1, 1)
        return self._convolved(x, (blocks * here).view(out, groups * width, *kernel), 1)


class _Shifted(_Convolution):
    """A depthwise convolution as a sum of shifted images, each times its weight."""

    @staticmethod
    def fits(layer: Convolution) -> bool:
        return layer.groups == layer.out and layer.dilation == (1, 1)

    def forward(self, x: Tensor) -> Tensor:
        layer, (high, wide) = self.layer, self.layer.kernel
        if self.weight.shape[1] != 1:
            return super().forward(x)
        top, left, bottom, right = layer.padding
        x = functional.pad(x, (left, right, top, bottom))
        down = (x.shape[2] - high) // layer.stride[0] + 1
        across = (x.shape[3] - wide) // layer.stride[1] + 1
        weight = self.weight.to(x.dtype)
        total: Tensor | None = None
        for i in range(high):
            rows = slice(i, i + layer.stride[0] * (down - 1) + 1, layer.stride[0])
            for j in range(wide):
                columns = slice(j, j + layer.stride[1] * (across - 1) + 1, layer.stride[1])
                part = x[:, :, rows, columns] * weight[None, :, 0, i, j, None, None]
                total = part if total is None else total + part
        assert total is not None
        return total if self.bias is None else total + self.bias[None, :, None, None]


class _Subsampled(_Convolution):
    """A strided convolution as one of stride 1, of which some places are kept.

    It multiplies more, but oneDNN has no quick backward pass of strided depthwise convolutions.
    """

    @staticmethod
    def fits(layer: Convolution) -> bool:
        return layer.groups > 1 and layer.stride != (1, 1) and layer.kernel != (1, 1)

    def forward(self, x: Tensor) -> Tensor:
        down, across = self.layer.stride
        y = self._convolved(x, self.weight, self.layer.groups, (1, 1))[:, :, ::down, ::across]
        return y.contiguous(memory_format=torch.channels_last)


class _Batched(_Convolution):
    """A grouped pointwise convolution as one batched product."""

    @staticmethod
    def fits(layer: Convolution) -> bool:
        return (
            layer.groups > 1 and layer.kernel == layer.stride == (1, 1) and not any(layer.padding)
        )

    def forward(self, x: Tensor) -> Tensor:
        count, channels, high, wide = x.shape
        groups, out = self.layer.groups, self.layer.out
        weight = self.weight.view(1, groups, out // groups, channels // groups)
        y = weight @ x.reshape(count, groups, channels // groups, high * wide)
        y = y.reshape(count, out, high, wide)
        return y if self.bias is None else y + self.bias[None, :, None, None]


CONVOLUTIONS: dict[str, type[_Convolution]] = {
    "torch": _Convolution,
    "dense": _Dense,
    "shifted": _Shifted,
    "subsampled": _Subsampled,
    "batched": _Batched,
}


def fitting_forms(layer: Convolution) -> list[str]:
    """The names of the forms that compute a layer, torch's own first."""
    return [name for name, form in CONVOLUTIONS.items() if form.fits(layer)]

"""How far a window that slides over one dimension reaches: convolution and pooling arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Rule = Literal["sliding", "transposed", "adaptive", "merged", "split"]


@dataclass(frozen=True)
class Window:
    """One dimension on its way through a convolution or a pool.

    The formulas are those of torch.nn.Conv2d, ConvTranspose2d and MaxPool2d.
    """

    axis: str
    """"height", "width", "depth" or "length"; "height and width" where both are alike."""
    size: int
    """Of what enters."""
    kernel: int
    stride: int
    padding: int
    dilation: int = 1
    output_padding: int = 0
    transposed: bool = False
    ceil: bool = False

    @property
    def output(self) -> int:
        """The size of what leaves."""
        reach = self.dilation * (self.kernel - 1)
        if self.transposed:
            grown = (self.size - 1) * self.stride - 2 * self.padding
            return grown + reach + self.output_padding + 1
        free = self.size + 2 * self.padding - reach - 1
        if not self.ceil:
            return free // self.stride + 1
        return -(-free // self.stride) + (0 if self._ends_beyond else 1)

    @property
    def _ends_beyond(self) -> bool:
        """Whether, rounded up, the last window would begin behind the last number."""
        free = self.size + 2 * self.padding - self.dilation * (self.kernel - 1) - 1
        return self.ceil and -(-free // self.stride) * self.stride >= self.size + self.padding

    @property
    def words(self) -> str:
        """The formula with its numbers put in: ⌊(32 + 2·1 − 1·(3 − 1) − 1)/1⌋ + 1 = 32."""
        reach = f"{self.dilation}·({self.kernel} − 1)"
        if self.transposed:
            return (
                f"({self.size} − 1)·{self.stride} − 2·{self.padding} + {reach}"
                f" + {self.output_padding} + 1 = {self.output}"
            )
        free = f"({self.size} + 2·{self.padding} − {reach} − 1)/{self.stride}"
        opening, closing = ("⌈", "⌉") if self.ceil else ("⌊", "⌋")
        # a window that would begin behind the last number is left out
        last = " − 1" if self._ends_beyond else ""
        return f"{opening}{free}{closing} + 1{last} = {self.output}"


AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}
"""What the last dimensions are called, by their number."""


def same_for_all(windows: tuple[Window, ...]) -> tuple[Window, ...]:
    """Return one window in place of several that are alike but for their axis."""
    if len({replace(window, axis="") for window in windows}) == 1 and len(windows) > 1:
        names = " and ".join(window.axis for window in windows)
        return (replace(windows[0], axis=names),)
    return windows

"""What the matrices of a training step are called on its page, and what each comes from.

The axes are n for the rows of the batch, f0 for the inputs and f1, f2, … for the outputs of each
layer. The keys: a0 is x, W1 and b1 the first layer's parameters, z1 and a1 what it gives, D1 the
gradient ∂L/∂a that arrives there, S1 the activation's derivative, G1 = ∂L/∂z, P1 and Q1 the
gradients of weight and bias, U1 and V1 the rows of their updates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fcinspect.page import text
from fcinspect.page.blocks import Subject

if TYPE_CHECKING:
    from fcinspect.arithmetic.training import TrainingStep


def subjects_of(step: TrainingStep) -> list[LayerSubjects]:
    """Return the matrices of each layer."""
    batch = step.input.shape[:-1]
    return [
        LayerSubjects(
            number,
            text.safe(layer.name),
            (layer.weight.before.shape[1], layer.weight.before.shape[0]),
            len(step.input.rows) if batch else None,
            layer.activation,
            layer.bias is not None,
            text.safe(step.layers[number - 2].name) if number > 1 else "",
            "y = a" if number == len(step.layers) else "a",
        )
        for number, layer in enumerate(step.layers, start=1)
    ]


@dataclass(frozen=True)
class LayerSubjects:
    """The matrices of one layer."""

    number: int
    """Counted from 1"""
    name: str
    """As it is shown"""
    widths: tuple[int, int]
    """(in_features, out_features)"""
    rows: int | None
    """Of the batch; None for one vector"""
    activation: str
    has_bias: bool
    before: str = ""
    """The name of the layer before, as it is shown; "" of the first"""
    result: str = "a"
    """What leaves: a, of the last layer also y"""

    @property
    def ins(self) -> str:
        """The letter of the inputs."""
        return f"f{self.number - 1}"

    @property
    def outs(self) -> str:
        """The letter of the outputs."""
        return f"f{self.number}"

    @property
    def batched(self) -> bool:
        """Whether there is a batch, of however many rows."""
        return self.rows is not None

    @property
    def n(self) -> str:
        """The letter of the batch's rows, "" for one vector."""
        return "n" if self.batched else ""

    @property
    def entering(self) -> str:
        """What enters: the network's input is called x, an activation a."""
        return "a" if self.before else "x"

    @property
    def linear(self) -> bool:
        """Whether a = z."""
        return self.activation == "identity"

    def weight(self) -> Subject:
        """W."""
        k = self.number
        n, m = self.widths
        lights = f"a{k - 1} z{k} U{k}"
        name = "Wᵀ" if self.batched else "W"
        return Subject(
            f"W{k}",
            name,
            self._called("weight", (m, n)),
            "weight",
            self._matrix,
            lights,
            layer=self.name,
        )

    def bias(self) -> Subject:
        """b."""
        k = self.number
        words = self._called("bias", self.widths[1:])
        return Subject(f"b{k}", "b", words, "bias", self.outs, f"z{k} V{k}", layer=self.name)

    def input(self) -> Subject:
        """x, what enters."""
        k = self.number
        lights = f"W{k} z{k - 1}" if k > 1 else f"W{k}"
        name = self.entering.upper() if self.batched else self.entering
        words = self._of_rows("input", 0)
        if self.before:
            shape = (self.rows, self.widths[0]) if self.rows is not None else self.widths[:1]
            words = f"activation of {self.before}, {text.sizes(shape)}"
        return Subject(
            f"a{k - 1}", name, words, "input", self._of(self.ins), lights, layer=self.before
        )

    def pre_activation(self) -> Subject:
        """z."""
        k = self.number
        bias = f" b{k}" if self.has_bias else ""
        return Subject(
            f"z{k} a{k}" if self.linear else f"z{k}",
            "Z" if self.batched else "z",
            self._of_rows("pre-activation", 1),
            "output",
            self._of(self.outs),
            f"W{k} a{k - 1}{bias}",
            f"dot W{k} a{k - 1}{bias}",
            layer=self.name,
        )

    def output(self) -> Subject:
        """a = φ(z)."""
        k = self.number
        words = self._of_rows("activation", 1)
        formula = f"call {self.activation} z{k}"
        return Subject(
            f"a{k}", "a", words, "output", self._of(self.outs), f"z{k}", formula, layer=self.name
        )

    def arriving(self, lights: str, formula: str = "") -> Subject:
        """∂L/∂a, which `lights` come from."""
        k = self.number
        return Subject(
            f"D{k} G{k}" if self.linear else f"D{k}",
            "∂L/∂a = G" if self.linear else "∂L/∂a",
            self._of_rows("gradient that arrives", 1),
            "gradient",
            self._of(self.outs),
            lights,
            formula,
            layer=self.name,
        )

    def slope(self) -> Subject:
        """φ′(z)."""
        k = self.number
        name = "mask φ′(z)" if self.activation == "relu" else "φ′(z)"
        words = self._of_rows("derivative of the activation", 1)
        return Subject(f"S{k}", name, words, "", self._of(self.outs), f"z{k}", layer=self.name)

    def grad_output(self, *, turned: bool = False) -> Subject:
        """G = ∂L/∂z; `turned` names its transpose."""
        k = self.number
        source = f"D{k}" if self.linear else f"D{k} S{k}"
        return Subject(
            f"D{k} G{k}" if self.linear else f"G{k}",
            "Gᵀ" if turned and self.batched else "G",
            self._of_rows("gradient of the pre-activation", 1),
            "gradient",
            self._of(self.outs),
            source,
            "" if self.linear else f"times D{k} S{k}",
            layer=self.name,
        )

    def grad_weight(self) -> Subject:
        """∂L/∂W."""
        k = self.number
        n, m = self.widths
        return Subject(
            f"P{k}",
            "∂L/∂W",
            self._called("gradient of the weight", (m, n)),
            "gradient",
            self._matrix,
            f"G{k} a{k - 1} U{k}",
            f"dot G{k} a{k - 1}",
            layer=self.name,
        )

    def grad_bias(self) -> Subject:
        """∂L/∂b."""
        k = self.number
        words = self._called("gradient of the bias", self.widths[1:])
        return Subject(
            f"Q{k}",
            "∂L/∂b",
            words,
            "gradient",
            self.outs,
            f"G{k} V{k}",
            f"sum G{k}",
            layer=self.name,
        )

    def leaving(self) -> Subject:
        """∂L/∂x or ∂L/∂a, what goes on to the layer before."""
        k = self.number
        words = self._of_rows("gradient that leaves", 0)
        sources = f"G{k} W{k}"
        return Subject(
            f"D{k - 1}",
            f"∂L/∂{self.entering}",
            words,
            "gradient",
            self._of(self.ins),
            sources,
            f"dot {sources}",
            layer=self.before,
        )

    @property
    def _matrix(self) -> str:
        return f"{self.outs} {self.ins}"

    def _of(self, features: str) -> str:
        return f"{self.n} {features}".strip()

    def updated(self, name: str, rule: str) -> Subject:
        """Return what the rows of the table of an update are: old, gradient, update, new."""
        k = self.number
        weight = name.endswith(".weight")
        gradient = f"G{k} a{k - 1}" if weight else f"G{k}"
        return Subject(
            f"U{k}" if weight else f"V{k}",
            name,
            axes=self._matrix if weight else self.outs,
            lights=f"W{k} P{k} {gradient}" if weight else f"b{k} Q{k} {gradient}",
            formula=f"update {'dot' if weight else 'sum'} {gradient}",
            rule=rule,
        )

    def _called(self, words: str, shape: tuple[int, ...]) -> str:
        return f"{words} of {self.name}, {text.sizes(shape)}"

    def _of_rows(self, words: str, side: int) -> str:
        shape = (self.widths[side],)
        return self._called(words, (self.rows, *shape) if self.rows is not None else shape)

"""One layer of a training step, forward and back, and what its matrices are called.

The axes are n for the rows of the batch, f0 for the inputs and f1, f2, … for the outputs of each
layer. The keys: a0 is x, W1 and b1 the first layer's parameters, z1 and a1 what it gives, D1 the
gradient ∂L/∂a that arrives there, S1 the activation's derivative, G1 = ∂L/∂z, P1 and Q1 the
gradients of weight and bias, U1 and V1 the rows of their updates.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from fcinspect.arithmetic.activations import ACTIVATIONS
from fcinspect.page import text
from fcinspect.page.blocks import Block, Equation, Line, Span, Subject
from fcinspect.page.matrices import Part, affine_equation, equation, matrix

if TYPE_CHECKING:
    from fcinspect.arithmetic.training import LayerPass, LayerStep, TrainingStep
    from fcinspect.rounding.arrays import FloatArray


def subjects_of(step: TrainingStep) -> list[LayerSubjects]:
    """Return the matrices of each layer."""
    rows = len(step.input.rows) if step.input.shape[:-1] else None
    found, before = [], ""
    for k, layer in enumerate(step.layers, start=1):
        name, widths = text.safe(layer.name), step.widths[k - 1 : k + 1]
        biased = layer.bias is not None
        result = "y = a" if k == len(step.layers) else "a"
        found.append(LayerSubjects(k, name, widths, rows, layer.activation, biased, before, result))
        before = name
    return found


@dataclass(frozen=True)
class LayerSubjects:
    """The matrices of one layer."""

    number: int
    """Counted from 1"""
    name: str
    """As it is shown"""
    widths: tuple[int, ...]
    """(in_features, out_features)"""
    rows: int | None
    """Of the batch; None for one vector"""
    activation: str
    has_bias: bool
    before: str
    """The name of the layer before, as it is shown; "" of the first"""
    result: str
    """What leaves: a, of the last layer also y"""

    @property
    def batched(self) -> bool:
        """Whether there is a batch, of however many rows."""
        return self.rows is not None

    @property
    def n(self) -> str:
        """The letter of the batch's rows, "" for one vector."""
        return "n" if self.batched else ""

    @property
    def outs(self) -> str:
        """The letter of the outputs."""
        return f"f{self.number}"

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
        name = "Wᵀ" if self.batched else "W"
        lights = f"a{k - 1} z{k} U{k}"
        return self._subject(f"W{k}", name, self._of_weight("weight"), lights, role="weight")

    def bias(self) -> Subject:
        """b."""
        k = self.number
        return self._subject(f"b{k}", "b", self._of_bias("bias"), f"z{k} V{k}", role="bias")

    def input(self) -> Subject:
        """x, what enters."""
        k = self.number
        lights = f"W{k} z{k - 1}" if k > 1 else f"W{k}"
        name = self.entering.upper() if self.batched else self.entering
        words = self._of_rows("input", 0)
        if self.before:
            words = self._of_rows("activation", 0, self.before)
        axes = f"{self.n} f{k - 1}".strip()
        return Subject(f"a{k - 1}", name, words, "input", axes, lights, layer=self.before)

    def pre_activation(self) -> Subject:
        """z."""
        k = self.number
        sources = f"W{k} a{k - 1}" + (f" b{k}" if self.has_bias else "")
        keys, name = (f"z{k} a{k}" if self.linear else f"z{k}"), ("Z" if self.batched else "z")
        of = self._of_outputs("pre-activation")
        return self._subject(keys, name, of, sources, f"dot {sources}", role="output")

    def output(self) -> Subject:
        """a = φ(z)."""
        k = self.number
        of, formula = self._of_outputs("activation"), f"call {self.activation} z{k}"
        return self._subject(f"a{k}", "a", of, f"z{k}", formula, role="output")

    def arriving(self, lights: str, formula: str = "") -> Subject:
        """∂L/∂a, which `lights` come from."""
        k = self.number
        keys = f"D{k} G{k}" if self.linear else f"D{k}"
        name = "∂L/∂a = G" if self.linear else "∂L/∂a"
        return self._subject(keys, name, self._of_outputs("incoming gradient"), lights, formula)

    def slope(self) -> Subject:
        """φ′(z)."""
        k = self.number
        name = "mask φ′(z)" if self.activation == "relu" else "φ′(z)"
        of = self._of_outputs("derivative of the activation")
        return self._subject(f"S{k}", name, of, f"z{k}", role="")

    def grad_output(self, *, turned: bool = False) -> Subject:
        """G = ∂L/∂z; `turned` names its transpose."""
        k = self.number
        keys, source = (f"D{k} G{k}", f"D{k}") if self.linear else (f"G{k}", f"D{k} S{k}")
        name = "Gᵀ" if turned and self.batched else "G"
        formula = "" if self.linear else f"times {source}"
        of = self._of_outputs("gradient of the pre-activation")
        return self._subject(keys, name, of, source, formula)

    def grad_weight(self) -> Subject:
        """∂L/∂W."""
        k = self.number
        sources, of = f"G{k} a{k - 1}", self._of_weight("gradient of the weight")
        return self._subject(f"P{k}", "∂L/∂W", of, f"{sources} U{k}", f"dot {sources}")

    def grad_bias(self) -> Subject:
        """∂L/∂b."""
        k = self.number
        of = self._of_bias("gradient of the bias")
        return self._subject(f"Q{k}", "∂L/∂b", of, f"G{k} V{k}", f"sum G{k}")

    def leaving(self) -> Subject:
        """∂L/∂x or ∂L/∂a, what goes on to the layer before."""
        k = self.number
        words, axes = self._of_rows("outgoing gradient", 0), f"{self.n} f{k - 1}".strip()
        name, sources = f"∂L/∂{self.entering}", f"G{k} W{k}"
        key, formula, layer = f"D{k - 1}", f"dot {sources}", self.before
        return Subject(key, name, words, "gradient", axes, sources, formula, layer=layer)

    def _subject(
        self,
        keys: str,
        name: str,
        of: tuple[str, str],
        lights: str,
        formula: str = "",
        role: str = "gradient",
    ) -> Subject:
        words, axes = of
        return Subject(keys, name, words, role, axes, lights, formula, layer=self.name)

    def _of_weight(self, words: str) -> tuple[str, str]:
        return self._called(words, self.widths[::-1]), f"{self.outs} f{self.number - 1}"

    def _of_bias(self, words: str) -> tuple[str, str]:
        return self._called(words, self.widths[1:]), self.outs

    def _of_outputs(self, words: str) -> tuple[str, str]:
        return self._of_rows(words, 1), f"{self.n} {self.outs}".strip()

    def updated(self, name: str, rule: str) -> Subject:
        """Return what the rows of the table of an update are: old, gradient, update, new."""
        k = self.number
        weight = name.endswith(".weight")
        gradient = f"G{k} a{k - 1}" if weight else f"G{k}"
        return Subject(
            f"U{k}" if weight else f"V{k}",
            name,
            axes=f"{self.outs} f{k - 1}" if weight else self.outs,
            lights=f"W{k} P{k} {gradient}" if weight else f"b{k} Q{k} {gradient}",
            formula=f"update {'dot' if weight else 'sum'} {gradient}",
            rule=rule,
        )

    def _called(self, words: str, shape: tuple[int, ...], layer: str = "") -> str:
        return f"{words} of {layer or self.name}, {text.sizes(shape)}"

    def _of_rows(self, words: str, side: int, layer: str = "") -> str:
        shape = () if self.rows is None else (self.rows,)
        return self._called(words, (*shape, self.widths[side]), layer)


def layer_forward(
    layer: LayerStep, passed: LayerPass, own: LayerSubjects, precision: int
) -> list[Block]:
    """Show z as a product and a sum, and the activation of z."""
    plus = "" if layer.bias is None else " + b"
    formula = f"z = W·{own.entering}{plus}"
    if own.batched:
        formula = f"Z = {own.entering.upper()}·Wᵀ{plus}"
    shown = affine_equation(
        layer.weight.before.values,
        None if layer.bias is None else layer.bias.before.values,
        passed.input.rows,
        passed.pre_activation.rows,
        (own.weight(), own.input(), own.bias(), own.pre_activation()),
        precision,
        batched=own.batched,
    )
    blocks: list[Block] = [Line.of(_name(own), " ", formula, title=True), shown]
    if own.linear:
        return [*blocks, Line.of(f"{own.result} = z", formula=True)]
    a = matrix(passed.output.rows, own.output(), precision)
    return [*blocks, equation(f"{own.result} = {layer.activation}(z)", "=", a)]


def _name(own: LayerSubjects) -> Span:
    return (f"{own.name} ", "strong")


def layer_backward(
    step: TrainingStep, place: int, subjects: list[LayerSubjects], precision: int
) -> list[Block]:
    """Show the incoming gradient, those of the parameters, and the outgoing one."""
    layer, passed, own = step.layers[place], step.before.layers[place], subjects[place]
    to = subjects[place - 1].name if place else "x"
    leaving = matrix(layer.grad_input.rows, own.leaving(), precision)
    return [
        *_arriving(layer, passed, subjects[place:], precision),
        *_parameter_gradients(layer, passed, own, precision),
        equation(f"passed to {to}: ∂L/∂{own.entering} = G·W", "=", leaving),
    ]


def _arriving(
    layer: LayerStep, passed: LayerPass, subjects: list[LayerSubjects], precision: int
) -> list[Equation]:
    """Show the incoming gradient, and the part that passes the activation."""
    make = partial(matrix, precision=precision)
    own, *behind = subjects
    arriving = own.arriving("T")
    if behind:
        source = behind[0].leaving()
        arriving = own.arriving(source.lights, source.formula)
    arrived = make(layer.grad_activation.rows, arriving)
    if own.linear:
        return [equation(_name(own), "incoming: ∂L/∂a = G =", arrived)]
    formula = "mask = φ′(z)" if layer.activation == "relu" else "φ′(z)"
    return [
        equation(_name(own), "incoming: ∂L/∂a =", arrived),
        equation(formula, "=", make(slope(layer, passed), own.slope())),
        equation("G = ∂L/∂a ⊙ φ′(z)", "=", make(layer.grad_output.rows, own.grad_output())),
    ]


def _parameter_gradients(
    layer: LayerStep, passed: LayerPass, own: LayerSubjects, precision: int
) -> list[Block]:
    """Show the outer product that is the weight's gradient, and the bias's sums."""
    make = partial(matrix, precision=precision)
    rows, a = len(layer.grad_output.rows), own.entering
    words = f"∂L/∂W = G ⊗ {a}, each number of G times each number of {a}"
    if rows != 1:
        words = f"∂L/∂W = Gᵀ·{a.upper()}, the sum of G ⊗ {a} over {text.plural(rows, 'row')}"
    product = outer_product(layer, passed, own, precision)
    grad = make(layer.weight.grad.values, own.grad_weight())
    blocks: list[Block] = [Line.of(words), equation(*product, "=", grad)]
    if layer.bias is not None:
        formula = "∂L/∂b = G" if rows == 1 else "∂L/∂b = the column sums of G"
        grad = make(layer.bias.grad.values[None, :], own.grad_bias())
        blocks.append(equation(formula, "=", grad))
    return blocks


def outer_product(
    layer: LayerStep, passed: LayerPass, own: LayerSubjects, precision: int
) -> tuple[Part, Part, Part]:
    """Return G and the input of a layer, whose product is the weight's gradient."""
    g = layer.grad_output.rows
    left = matrix(g.T, own.grad_output(turned=True), precision, turned=True)
    return left, "⊗" if len(g) == 1 else "·", matrix(passed.input.rows, own.input(), precision)


def slope(layer: LayerStep, passed: LayerPass) -> FloatArray:
    """Return φ′ at every pre-activation, (rows, out_features)."""
    z = passed.pre_activation.rows.astype(np.float64)
    a = passed.output.rows.astype(np.float64)
    with np.errstate(all="ignore"):
        return ACTIVATIONS[layer.activation].backward(z, a, np.ones_like(z))

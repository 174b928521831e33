"""fcinspect draw: the layered diagram of a fully connected network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fcinspect.arithmetic.settings import ACTIVATION_NAMES
from fcinspect.cli.inputs import BiasOption, WeightOption, flag_of, names_a_checkpoint, read_input
from fcinspect.cli.network import (
    HiddenActivation,
    LastActivation,
    layers_of,
    network_of,
    refuse_two,
    words_of,
)
from fcinspect.cli.options import (
    argument,
    option,
    seed_option,
    switch,
    timeout_option,
    title_line,
    whole_number,
)
from fcinspect.cli.output import Output, Writes
from fcinspect.cli.sources import widths_in
from fcinspect.cli.system import ExitStatus
from fcinspect.errors import InputError, SpecError, UsageError
from fcinspect.layers.diagram import (
    MOST_UNITS,
    NetworkOutline,
    outline_of_network,
    outline_of_widths,
)
from fcinspect.layers.spec import is_spec, parse_spec

if TYPE_CHECKING:
    from fcinspect.layers.array import Array
    from fcinspect.layers.linear import LinearLayer, Network
    from fcinspect.shapes.steps import Link

WRITES = Writes(
    forms=("text", "json", "csv", "md", "mermaid", "dot"),
    figure=True,
    files=(
        "the figure (.svg .png .pdf)",
        "the graph (.mmd .dot .gv)",
        "the report (.json .md .csv .html .txt)",
    ),
)
LARGEST_UNITS = 32
"""More units per layer could not be distinguished."""
COPIES = 12
"""Bytes a number takes while a network is made and drawn, its own among them."""
SEED_ADVICE = "use --seed S for random weights"
ORDER = (
    "network", "seed", "x", "activation", "output_activation", "bias", "inputs", "arg", "timeout",
    "weight", "units", "title", "weights",
)  # fmt: skip
"""Of the options in JSON."""


@dataclass(frozen=True, eq=False)
class Found:
    """A network to draw."""

    outline: NetworkOutline
    source: str
    """Where it comes from, in words."""
    warnings: tuple[str, ...] = ()
    advice: str = ""
    """What option would show more; for the terminal, not for a figure."""


@dataclass(frozen=True)
class DrawOptions:
    """The network as it was asked for, and how it is to look."""

    network: Annotated[
        str | None,
        argument(
            "WIDTHS|MODULE:OBJECT|FILE",
            "3-5-4-2 or 'nn.Linear(4, 2)'; a file of layers, or - for JSON on stdin; or"
            " package.module:Object or file.py:Object, whose code is executed.",
        ),
    ] = None
    seed: Annotated[
        int | None,
        seed_option(
            "Show the weights that torch initializes after torch.manual_seed(S); without it, only"
            " the structure of WIDTHS or of a class."
        ),
    ] = None
    x: Annotated[
        str | None,
        option(
            "--x X",
            "Input: numbers 1,2,3, a file, - for stdin, zeros, ones or basis:J; the values are"
            " written into the units.",
        ),
    ] = None
    activation: HiddenActivation = None
    output_activation: LastActivation = None
    weight: WeightOption = None
    bias: BiasOption = None
    units: Annotated[
        int,
        option(
            "--units K",
            f"Show at most K units per layer, 2 to {LARGEST_UNITS}: the first and the last.",
            whole_number(2, LARGEST_UNITS),
        ),
    ] = MOST_UNITS
    title: Annotated[
        str | None,
        option("--title TEXT", "Title above the diagram, instead of the widths.", title_line),
    ] = None
    weights: Annotated[
        bool | None,
        switch(
            "--weights/--no-weights",
            "Write each weight on its edge in the figure; default: if no layer has more than 12"
            " edges.",
        ),
    ] = None
    inputs: Annotated[
        list[str] | None,
        option(
            "--input SHAPE",
            "MODULE:OBJECT: the shape of its input, batch first, if it cannot be inferred.",
        ),
    ] = None
    arg: Annotated[
        list[str] | None,
        option(
            "--arg NAME=VALUE",
            "MODULE:OBJECT: an argument of the class or function (repeatable).",
        ),
    ] = None
    timeout: Annotated[float, timeout_option("loading the code, and for each run")] = 60.0

    def asked(self) -> dict[str, Any]:
        """Return the options, for the report."""
        bias, words = self.bias, self.network or ""
        if self.weight is None:
            bias = bias is not False
            if is_spec(words):
                bias = parse_spec(words).bias_beside(flag_of(self.bias))
        given = {**vars(self), "bias": bias, "inputs": self.inputs or [], "arg": self.arg or []}
        return {name: given[name] for name in ORDER}

    def found(self) -> Found:
        """Return the network; raises a FcinspectError for what is none."""
        if [self.network, self.x].count("-") > 1:
            raise UsageError("standard input can be read only once: give one of them as a file")
        refuse_two(self.network, self.weight)
        if self.weight is not None:
            return self._of_layers()
        if self.network is None:
            raise UsageError(
                "no network is given: expected widths such as 3-5-4-2, a file of layers,"
                " package.module:Object or --weight"
            )
        if not self.network.endswith(".py") and names_a_checkpoint(self.network):
            return self._of_layers()
        from fcinspect.bridge.targets import reads_as_code

        if ":" in self.network or reads_as_code(self.network):
            return self._of_code(self.network)
        self._refuse_options_of_code()
        return self._of_widths(self.network)

    def _of_widths(self, words: str) -> Found:

        try:
            spec = widths_in(words)
        except SpecError as error:
            if any(sign.isdigit() for sign in words):
                raise
            raise SpecError(
                f"invalid network {words!r}: expected widths such as 3-5-4-2, a file of"
                " layers, or package.module:Object"
            ) from error
        with_bias = spec.bias_beside(flag_of(self.bias))
        hidden, last = self.activation or "relu", self.output_activation or "identity"
        outline = outline_of_widths(spec.widths, hidden, last, with_bias)
        if self.seed is None:
            if self.x is not None:
                raise UsageError(
                    "--x needs weights, and widths have none",
                    hint="use --seed S to draw them, or give a file of layers",
                )
            return Found(outline, "structure only", advice=SEED_ADVICE)
        return self._of_seed(outline, with_bias)

    def _of_seed(self, outline: NetworkOutline, with_bias: bool) -> Found:
        from fcinspect.layers.linear import parameters_of
        from fcinspect.layers.memory import require_free

        widths = outline.widths
        require_free(parameters_of(widths) * COPIES, f"{self.network} with its weights")
        x = self._x(widths[0], "float32")

        from fcinspect.bridge.networks import seeded_network

        assert self.seed is not None
        network = seeded_network(widths, outline.activations, with_bias, self.seed, "float32")
        return self._with_values(
            network, x, f"default nn.Linear layers, float32; torch.manual_seed({self.seed})"
        )

    def _of_layers(self) -> Found:
        self._refuse_options_of_code()
        if self.seed is not None:
            instead = "layers from a file" if self.weight is None else "--weight"
            raise UsageError(f"--seed is for new layers: it cannot be combined with {instead}")
        checkpoint = layers_of(self.network, self.weight, self.bias)
        found = network_of(checkpoint, self.activation, self.output_activation)
        network = found.network
        x = self._x(network.widths[0], network.dtype)
        source = f"{words_of(self.network, self.weight)}, {network.dtype}"
        return self._with_values(network, x, source, found.remarks())

    def _of_code(self, code: str) -> Found:
        from fcinspect.layers.linear import DenseLayer, Network

        for name, given in (
            ("--activation", self.activation),
            ("--output-activation", self.output_activation),
            ("--no-bias" if self.bias is False else "--bias", self.bias is not None),
        ):
            if given:
                raise UsageError(f"{name} is for widths: {code} has its own")
        chain, layers, ready = self._chain(code)
        if self.seed is None and not ready:
            if self.x is not None:
                raise UsageError(
                    f"--x needs weights: {code} creates new ones each time",
                    hint="use --seed S to create them after torch.manual_seed(S)",
                )
            outline = NetworkOutline(
                (chain[0].in_features, *(link.out_features for link in chain)),
                tuple(link.name for link in chain),
                tuple(link.activation for link in chain),
                tuple(link.bias is not None for link in chain),
            )
            return Found(outline, f"structure of {code}", advice=SEED_ADVICE)
        parts = zip(layers, (link.activation for link in chain), strict=True)
        network = Network(tuple(DenseLayer(*part) for part in parts))
        x = self._x(network.widths[0], network.dtype)
        seeded = "" if self.seed is None else f"; torch.manual_seed({self.seed})"
        return self._with_values(network, x, f"{code}, {network.dtype}{seeded}")

    def _chain(self, code: str) -> tuple[tuple[Link, ...], tuple[LinearLayer, ...], bool]:
        """Return the layers that the module runs, and whether they are not made anew each time."""
        from fcinspect.cli.module import ModuleOptions, refuse_unmade
        from fcinspect.shapes.steps import chain_of

        options = ModuleOptions(self.inputs, None, self.arg, timeout=self.timeout)
        with options.opened(code) as tracing:
            trace = options.traced(tracing)
            refuse_unmade(trace)
            if trace.failure is not None:
                said = " ".join(trace.failure.message.split())[:200]
                raise InputError(
                    f"{code} does not run: {trace.failure.error}: {said}",
                    hint="fcinspect trace shows where it fails",
                )
            chain = chain_of(trace)
            layers, ready = tracing.chained(chain, self.seed)
            return chain, layers, ready

    def _x(self, in_features: int, dtype: str) -> tuple[Array, tuple[str, ...]] | None:
        if self.x is None:
            return None
        x, said = read_input(self.x, in_features, dtype, None)
        if len(x.shape) != 1:
            rows = x.size // in_features
            raise UsageError(
                f"a diagram shows one input: x has {rows} row{'' if rows == 1 else 's'}"
                f" (shape {x.shape}), expected {in_features} numbers"
            )
        return x, said

    def _with_values(
        self,
        network: Network,
        x: tuple[Array, tuple[str, ...]] | None,
        source: str,
        warnings: tuple[str, ...] = (),
    ) -> Found:

        if x is None:
            return Found(outline_of_network(network), source, warnings)
        from fcinspect.arithmetic.affine import forward_values

        for layer in network.layers:
            layer.linear.require_one_dtype()
            if layer.activation not in ACTIVATION_NAMES:
                raise UsageError(
                    f"--x: activation {layer.activation!r} after {layer.name!r} is not supported:"
                    f" expected one of {', '.join(ACTIVATION_NAMES)}"
                )
        values = forward_values(network, x[0])
        outline = outline_of_network(network, values)
        return Found(outline, f"{source}; values by numpy", (*warnings, *x[1]))

    def _refuse_options_of_code(self) -> None:
        for name, given in (("--input", self.inputs), ("--arg", self.arg)):
            if given:
                other = "--weight" if self.network is None else repr(self.network)
                raise UsageError(f"{name} is for MODULE:OBJECT, which {other} is not")


def draw(drawing: DrawOptions, *, output: Annotated[Output, WRITES]) -> ExitStatus:
    """Draw the units, edges and shapes of a network."""
    from fcinspect.reports.draw import Looks, view_of_diagram

    found = drawing.found()
    looks = Looks(drawing.units, drawing.title, drawing.weights)
    view = view_of_diagram(
        found.outline, looks, found.source, drawing.asked(), found.warnings, found.advice
    )
    return output.write(view)

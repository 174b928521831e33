"""fcinspect step: one optimizer step, forward and backward, in all its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Annotated, Any

from fcinspect.arithmetic.settings import LOSS_NAMES
from fcinspect.cli.inputs import (
    BiasOption,
    WeightOption,
    flag_of,
    names_a_checkpoint,
    names_a_file,
    read_input,
)
from fcinspect.cli.network import (
    STEP_DTYPES,
    HiddenActivation,
    LastActivation,
    OptimizerOptions,
    layers_of,
    network_of,
    words_of,
)
from fcinspect.cli.options import (
    Batch,
    Plot,
    Seed,
    ShowCode,
    argument,
    choice,
    option,
    whole_number,
)
from fcinspect.cli.output import ARTICLE, ARTICLE_FORMATS, FIGURE, Output, Writes
from fcinspect.cli.sources import widths_in
from fcinspect.cli.system import ExitStatus
from fcinspect.errors import UsageError

if TYPE_CHECKING:
    from fcinspect.arithmetic.following import Followed
    from fcinspect.arithmetic.settings import Optimizer
    from fcinspect.arithmetic.training import Classes, StepRequest, Target
    from fcinspect.layers.array import Array
    from fcinspect.layers.linear import Network
    from fcinspect.verification.step import StepReport

COPIES = 40
"""Bytes a number takes besides its own: gradient, state, update, and both sides of each check."""


@dataclass(frozen=True)
class StepProblem:
    """The network, its input and target, as they were asked for."""

    widths: Annotated[
        str | None,
        argument(
            "WIDTHS|FILE",
            "3-5-4-2 or 'nn.Linear(4, 2)'; a file of layers with their activations; or - for"
            " JSON on stdin.",
        ),
    ] = None
    weight: WeightOption = None
    loss: Annotated[str, choice("--loss NAME", ", ".join(LOSS_NAMES) + ".", LOSS_NAMES)] = "mse"
    activation: HiddenActivation = None
    output_activation: LastActivation = None
    x: Annotated[
        str | None,
        option(
            "--x X",
            "Input: numbers 1,2,3 (rows separated by ;), a file, - for stdin, zeros, ones or"
            " basis:J; default: drawn with torch.randn.",
        ),
    ] = None
    target: Annotated[
        str | None,
        option(
            "--target T", "Target, written like --x; for cross_entropy, one class per row: 1,0,1."
        ),
    ] = None
    batch: Batch = None
    bias: BiasOption = None
    seed: Seed = 0
    dtype: Annotated[
        str | None,
        choice(
            "--dtype DTYPE",
            "float32 or float64; default: the file's, or float32.",
            STEP_DTYPES,
        ),
    ] = None
    steps: Annotated[
        int,
        option(
            "--steps K",
            "Take K steps; show the loss of each, and the last step in full.",
            whole_number(1, 100_000),
        ),
    ] = 1
    parameter: Annotated[
        str | None,
        option(
            "--parameter NAME",
            "Follow one number through the step, e.g. fc2.weight[1,3] or fc1.bias[0].",
        ),
    ] = None

    @property
    def given(self) -> bool:
        """Whether the numbers of the network are given: in a file, on stdin or by --weight."""
        return self.weight is not None or (
            self.widths is not None and names_a_checkpoint(self.widths)
        )

    @property
    def _usual_last(self) -> str:
        return "sigmoid" if self.loss == "bce" else "identity"

    def asked(self, request: StepRequest) -> dict[str, Any]:
        """Return the options after defaults, for the report."""
        asked = {**vars(self), "dtype": request.dtype}
        weight = asked.pop("weight")
        asked["bias"] = self.bias if weight is not None else request.bias
        return {**asked, "weight": weight, "activations": request.activations}

    def request(self, optimizer: Optimizer) -> tuple[StepRequest, tuple[str, ...]]:
        """Return what torch is asked for, and what a reader should know of it."""
        from fcinspect.arithmetic.training import StepRequest

        warnings: tuple[str, ...] = ()
        network: Network | None = None
        with_bias = True
        if self.given:
            layers = layers_of(self.widths, self.weight, self.bias, self.dtype or "float32")
            last = self.output_activation
            found = network_of(
                layers, self.activation, last, self._usual_last, self.dtype, STEP_DTYPES
            )
            network, warnings = found.network, found.remarks()
            widths, dtype = network.widths, network.dtype
            activations = tuple(layer.activation for layer in network.layers)
        else:
            widths, activations, with_bias = self._spec()
            dtype = self.dtype or "float32"
        self._require_parameter(widths, network, with_bias)
        x, target, said = self._numbers(widths, dtype)
        batch = x.shape[:-1] if x is not None else self.batch or ()
        request = StepRequest(
            widths, activations, optimizer, self.loss, self.seed, batch, dtype, with_bias,
            network, x, target,
        )  # fmt: skip
        return request, (*warnings, *said)

    def solve(self, request: StepRequest) -> tuple[StepReport, Followed | None]:
        """Run the steps and check them."""
        from fcinspect.arithmetic.following import follow, parse_address
        from fcinspect.bridge.step import run_steps
        from fcinspect.media.progress import tracked
        from fcinspect.verification.step import check_steps

        report = check_steps(tracked(run_steps(request, self.steps), self.steps, "steps"))
        name = self.parameter
        return report, None if name is None else follow(report.last, parse_address(name))

    def notes(self, request: StepRequest) -> tuple[str, ...]:
        """Say where the numbers come from."""
        given = self.given
        source = words_of(self.widths, self.weight) if given else "default nn.Linear layers"
        drawn = [name for name, value in (("x", request.x), ("t", request.target)) if value is None]
        order = ", then ".join([*([] if given else ["layers"]), *drawn])
        seeded = f"; torch.manual_seed({self.seed}), then {order}" if order else ""
        notes = [source + seeded]
        if self.loss == "bce" and self.output_activation is None and not given:
            notes.append("bce needs outputs from 0 to 1: sigmoid follows the last layer")
        return tuple(notes)

    def _spec(self) -> tuple[tuple[int, ...], tuple[str, ...], bool]:
        from fcinspect.layers.linear import activation_names, parameters_of
        from fcinspect.layers.memory import require_free

        if self.widths is None:
            raise UsageError(
                "no network is given: expected widths such as 3-5-4-2, a file of layers, or"
                " --weight"
            )
        spec = widths_in(self.widths)
        widths = spec.widths
        rows = prod(self.batch or ())
        require_free(
            (parameters_of(widths) + 4 * rows * sum(widths)) * COPIES,
            f"a step of {self.widths} with its check",
        )
        last = self.output_activation or self._usual_last
        names = activation_names(len(widths) - 1, self.activation or "relu", last)
        return widths, names, spec.bias_beside(flag_of(self.bias))

    def _require_parameter(
        self, widths: tuple[int, ...], network: Network | None, with_bias: bool
    ) -> None:
        """Raise UsageError when --parameter names nothing, before anything is run."""
        if self.parameter is None:
            return
        from fcinspect.arithmetic.following import parse_address, require_parameter
        from fcinspect.layers.linear import layer_names

        held = [(name, with_bias) for name in layer_names(len(widths) - 1)]
        if network is not None:
            held = [(layer.name, layer.linear.bias is not None) for layer in network.layers]
        shapes: dict[str, tuple[int, ...]] = {}
        for (name, has_bias), (n, m) in zip(held, pairwise(widths), strict=True):
            shapes[f"{name}.weight"] = (m, n)
            if has_bias:
                shapes[f"{name}.bias"] = (m,)
        require_parameter(parse_address(self.parameter), shapes)

    def _numbers(
        self, widths: tuple[int, ...], dtype: str
    ) -> tuple[Array | None, Target | None, tuple[str, ...]]:
        if [self.widths, self.x, self.target].count("-") > 1:
            raise UsageError("standard input can be read only once: give one of them as a file")
        x: Array | None = None
        said: tuple[str, ...] = ()
        batch = self.batch or ()
        if self.x is not None:
            x, said = read_input(self.x, widths[0], dtype, self.batch)
            batch = x.shape[:-1]
        if self.target is None:
            return x, None, said
        if self.loss == "cross_entropy":
            return x, classes_of(self.target, widths[-1], batch), said
        try:
            target, more = read_input(self.target, widths[-1], dtype, batch)
        except UsageError as error:
            raise UsageError(_of_target(error.message), error.hint) from error
        if self.loss == "bce":
            _require_probabilities(target)
        return x, target, (*said, *map(_of_target, more))


def step(
    optimizer: OptimizerOptions,
    problem: StepProblem,
    plot: Plot = False,
    show_code: ShowCode = False,
    *,
    output: Annotated[Output, Writes(forms=ARTICLE_FORMATS, figure=True, files=(FIGURE, ARTICLE))],
) -> ExitStatus:
    """Show an optimizer step: forward, loss, backward, update."""
    from fcinspect.reports.scripts import step_script
    from fcinspect.reports.step.view import view_of_step

    request, warnings = problem.request(optimizer.chosen())
    if show_code:
        if plot:
            raise UsageError("--show-code prints a script: it cannot be combined with --plot")
        return output.write_script(step_script(request, problem.steps))
    if plot and output.typesets:
        warnings = (*warnings, "LaTeX output has no chart: use --save loss.pdf for a figure of it")
    report, followed = problem.solve(request)
    view = view_of_step(
        report,
        followed,
        {**problem.asked(request), **optimizer.asked()},
        notes=problem.notes(request),
        warnings=warnings,
        plot=plot,
        draws=output.draws(plot),
    )
    return output.write(view)


def _require_probabilities(target: Array) -> None:
    """Raise UsageError for a target that torch's binary cross entropy refuses."""
    import numpy as np

    wrong = np.argwhere(~((target.values >= 0) & (target.values <= 1)))
    if wrong.size:
        index = tuple(map(int, wrong[0]))
        raise UsageError(
            f"the target is {float(target.values[index])!r} at {list(index)}: bce needs"
            " targets from 0 to 1"
        )


def _of_target(message: str) -> str:
    """Let a refusal of --x speak of the target."""
    changed = message.replace("the layer's in_features", "the network's out_features")
    return "the target" + changed.removeprefix("x") if changed.startswith("x ") else changed


def classes_of(text: str, outputs: int, batch: tuple[int, ...]) -> Classes:
    """Return the classes written "1,0,1", one a row of the batch."""
    import numpy as np

    from fcinspect.arithmetic.training import Classes

    if names_a_file(text):
        raise UsageError("write the classes out: --target 1,0,1")
    parts = [part.strip() for part in text.replace(";", ",").split(",")]
    count = prod(batch)
    for position, part in enumerate(parts):
        if not (part.isascii() and part.isdigit() and len(part) <= 15):
            raise UsageError(
                f"class {part!r} at position {position} is not a whole number from 0 to"
                f" {outputs - 1}"
            )
        if int(part) >= outputs:
            noun = "output" if outputs == 1 else "outputs"
            raise UsageError(
                f"class {part} at position {position}: the network has {outputs} {noun}"
            )
    if len(parts) != count:
        raise UsageError(
            f"the target has {len(parts)} classes, x has {count} row{'' if count == 1 else 's'}:"
            " expected one class per row"
        )
    return Classes(np.array([int(part) for part in parts], dtype=np.int64).reshape(batch))

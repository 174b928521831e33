"""fcinspect shapes: shapes through a specification."""

from __future__ import annotations

from typing import Annotated

from fcinspect.cli.network import activation_option
from fcinspect.cli.options import BYTES, Batch, Bias, Dtype, argument
from fcinspect.cli.output import Output, Writes
from fcinspect.cli.system import ExitStatus
from fcinspect.layers.spec import parse_spec

MODULES = {
    "relu": "ReLU", "sigmoid": "Sigmoid", "tanh": "Tanh", "leaky_relu": "LeakyReLU",
    "gelu": "GELU", "identity": "Identity",
}  # fmt: skip


def shapes(
    widths: Annotated[
        str, argument("WIDTHS", "3-5-4-2, 3,5,4,2, '3 -> 5 -> 4 -> 2' or 'nn.Linear(4, 2)'.")
    ],
    batch: Batch = None,
    activation: Annotated[
        str | None, activation_option("--activation", "After every hidden layer")
    ] = None,
    output_activation: Annotated[
        str | None, activation_option("--output-activation", "After the last layer")
    ] = None,
    bias: Bias = None,
    dtype: Dtype = "float32",
    *,
    output: Annotated[Output, Writes()],
) -> ExitStatus:
    """Trace shapes, parameters and multiply-adds through 3-5-4-2."""
    from fcinspect.reports.shapes import view_of_shapes
    from fcinspect.shapes.trace import trace_widths

    spec = parse_spec(widths)
    with_bias = spec.bias_beside(bias)
    trace = trace_widths(
        spec.widths,
        batch or (),
        itemsize=BYTES[dtype],
        dtype=dtype,
        bias=with_bias,
        activation=activation and MODULES[activation],
        output_activation=output_activation and MODULES[output_activation],
    )
    asked = {
        "widths": widths, "batch": batch, "activation": activation,
        "output_activation": output_activation, "bias": with_bias, "dtype": dtype,
    }  # fmt: skip
    return output.write(view_of_shapes(trace, asked))

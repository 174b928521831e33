"""What a batch meets on its way through a real module, step by step.

Also convolution and pooling arithmetic, and the modules that are a chain of linear layers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal

from fcinspect.errors import InputError

Shape = tuple[int, ...]
Device = Literal["meta", "cpu"]
Stage = Literal["import", "construction", "forward"]


@dataclass(frozen=True)
class Tensor:
    """A tensor that enters or leaves: its shape, not its numbers."""

    shape: Shape
    dtype: str
    name: str = ""
    """Where it stands in a tuple or dict: "1", "logits", "hidden.0"; "" when it stands alone."""
    device: str = ""
    """"cuda:0"; "" on the CPU, and in a trace, whose module runs on one device."""


@dataclass(frozen=True)
class Place:
    """A piece of source code, with its position as Python's compiler tells it."""

    file: str
    line: int
    column: int | None = None
    """In UTF-8 bytes from 0, as in Python's syntax trees; None where it is not known."""
    end_line: int | None = None
    end_column: int | None = None
    function: str = ""


@dataclass(frozen=True)
class Parameter:
    """A parameter that a step uses."""

    name: str
    """State-dict key: "fc1.weight"; "" for a tensor that is registered nowhere."""
    shape: Shape
    new: bool
    """Whether no earlier step used it: it counts once."""
    device: str = ""
    """As of a Tensor."""


@dataclass(frozen=True)
class Step:
    """One module without parts of its own, or one function called outside of such modules."""

    number: int
    """From 0, in the order of execution."""
    path: str
    """Of the module, or of the module whose forward calls the function: "encoder.fc1"; "" is
    the traced module itself."""
    kind: str
    """"Linear", or the name of a function: "relu", "flatten", "getitem"."""
    call: str
    """What tells it from others of its kind: "[:, -1]", "(-1, 2048)", "batch_first=True"."""
    is_module: bool
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    """Empty for a step that failed."""
    parameters: tuple[Parameter, ...]
    macs: int
    """Multiply–adds of matrix products and convolutions; adding a bias multiplies nothing."""
    linear: bool
    """Whether the step is an affine map: nn.Linear, F.linear, or a product with a parameter."""
    weight: Shape | None
    """Of the parameter called weight, or of the one that is multiplied by."""
    bias: Shape | None
    called: Place | None
    """The call in the reader's own code; None inside of libraries."""
    made: Place | None
    """Where the module was constructed in the reader's own code."""
    windows: tuple[Window, ...] = ()
    """Convolution and pooling arithmetic, one of each dimension that slides."""
    note: str = ""
    """What a reader should know: "last step of rnn", "2nd use"."""
    made_in_run: bool = False
    """Whether the module was made while the traced module ran."""

    @property
    def words(self) -> str:
        """How the step is called in text: "fc1 (Linear)", "relu"."""
        return f"{self.path} ({self.kind})" if self.is_module and self.path else self.kind

    @property
    def count(self) -> int:
        """Parameters that no earlier step used."""
        return sum(math.prod(parameter.shape) for parameter in self.parameters if parameter.new)


@dataclass(frozen=True)
class Failure:
    """The step that could not be done."""

    step: Step | None
    """What was being done; None where the error arose between steps."""
    error: str
    message: str
    """In full."""
    place: Place | None
    """The innermost place in the reader's own code."""
    code: str
    """The source line there."""
    stage: Stage = "forward"
    traceback: str = ""
    """Python's own, for diagnosis."""
    attributes: tuple[str, ...] = ()
    """Names that the object of an AttributeError has."""


@dataclass(frozen=True)
class ModuleTrace:
    """A run of a module on shapes."""

    source: str
    """"cnn.py:CNN"."""
    name: str
    """The class: "CNN"."""
    device: Device
    why_not_meta: str
    """What kept the module from running on the meta device; "" if nothing did."""
    training: bool
    inputs: tuple[Tensor, ...]
    input_origin: str
    """How the input's shape was found, where it was not given; "" if it was."""
    steps: tuple[Step, ...]
    outputs: tuple[Tensor, ...]
    parameters: int
    """Of the whole module, each once."""
    trainable: int
    buffers: int
    """Numbers in buffers, such as running means."""
    unused: tuple[Parameter, ...]
    """Parameters of the module that no step used."""
    parameter_bytes: int
    """What all parameters take in memory."""
    failure: Failure | None = None
    stopped: str = ""
    """Why later steps are not listed, e.g. too many; "" if all are."""
    sources: dict[str, str] = field(default_factory=dict)
    """The text of each file of the reader's own code that took part, by its path."""
    macs: int = 0
    """Multiply–adds of all steps, those that are not listed too."""
    unregistered: int = 0
    """Numbers in parameters that steps use and the module does not know."""


@dataclass(frozen=True)
class Window:
    """One dimension through Conv2d, ConvTranspose2d or MaxPool2d of torch.nn, by their formulas."""

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


ACTIVATIONS = {
    "relu": "relu", "sigmoid": "sigmoid", "tanh": "tanh", "gelu": "gelu",
    "leakyrelu": "leaky_relu", "leaky_relu": "leaky_relu", "relu_": "relu",
    "silu": "silu", "elu": "elu", "selu": "selu", "softplus": "softplus", "mish": "mish",
    "hardtanh": "hardtanh", "softmax": "softmax", "logsoftmax": "log_softmax",
    "log_softmax": "log_softmax",
}  # fmt: skip
"""What an activation is called in a trace, in small letters -> in torch.nn.functional."""
PASSING = frozenset({"dropout", "identity", "contiguous", "to", "float"})
"""Steps that change no number when a module is evaluated."""
FLATTENING = frozenset({"flatten", "view", "reshape"})
"""Steps that are let pass before the first layer."""


@dataclass(frozen=True)
class Link:
    """A linear layer of a chain."""

    name: str
    """Its module path, "fc1"."""
    weight: str
    """State-dict key of W."""
    bias: str | None
    in_features: int
    out_features: int
    activation: str = "identity"
    """What stands behind it, a name of torch.nn.functional."""


def chain_of(trace: ModuleTrace) -> tuple[Link, ...]:
    """Return the linear layers in order; raises InputError if the steps are not one chain."""
    links: list[Link] = []
    for step in trace.steps:
        kind = step.kind.lower()
        if step.kind in ("Linear", "linear") and step.weight is not None:
            links.append(_link(step, links, trace))
        elif kind in ACTIVATIONS and links and links[-1].activation == "identity":
            links[-1] = replace(links[-1], activation=ACTIVATIONS[kind])
        elif kind not in PASSING and not (kind in FLATTENING and not links):
            raise _refusal(trace, f"it runs {step.words}")
    if not links:
        raise _refusal(trace, "it runs no linear layer")
    if len(trace.outputs) != 1:
        raise _refusal(trace, f"it returns {len(trace.outputs)} tensors")
    return tuple(links)


def _link(step: Step, links: list[Link], trace: ModuleTrace) -> Link:
    assert step.weight is not None
    out_features, in_features = step.weight
    matrix = [p for p in step.parameters if len(p.shape) == 2]
    vector = [p for p in step.parameters if len(p.shape) == 1]
    if len(matrix) != 1 or len(matrix) + len(vector) != len(step.parameters) or not matrix[0].name:
        raise _refusal(trace, f"the weight of {step.words} is not one of its parameters")
    if links and links[-1].out_features != in_features:
        given = f"but the previous layer returns {links[-1].out_features}"
        raise _refusal(trace, f"{step.words} takes {in_features} features, {given}")
    name = matrix[0].name.removesuffix(".weight")
    bias = vector[0].name if vector else None
    return Link(name, matrix[0].name, bias, in_features, out_features)


def _refusal(trace: ModuleTrace, why: str) -> InputError:
    return InputError(
        f"{trace.source} is not a chain of linear layers: {why}",
        hint="use fcinspect trace to see what it runs",
    )

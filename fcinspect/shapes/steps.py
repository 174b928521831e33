"""What a batch meets on its way through a real module, step by step."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from fcinspect.shapes.windows import Window

Shape = tuple[int, ...]
Device = Literal["meta", "cpu"]
Stage = Literal["import", "construction", "forward"]


@dataclass(frozen=True)
class Tensor:
    """A tensor that enters or leaves: its shape, not its numbers."""

    shape: Shape
    dtype: str
    """"float32"."""
    name: str = ""
    """Where it stands in a tuple or dict: "1", "logits", "hidden.0"; "" when it stands alone."""


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
    """"RuntimeError"."""
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

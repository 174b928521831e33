"""What was seen of a module that runs, before it is judged."""

from __future__ import annotations

from dataclasses import dataclass

from fcinspect.shapes.steps import Place, Shape


@dataclass(frozen=True)
class Unregistered:
    """Modules or parameters in a plain list or dict, which torch does not know."""

    owner: str
    """The class that holds them: "Net"."""
    attribute: str
    """"layers"."""
    container: str
    """"list", "tuple" or "dict"."""
    count: int
    """Modules and parameters in it."""
    numbers: int
    """Their parameters."""
    modules: bool
    """Whether it holds modules, rather than parameters."""
    made: Place | None
    """Where the first of the modules was made."""


@dataclass(frozen=True)
class Lifeless:
    """A parameter that a gradient does not reach."""

    name: str
    """State-dict key."""
    shape: Shape
    kind: str
    """"never used" by forward, "detached" from the output, or "zero" gradient."""


@dataclass(frozen=True)
class Mixing:
    """Rows of the batch that depend on another row."""

    rows: int
    """Rows of the batch."""
    changed: tuple[int, ...]
    """Rows of the output that changed when only row 0 of the input did."""
    output: Shape


@dataclass(frozen=True)
class OptimizerHolds:
    """What an optimizer would update."""

    name: str
    """As it is found: "optimizer"."""
    kind: str
    """"SGD"."""
    missing: tuple[str, ...]
    """Trainable parameters of the module that it does not hold."""
    of: int
    """How many trainable parameters the module has."""
    foreign: int
    """Parameters that it holds and the module has not."""


@dataclass(frozen=True)
class StoredWeights:
    """A state dict beside the module that is to load it."""

    source: str
    refusal: str
    """What load_state_dict says, "" if it loads."""
    reversed: tuple[tuple[str, Shape], ...]
    """Weights of linear layers whose shape is that of the module's, turned round."""
    square: tuple[str, ...]
    """Square weights, which load either way."""
    equal: int
    """Weights that are not square, with the module's shape."""
    transposed: tuple[str, ...]
    """Square weights that are exactly the module's own, transposed."""
    kernels: bool
    """Whether the file calls weights kernels, as Keras and Flax do, which are (in, out)."""


@dataclass(frozen=True)
class Observations:
    """All that was seen."""

    unregistered: tuple[Unregistered, ...] = ()
    lifeless: tuple[Lifeless, ...] = ()
    frozen: tuple[str, ...] = ()
    """Parameters with requires_grad=False."""
    mixing: Mixing | None = None
    optimizers: tuple[OptimizerHolds, ...] = ()
    weights: StoredWeights | None = None
    checked: tuple[str, ...] = ()
    """What was looked for."""
    not_exercised: tuple[str, ...] = ()
    """What was not, and why."""

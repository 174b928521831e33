"""What was seen of a module that runs, before it is judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fcinspect.shapes.steps import Place, Shape

ROWS_MIX = "rows of the batch that depend on one another"
"""What is looked for, as reports call it."""
Kind = Literal["never used", "detached", "zero"]
"""How a gradient does not reach a parameter: forward never uses it, the output does not depend on
it differentiably, or every number of it is 0."""
MOST_NAMES = 6


@dataclass(frozen=True)
class Unregistered:
    """Modules or parameters in a list, dict or object, which torch does not know."""

    owner: str
    """The class that holds them: "Net"."""
    attribute: str
    """"layers"."""
    container: str
    """Its class: "list", "dict", "Heads"; "" of a module or parameter that stands there itself."""
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
    kind: Kind
    whole: bool
    """Whether the same is true of all parameters of its layer."""


@dataclass(frozen=True)
class Mixing:
    """Rows of the batch that depend on another row."""

    rows: int
    """Rows of the batch."""
    changed: int
    """The one row of the input that was changed."""
    others: tuple[int, ...]
    """Other rows of the output that changed with it."""
    output: Shape
    by_column: bool
    """Whether dimension 1 could be the batch: its slices do not depend on one another."""
    function: str = ""
    """The first function of which the rows depend on the changed one; "" if it is not known."""
    place: Place | None = None
    """Where that is called."""


@dataclass(frozen=True)
class OptimizerHolds:
    """What an optimizer would update, or several that share a module."""

    name: str
    """As it is found: "optimizer"; "a and b"."""
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
    mixing: Mixing | None = None
    optimizer: OptimizerHolds | None = None
    weights: StoredWeights | None = None
    checked: tuple[str, ...] = ()
    """What was looked for."""
    not_exercised: tuple[str, ...] = ()
    """What was not, and why."""


def listed(names: Sequence[str]) -> str:
    """Return the first few names, and how many more there are."""
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more

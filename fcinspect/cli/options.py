"""How options are declared, and those that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer

from fcinspect.arithmetic.settings import (
    ACTIVATION_NAMES,
    OPTIMIZER_NAMES,
    Optimizer,
    optimizer_named,
)
from fcinspect.cli.values import (
    batch_shape,
    betas_of,
    completion_of,
    one_of,
    parsed_by,
    real_number,
    whole_number,
)
from fcinspect.layers.spec import LARGEST_SEED

DTYPES = ("float32", "float64", "bfloat16", "float16")


def option(
    flag: str, metavar: str, help: str, parser: Callable[[Any], object] | None = None
) -> Any:
    """Return an option with a value; without a `parser` that is its text."""
    return typer.Option(flag, parser=parser, metavar=metavar, help=help)


def choice(flag: str, metavar: str, help: str, known: Sequence[str], what: str = "") -> Any:
    """Return an option with one of the known names; `what` they are, if not what the flag says."""
    return typer.Option(
        flag,
        parser=one_of(what or flag.removeprefix("--"), known),
        autocompletion=completion_of(known),
        metavar=metavar,
        help=help,
    )


def activation_option(flag: str, where: str) -> Any:
    """Return the option that names an activation, `where` saying behind which layer it stands."""
    words = f"{where}: {', '.join(ACTIVATION_NAMES)}."
    return choice(flag, "NAME", words, ACTIVATION_NAMES, "activation")


def dtype_option(words: str) -> Any:
    """Return the option that names a number format, of which help says `words`."""
    return choice("--dtype", "DTYPE", words, DTYPES)


def only_option(what: str) -> Any:
    """Return the option that chooses names, `what` saying of what."""
    return option("--only", "GLOB", f"{what} matching this glob, 'encoder.*' (repeatable).")


def timeout_option(what: str) -> Any:
    """Return the option that bounds how long foreign code may take."""
    words = f"How long {what} may take."
    return option("--timeout", "SECONDS", words, real_number(0.0, above=True))


def seed_option(words: str) -> Any:
    """Return the option that names a seed of torch, of which help says `words`."""
    return option("--seed", "S", words, whole_number(0, LARGEST_SEED))


Seed = Annotated[int, seed_option("Seed of torch.manual_seed, 0 to 2^53-1.")]
Batch = Annotated[
    Any,
    option(
        "--batch",
        "B",
        "Leading dimensions of the input, 3 or 2,3; without it one vector.",
        batch_shape,
    ),
]
Dtype = Annotated[str, dtype_option("Number format: float32, float64, bfloat16 or float16.")]
JsonDtype = Annotated[
    str | None,
    dtype_option("Format of plain JSON numbers: float32, float64, bfloat16 or float16."),
]
Bias = Annotated[
    bool | None,
    typer.Option("--bias/--no-bias", help="With the bias b, as by default, or without it."),
]
HiddenActivation = Annotated[
    str | None, activation_option("--activation", "Behind every hidden layer, default relu")
]
LastActivation = Annotated[
    str | None,
    activation_option("--output-activation", "Behind the last layer, default identity"),
]
Plot = Annotated[
    bool,
    typer.Option("--plot", help="Draw charts below the report; JSON and CSV stay as they are."),
]
ShowCode = Annotated[
    bool,
    typer.Option("--show-code", help="Print the PyTorch script that gives the same numbers."),
]

Size = real_number(0)


@dataclass(frozen=True)
class OptimizerOptions:
    """The optimizer and its options; None stands for torch's default."""

    optimizer: Annotated[
        str, choice("--optimizer", "NAME", ", ".join(OPTIMIZER_NAMES) + ".", OPTIMIZER_NAMES)
    ] = "sgd"
    lr: Annotated[
        float | None,
        option("--lr", "R", "Learning rate; default 0.01, for adam and adamw 0.001.", Size),
    ] = None
    momentum: Annotated[
        float | None, option("--momentum", "R", "sgd, rmsprop; default 0.", Size)
    ] = None
    dampening: Annotated[
        float | None, option("--dampening", "R", "sgd; default 0.", real_number())
    ] = None
    nesterov: Annotated[
        bool, typer.Option("--nesterov", help="sgd: look ahead along the momentum.")
    ] = False
    weight_decay: Annotated[
        float | None, option("--weight-decay", "R", "Default 0, for adamw 0.01.", Size)
    ] = None
    maximize: Annotated[bool, typer.Option("--maximize", help="Climb instead of descend.")] = False
    betas: Annotated[
        Any, option("--betas", "R,R", "adam, adamw; default 0.9,0.999.", parsed_by(betas_of))
    ] = None
    eps: Annotated[
        float | None,
        option("--eps", "R", "adam, adamw, rmsprop: default 1e-8; adagrad: 1e-10.", Size),
    ] = None
    alpha: Annotated[float | None, option("--alpha", "R", "rmsprop; default 0.99.", Size)] = None
    centered: Annotated[
        bool, typer.Option("--centered", help="rmsprop: divide by the variance's root.")
    ] = False
    amsgrad: Annotated[
        bool, typer.Option("--amsgrad", help="adam, adamw: divide by the largest so far.")
    ] = False
    lr_decay: Annotated[float | None, option("--lr-decay", "R", "adagrad; default 0.", Size)] = None
    initial_accumulator_value: Annotated[
        float | None, option("--initial-accumulator-value", "R", "adagrad; default 0.", Size)
    ] = None

    def chosen(self) -> Optimizer:
        """Return the optimizer; raises UsageError for an option it lacks."""
        given = asdict(self)
        name = given.pop("optimizer")
        return optimizer_named(name, {k: v for k, v in given.items() if v is not False})

    def asked(self) -> dict[str, Any]:
        """Return the optimizer and its options after defaults, for the report."""
        chosen = self.chosen()
        options = {k: list(v) if isinstance(v, tuple) else v for k, v in chosen.options.items()}
        return {"optimizer": chosen.name, **options}

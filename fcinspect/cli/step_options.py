"""The options of `fcinspect step` that choose the optimizer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer

from fcinspect.arithmetic.settings import OPTIMIZER_NAMES, Optimizer, optimizer_named
from fcinspect.cli.values import completion_of, one_of, parsed_by, real_number
from fcinspect.errors import UsageError


def betas_of(text: str | tuple[float, float]) -> tuple[float, float]:
    """Return β1 and β2 of "0.9,0.999"."""
    if isinstance(text, tuple):
        return text
    parts = text.split(",")
    if len(parts) != 2:
        raise UsageError(f"{text!r} is not two numbers such as 0.9,0.999")
    parse = real_number(0, below=1)
    try:
        return parse(parts[0]), parse(parts[1])
    except typer.BadParameter as error:
        raise UsageError(f"{error.message}, in {text!r}") from error


Size = real_number(0)


@dataclass(frozen=True)
class OptimizerOptions:
    """The optimizer and its options; None stands for torch's default."""

    optimizer: Annotated[
        str,
        typer.Option(
            "--optimizer",
            parser=one_of("optimizer", OPTIMIZER_NAMES),
            autocompletion=completion_of(OPTIMIZER_NAMES),
            metavar="NAME",
            help=", ".join(OPTIMIZER_NAMES) + ".",
        ),
    ] = "sgd"
    lr: Annotated[
        float | None,
        typer.Option(
            "--lr",
            parser=Size,
            metavar="R",
            help="Learning rate; default 0.01, for adam and adamw 0.001.",
        ),
    ] = None
    momentum: Annotated[
        float | None,
        typer.Option("--momentum", parser=Size, metavar="R", help="sgd, rmsprop; default 0."),
    ] = None
    dampening: Annotated[
        float | None,
        typer.Option("--dampening", parser=real_number(), metavar="R", help="sgd; default 0."),
    ] = None
    nesterov: Annotated[
        bool, typer.Option("--nesterov", help="sgd: look ahead along the momentum.")
    ] = False
    weight_decay: Annotated[
        float | None,
        typer.Option("--weight-decay", parser=Size, metavar="R", help="Default 0, for adamw 0.01."),
    ] = None
    maximize: Annotated[bool, typer.Option("--maximize", help="Climb instead of descend.")] = False
    betas: Annotated[
        Any,
        typer.Option(
            "--betas",
            parser=parsed_by(betas_of),
            metavar="R,R",
            help="adam, adamw; default 0.9,0.999.",
        ),
    ] = None
    eps: Annotated[
        float | None,
        typer.Option(
            "--eps",
            parser=Size,
            metavar="R",
            help="adam, adamw, rmsprop: default 1e-8; adagrad: 1e-10.",
        ),
    ] = None
    alpha: Annotated[
        float | None,
        typer.Option("--alpha", parser=Size, metavar="R", help="rmsprop; default 0.99."),
    ] = None
    centered: Annotated[
        bool, typer.Option("--centered", help="rmsprop: divide by the variance's root.")
    ] = False
    amsgrad: Annotated[
        bool, typer.Option("--amsgrad", help="adam, adamw: divide by the largest so far.")
    ] = False
    lr_decay: Annotated[
        float | None,
        typer.Option("--lr-decay", parser=Size, metavar="R", help="adagrad; default 0."),
    ] = None
    initial_accumulator_value: Annotated[
        float | None,
        typer.Option(
            "--initial-accumulator-value", parser=Size, metavar="R", help="adagrad; default 0."
        ),
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

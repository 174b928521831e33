"""The help of a command: its own options, those that all commands share, and two examples."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from typer.core import TyperCommand

from fcinspect.cli.options import Output

WHOLE_HYPHEN = "\N{NON-BREAKING HYPHEN}"
"""Stands for - while lines are broken, so that no option is broken at its hyphens."""

COMMON = {*(field.name for field in fields(Output)), "help"}
"""The parameters of the options that all commands share."""

EXAMPLES = {
    "create": ("create 4-2", "create 784-10 --init xavier_uniform --save layer.safetensors"),
    "show": ("show model.safetensors", "show model.safetensors fc1 --plot"),
    "explain": ("explain 4-2 --x 1,2,3,4", 'explain --weight "1,2;3,4" --bias 0,1 --x 1,1'),
    "shapes": ("shapes 784-512-10 --batch 32", "shapes 'nn.Linear(4, 2)'"),
    "trace": (
        "trace fcinspect.examples:CNN --input 4,3,32,32",
        "trace model.safetensors --batch 2",
    ),
    "step": ("step 3-5-4-2", "step 3-2 --optimizer adam --loss mse --x 1,2,3 --target 0,1"),
    "verify layer": ("verify layer 8-4", "verify layer model.safetensors fc1"),
    "verify implementation": (
        "verify implementation torch.nn:Linear",
        "verify implementation torch.nn:Linear --in 8 --out 4",
    ),
    "verify optimizer": (
        "verify optimizer torch --like adam",
        "verify optimizer torch.optim:SGD --like sgd --momentum 0.9",
    ),
    "verify output": ("verify output result.json", "verify output - < result.json"),
    "verify step": ("verify step step.json", "verify step - < step.json"),
    "verify example": ("verify example example.json", "verify example - < example.json"),
    "diagnose": (
        'diagnose "mat1 and mat2 shapes cannot be multiplied (4x8 and 5x2)"',
        "diagnose fcinspect.examples:CNN --input 4,3,32,32",
    ),
    "scan": ("scan model.safetensors", "scan model.safetensors --check --only 'fc*'"),
    "diff": ("diff model.safetensors tuned.safetensors", "diff model.safetensors model.npz"),
    "approximate": (
        'approximate "sin(2*pi*x)" --on 0,1 --error 1e-2',
        'approximate "x**2" --on 0,1 --error 0.1 --save net.json',
    ),
    "draw": ("draw 3-5-4-2", "draw 3-5-4-2 --seed 0 --save net.svg"),
    "worksheet": (
        "worksheet 3-2-2",
        "worksheet 3-2-2 --class 24 --save class.html",
    ),
    "schema": ("schema explain", "schema > schemas.json"),
    "guide": ("guide", "guide scan"),
    "man": ("man", "man > fcinspect.1"),
    "completion": ("completion bash", "completion zsh > _fcinspect"),
}
"""Two of each command, without the name of the program."""

Formatter: Any = TyperCommand.context_class.formatter_class


class HelpFormatter(Formatter):  # type: ignore[misc]  # the class of typer's own contexts
    """Breaks lines between words, never inside of an option."""

    def write_text(self, text: str) -> None:
        """Write a paragraph."""
        super().write_text(text.replace("-", WHOLE_HYPHEN))

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the usage line."""
        super().write_usage(prog, args.replace("-", WHOLE_HYPHEN), prefix)

    def write_dl(self, rows: Any, col_max: int = 30, col_spacing: int = 2) -> None:
        """Write options, arguments or commands with what they mean."""
        whole = [(first, second.replace("-", WHOLE_HYPHEN)) for first, second in rows]
        super().write_dl(whole, col_max, col_spacing)

    def getvalue(self) -> str:
        """Return the page."""
        page: str = super().getvalue()
        return page.replace(WHOLE_HYPHEN, "-")


def write_options(parameters: list[Any], context: Any, formatter: Any) -> None:
    """Write the arguments, the options of the command, and those of all commands below."""
    sections: dict[str, list[Any]] = {"Arguments": [], "Options": [], "Common options": []}
    for parameter in parameters:
        record = parameter.get_help_record(context)
        if record is None:
            continue
        kind = "Arguments" if parameter.param_type_name == "argument" else "Options"
        if kind == "Options" and parameter.name in COMMON:
            kind = "Common options"
        sections[kind].append(record)
    if not sections["Options"]:
        sections = {**sections, "Options": sections["Common options"], "Common options": []}
    for title, records in sections.items():
        if records:
            with formatter.section(title):
                formatter.write_dl(records)


def write_examples(context: Any, formatter: Any) -> None:
    """Write the examples of the command, if it has some, and its topic in the guide."""
    from fcinspect.cli.guide import topic_of

    program, _, command = context.command_path.partition(" ")
    examples = EXAMPLES.get(command, ())
    if examples:
        with formatter.section("Examples"):
            for example in examples:
                formatter.write(f"{'':>{formatter.current_indent}}{program} {example}\n")
    formatter.write(f"\nMore: {program} guide {topic_of(command)}".rstrip() + "\n")

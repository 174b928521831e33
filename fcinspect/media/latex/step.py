"""A training step as an article: forward, loss, backward, update, check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fcinspect.arithmetic.losses import LOSSES
from fcinspect.arithmetic.optimizers import SYMBOLS
from fcinspect.layers.spec import format_widths
from fcinspect.media.latex.document import article, blocks, paragraph, said, title
from fcinspect.media.latex.equations import display
from fcinspect.media.latex.followed import followed_parts
from fcinspect.media.latex.formulas import formula, named
from fcinspect.media.latex.step_layers import backward, forward
from fcinspect.media.latex.tables import tabular
from fcinspect.media.latex.words import typed, words
from fcinspect.page import text
from fcinspect.page.blocks import Equation, Line, Table
from fcinspect.page.matrices import matrix
from fcinspect.reports.step.check import change, check_blocks, history
from fcinspect.reports.step.page import MOST_TERMS, counts, loss_terms
from fcinspect.reports.step.update import formula_lines, parameter_tables, working_of

if TYPE_CHECKING:
    from fcinspect.arithmetic.following import Followed
    from fcinspect.arithmetic.training import TrainingStep
    from fcinspect.verification.step import StepReport


def step_document(
    report: StepReport,
    notes: Sequence[str],
    followed: Followed | None,
    warnings: Sequence[str],
    precision: int,
) -> str:
    """Return the article."""
    step = report.last
    parts = _header(step, notes)
    if len(report.losses) > 2:
        parts += [title(2, "Loss by step"), *blocks([history(report.losses, precision)])]
    if followed is not None:
        parts += followed_parts(step, followed)
    else:
        parts += [title(2, "Forward"), *forward(step, precision)]
        parts += [title(2, "Loss"), *_loss(step, precision)]
        parts += [title(2, "Backward"), *backward(step, precision)]
        parts += [title(2, "Update"), *_update(step, precision)]
        parts += [title(2, "After the step"), *_afterwards(step, precision)]
    parts += [title(2, "Check"), *blocks(check_blocks(report))]
    return article(parts, warnings)


def _header(step: TrainingStep, notes: Sequence[str]) -> list[str]:
    what = f"{step.optimizer.call} on {format_widths(step.widths)}"
    which = f"Step {step.number} of" if step.number > 1 else "One step of"
    chain = [r"$x$"]
    for layer in step.layers:
        chain.append(typed(layer.name))
        chain += [] if layer.activation == "identity" else [words(layer.activation)]
    chain += [r"$y$", rf"{words(step.loss_name)} with target $t$"]
    batch = step.input.shape[:-1]
    shape = f"a batch {text.shape(batch)}" if batch else "one vector"
    return [
        title(1, f"{which} {words(what)}"),
        paragraph(r" $\to$ ".join(chain)),
        paragraph(
            f"{shape}: $x$ {text.shape(step.input.shape)},"
            f" $y$ {text.shape(step.before.output.shape)},"
            f" $t$ {text.shape(step.target.shape)}, {step.dtype}"
        ),
        *(paragraph(words(note)) for note in notes),
    ]


def _loss(step: TrainingStep, precision: int) -> list[str]:
    loss = LOSSES[step.loss_name]
    y, t = step.before.output.rows.astype(np.float64), step.target_rows
    with np.errstate(all="ignore"):
        terms = np.asarray(loss.terms(y, t))
        total = text.number(float(terms.sum()), precision)
    table = loss_terms(step, loss, y, t, terms, precision)
    scale = loss.scale.replace("N", str(y.size)).replace("R", str(len(y))).replace("Σ", total)
    value = text.number(step.before.loss_value, precision)
    called = rf"\text{{{words(loss.name)}}}(y, t)"
    parts = [
        f"\\[\nL = {called} = {formula(loss.formula)}{_where(counts(loss, step))}\n\\]\n",
        *blocks([table]),
    ]
    if terms.size > MOST_TERMS:
        parts.append(paragraph(f"showing {MOST_TERMS} of {terms.size:,} terms"))
    gradient = matrix(step.layers[-1].grad_activation.rows, "gradient", precision)
    return [
        *parts,
        f"\\[\nL = {formula(scale)} = {formula(value)}\n\\]\n",
        display(
            Equation((("∂L/∂y", ""), ("=", ""), (loss.gradient_formula, ""), ("=", ""), gradient))
        ),
    ]


def _where(said: str) -> str:
    """Return ", N = 4" of a formula."""
    if not said:
        return ""
    letter, _, count = said.removeprefix(", ").partition(" = ")
    return rf",\qquad {letter} = \text{{{words(count)}}}"


def _update(step: TrainingStep, precision: int) -> list[str]:
    first = formula_lines(step)[0]
    assert isinstance(first, Line)
    write = named(SYMBOLS)
    lines = [f"{write(q.name)} &= {formula(q.formula, write)}" for q in working_of(step)]
    lines.append(r"\mathrm{new} &= \mathrm{old} + \mathrm{update}")
    body = "\\\\\n".join(lines)
    tables = [
        _parameter(name, group)
        for (name, _), group in zip(step.parameters, parameter_tables(step, precision), strict=True)
    ]
    side_by_side = "\\qquad\n".join(tables)
    return [
        said(first),
        f"\\[\n\\begin{{aligned}}\n{body}\n\\end{{aligned}}\n\\]\n",
        paragraph(f"{{\\lineskiplimit=9pt\\lineskip=9pt\n{side_by_side}\\par}}"),
    ]


def _parameter(name: str, group: Sequence[object]) -> str:
    """Return the table of a parameter under its name; tables stand side by side if they fit."""
    head, table, *rest = group
    assert isinstance(head, Line)
    assert isinstance(table, Table)
    shape = words(head.spans[-1][0])
    below = "".join(rf"\\ {words(line.text)}" for line in rest if isinstance(line, Line))
    caption = f"{typed(name)} {shape}"
    if r"\allowbreak" in caption:
        caption = rf"\parbox[t]{{\linewidth}}{{\raggedright {caption}}}"
    return (
        f"\\begin{{tabular}}[t]{{@{{}}l@{{}}}}\n{caption}\\\\[3pt]\n"
        f"{tabular(table)}{below}\\end{{tabular}}"
    )


def _afterwards(step: TrainingStep, precision: int) -> list[str]:
    losses = (step.before.loss_value, step.after.loss_value)
    before, after = (formula(text.number(value, precision)) for value in losses)
    differs = formula(change(losses, 1, precision).removeprefix("+"))
    sign = "" if differs.startswith("-") else "+"
    output = matrix(step.after.output.rows, "output", precision)
    return [
        display(Equation((("y", ""), ("=", ""), output))),
        paragraph(rf"$L = {before}$ before, $L = {after}$ after: ${sign}{differs}$"),
    ]

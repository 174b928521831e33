"""The class set that `fcinspect worksheet --class` is to make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fcinspect.cli.json_input import json_text
from fcinspect.cli.worksheet_problem import asked_of, checked, widths_of
from fcinspect.errors import UsageError

if TYPE_CHECKING:
    from fcinspect.cli.worksheet_problem import Asked
    from fcinspect.page.view import View


def view_of_class_set(
    arguments: Sequence[str],
    options: Asked,
    answers: bool,
    count: int | None,
    names_file: str | None,
) -> tuple[View, str]:
    """Return the view of the sheets or keys of a class, and in words what they are.

    The class has `count` pupils, or as many as there are names. Raises UsageError for more names
    than that and for none or several widths, InputError for a file without names.
    """
    from fcinspect.checkpoints.access.uris import masked_name
    from fcinspect.reports.worksheet.view import copies_words, view_of_class
    from fcinspect.worksheets.class_set import Copy, Seat, class_problems, names_in

    widths, spec, with_bias = widths_of(arguments, options.bias)
    names: tuple[str, ...] = ()
    if names_file is not None:
        text, source = json_text(names_file)
        names = names_in(text, source)
    total = len(names) if count is None else count
    if len(names) > total:
        raise UsageError(
            f"{source} holds {len(names)} names, more than --class {total}: expected at most a name"
            " for each sheet"
        )
    problems = class_problems(
        options.kind,
        spec.widths,
        options.seed,
        total,
        bias=with_bias,
        activation=options.activation,
        decimals=options.rounded_to,
    )
    pupils = [*names, *[""] * (total - len(names))]
    copies = [
        Copy(*checked(problem), Seat(number, total, pupil))
        for number, (problem, pupil) in enumerate(zip(problems, pupils, strict=True), start=1)
    ]
    asked = asked_of(widths, problems[0], answers)
    del asked["code"]
    asked |= {"class": total, "names": None if names_file is None else masked_name(names_file)}
    view = view_of_class(copies, asked, answers=answers)
    return view, copies_words(copies, answers=answers)

"""Every option that several commands share, declared once."""

from __future__ import annotations

import functools
import inspect
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import partial
from typing import Annotated, Any, ClassVar, get_type_hints

import typer

from fcinspect import __version__
from fcinspect.arithmetic.settings import ACTIVATION_NAMES
from fcinspect.cli.saving import Target, check_targets, targets_of, write_targets
from fcinspect.cli.status import ExitStatus
from fcinspect.cli.streams import say
from fcinspect.cli.values import (
    batch_shape,
    completion_of,
    one_of,
    whole_number,
)
from fcinspect.errors import UsageError
from fcinspect.layers.spec import LARGEST_SEED
from fcinspect.media.emit import ENDINGS, FORMATS, emit, form_of, rendered, write_text
from fcinspect.names import canonical
from fcinspect.page.view import View

FIGURE_ENDINGS = (".png", ".svg", ".pdf")
"""Those of figures; a report that has no figure is printed to .svg."""
STARTED = time.perf_counter()
DTYPES = ("float32", "float64", "bfloat16", "float16")
RECORD_FORMATS = (FORMATS[0], FORMATS[1], "ndjson", *FORMATS[2:])
"""Those of a command that tells of many layers, each by itself."""
COLORS = ("auto", "always", "never")
FORMAT_VARIABLE = "FCINSPECT_FORMAT"

Seed = Annotated[
    int,
    typer.Option(
        "--seed",
        parser=whole_number(0, LARGEST_SEED),
        metavar="S",
        help="Seed of torch.manual_seed, 0 to 2^53-1.",
    ),
]
Batch = Annotated[
    Any,
    typer.Option(
        "--batch",
        parser=batch_shape,
        metavar="B",
        help="Leading dimensions of the input, 3 or 2,3; without it one vector.",
    ),
]
Dtype = Annotated[
    str,
    typer.Option(
        "--dtype",
        parser=one_of("dtype", DTYPES),
        autocompletion=completion_of(DTYPES),
        metavar="DTYPE",
        help="Number format: float32, float64, bfloat16 or float16.",
    ),
]
Bias = Annotated[
    bool | None,
    typer.Option("--bias/--no-bias", help="With the bias b, as by default, or without it."),
]


def activation_option(flag: str, where: str) -> Any:
    """Return the option that names an activation, `where` saying behind which layer it stands."""
    return typer.Option(
        flag,
        parser=one_of("activation", ACTIVATION_NAMES),
        autocompletion=completion_of(ACTIVATION_NAMES),
        metavar="NAME",
        help=f"{where}: {', '.join(ACTIVATION_NAMES)}.",
    )


def only_option(what: str) -> Any:
    """Return the option that chooses names, `what` saying of what."""
    return typer.Option(
        "--only", metavar="GLOB", help=f"{what} matching this glob, 'encoder.*' (repeatable)."
    )


Plot = Annotated[
    bool,
    typer.Option("--plot", help="Draw charts below the report; JSON and CSV stay as they are."),
]
ShowCode = Annotated[
    bool,
    typer.Option("--show-code", help="Print the PyTorch script that gives the same numbers."),
]


def format_option(forms: tuple[str, ...]) -> Any:
    """Return the option that names one of these formats."""
    return typer.Option(
        "--format",
        "-f",
        parser=one_of("format", forms),
        autocompletion=completion_of(forms),
        metavar="FORMAT",
        help=f"{', '.join(forms[:-1])} or {forms[-1]}; default from {FORMAT_VARIABLE}, else text.",
    )


@dataclass(frozen=True)
class Output:
    """How and where the report is written."""

    as_json: Annotated[bool, typer.Option("--json", help="Write JSON; short for -f json.")] = False
    form: Annotated[str | None, format_option(FORMATS)] = None
    full: Annotated[
        bool, typer.Option("--full", help="JSON: write out arrays of over 1000 elements too.")
    ] = False
    precision: Annotated[
        int,
        typer.Option(
            "--precision",
            parser=whole_number(0, 17),
            metavar="K",
            help="Decimals shown, 0 to 17; JSON and CSV are always exact.",
        ),
    ] = 4
    color: Annotated[
        str,
        typer.Option(
            "--color",
            parser=one_of("color", COLORS),
            autocompletion=completion_of(COLORS),
            metavar="WHEN",
            help="auto, always or never; overrides NO_COLOR and FORCE_COLOR.",
        ),
    ] = "auto"
    save: Annotated[
        list[str] | None,
        typer.Option(
            "--save",
            metavar="FILE",
            help="Write the report to FILE as well, by its ending: "
            + " ".join(ENDINGS)
            + " (repeatable).",
        ),
    ] = None
    force: Annotated[bool, typer.Option("--force", help="Let --save replace a file.")] = False
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Write nothing to stdout; the exit status tells.")
    ] = False

    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="Say on stderr which versions ran, and how long."),
    ] = False

    FORMS: ClassVar[tuple[str, ...]] = FORMATS
    """The formats that the command writes; one with more has a `form` of its own."""
    LAYER_ENDINGS: ClassVar[tuple[str, ...]] = ()
    """Endings by which a command writes its layer instead of its report."""
    FIGURE_ENDINGS: ClassVar[tuple[str, ...]] = ()
    """Endings by which a command writes the figure of its report."""

    @property
    def targets(self) -> tuple[Target, ...]:
        """The files of --save."""
        return targets_of(self.save)

    @property
    def endings(self) -> tuple[str, ...]:
        """The endings of --save's files."""
        return tuple(target.ending for target in self.targets)

    def draws(self, plot: bool) -> bool:
        """Whether a figure is asked for: by --plot, or by an ending that only figures have."""
        drawn = set(self.FIGURE_ENDINGS) - set(ENDINGS)
        return plot or not drawn.isdisjoint(self.endings)

    def check(self) -> None:
        """Raise before any work is done when --save or the format could not be served."""
        self._chosen_form()
        check_targets(self.targets, force=self.force)
        for ending in self.endings:
            if ending not in (*self.LAYER_ENDINGS, *self.FIGURE_ENDINGS):
                others = [e for e in self.FIGURE_ENDINGS if e not in ENDINGS]
                form_of(ending, (*self.LAYER_ENDINGS, *others), self.FORMS)

    def write(self, view: View, layer: Callable[[str], bytes] | None = None) -> ExitStatus:
        """Write the view to stdout and to the files of --save; return the exit status.

        `layer` returns the bytes of the view's layers for one of the LAYER_ENDINGS.
        """
        self.save_report(view, layer)
        if not self.quiet:
            emit(
                view,
                form=self._chosen_form(),
                color=self.color,
                precision=self.precision,
                full=self.full,
            )
        return ExitStatus.DONE if view.ok else ExitStatus.FAILED

    def save_report(
        self, view: View, layer: Callable[[str], bytes] | None = None, holds: str = ""
    ) -> None:
        """Write the view to the files of --save, and its layers to those that hold layers.

        `holds` says in words what stands in the files, where their names do not tell.
        """
        contents = [(t, partial(self._content, view, layer, t.ending)) for t in self.targets]
        silent = self.quiet or self._chosen_form() in ("json", "ndjson")
        write_targets(contents, force=self.force, silent=silent, holds=holds)

    def _content(self, view: View, layer: Callable[[str], bytes] | None, ending: str) -> bytes:
        """Return the bytes of a file with that ending."""
        if layer is not None and ending in self.LAYER_ENDINGS:
            return layer(ending)
        draws = ending in self.FIGURE_ENDINGS and (ending not in ENDINGS or view.svg_is_figure)
        if view.figure is not None and draws:
            return view.figure(ending)
        return self._file(view, ending).encode("utf-8")

    def write_script(self, text: str) -> ExitStatus:
        """Write the PyTorch script that computes the same numbers."""
        return self.write_as_it_is(text, "--show-code prints a script")

    def write_as_it_is(self, text: str, why: str) -> ExitStatus:
        """Write text that is no report to stdout.

        Raises UsageError, which begins with `why`, for options of a report.
        """
        if self.save:
            raise UsageError(f"{why}: redirect it to a file instead of --save")
        if self.as_json or self.form not in (None, "text"):
            raise UsageError(f"{why}: it cannot go with --json or --format")
        write_text(text)
        return ExitStatus.DONE

    def _file(self, view: View, ending: str) -> str:
        form = form_of(ending, forms=self.FORMS)
        # a file is kept: it holds every number
        return rendered(view, form, precision=self.precision, full=True)

    def _chosen_form(self) -> str:
        if self.as_json:
            if self.form not in (None, "json"):
                raise UsageError(f"--json and --format {self.form} exclude each other")
            return "json"
        if self.form is not None:
            return self.form
        asked = os.environ.get(FORMAT_VARIABLE) or "text"
        found = canonical(asked, self.FORMS)
        if found is None:
            raise UsageError(
                f"{FORMAT_VARIABLE}={asked!r} is not known: expected one of {', '.join(self.FORMS)}"
            )
        return found


def save_option(what: str) -> Any:
    """Return the option --save of a command that writes `what`, by the ending of the file."""
    return typer.Option(
        "--save", metavar="FILE", help=f"Write {what} to FILE, by its ending (repeatable)."
    )


FIGURE_OR_REPORT = (
    "the figure (.png .pdf, with --plot .svg) or the report (.json .md .csv .svg .html .txt)"
)


ARTICLE_FORMATS = (*FORMATS, "latex")
"""Those of a command whose report is an article, too."""


@dataclass(frozen=True)
class ArticleOutput(Output):
    """How and where a report is written that LaTeX typesets, too."""

    FORMS: ClassVar[tuple[str, ...]] = ARTICLE_FORMATS

    form: Annotated[str | None, format_option(ARTICLE_FORMATS)] = None
    save: Annotated[
        list[str] | None,
        save_option("the report (.json .md .csv .tex .svg .txt, or .html, an interactive page)"),
    ] = None

    @property
    def typesets(self) -> bool:
        """Whether stdout or the file takes LaTeX."""
        return self._chosen_form() == "latex" or ".tex" in self.endings


@dataclass(frozen=True)
class DrawnArticleOutput(ArticleOutput):
    """How and where a report that LaTeX typesets, too, and its figure are written."""

    FIGURE_ENDINGS: ClassVar[tuple[str, ...]] = FIGURE_ENDINGS

    save: Annotated[
        list[str] | None,
        save_option(
            "the figure (.png .pdf, with --plot .svg) or the report"
            " (.json .md .csv .tex .svg .txt, or .html, an interactive page)"
        ),
    ] = None


@dataclass(frozen=True)
class RecordsOutput(Output):
    """How and where a report of many layers is written; as NDJSON, each as soon as it is there."""

    FORMS: ClassVar[tuple[str, ...]] = RECORD_FORMATS
    FIGURE_ENDINGS: ClassVar[tuple[str, ...]] = FIGURE_ENDINGS

    save: Annotated[list[str] | None, save_option(FIGURE_OR_REPORT)] = None
    form: Annotated[str | None, format_option(RECORD_FORMATS)] = None

    @property
    def streams(self) -> bool:
        """Whether stdout takes a flat object a line."""
        return self._chosen_form() == "ndjson"

    def stream(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Write each record as a line of JSON, or go through them silently under --quiet."""
        from fcinspect.media.jsonable import dumps

        for record in records:
            if not self.quiet:
                write_text(dumps(record))

    def remark(self, sentences: Iterable[str]) -> None:
        """Write to stderr what has no place between the records."""
        for sentence in sentences:
            say(f"fcinspect: {sentence}")


@dataclass(frozen=True)
class LayerOutput(Output):
    """How and where a layer is written, and the report on it."""

    LAYER_ENDINGS: ClassVar[tuple[str, ...]] = (".safetensors", ".npz", ".pt", ".pth")

    save: Annotated[
        list[str] | None,
        typer.Option(
            "--save",
            metavar="FILE",
            help="Write the layer (.safetensors .npz .pt .json) or the report"
            " (.md .csv .svg .html .txt) to FILE, by its ending (repeatable).",
        ),
    ] = None


@dataclass(frozen=True)
class DrawnLayerOutput(LayerOutput):
    """How and where a layer, its figure and the report on it are written."""

    FIGURE_ENDINGS: ClassVar[tuple[str, ...]] = FIGURE_ENDINGS

    save: Annotated[
        list[str] | None,
        save_option(
            "the layer (.safetensors .npz .pt .json), the figure (.png .pdf, with --plot .svg) or"
            " the report (.md .csv .svg .html .txt)"
        ),
    ] = None


def say_versions() -> None:
    """Write the versions of what was loaded, and the time since the start, to stderr."""
    names = ("typer", "rich", "numpy", "torch")
    from importlib.metadata import version

    loaded = [f"{n} {version(n)}" for n in names if n in sys.modules]
    python = ".".join(map(str, sys.version_info[:3]))
    seconds = time.perf_counter() - STARTED
    said = ", ".join([f"fcinspect {__version__}", f"python {python}", *loaded])
    say(f"{said}; {seconds:.2f} s")


def expanded(function: Callable[..., ExitStatus]) -> Callable[..., ExitStatus]:
    """Let a command take groups of options: each dataclass parameter becomes its fields."""
    hints = get_type_hints(function, include_extras=True)
    parameters: list[inspect.Parameter] = []
    groups: dict[str, type] = {}
    for parameter in inspect.signature(function).parameters.values():
        kind = hints[parameter.name]
        if isinstance(kind, type) and is_dataclass(kind):
            groups[parameter.name] = kind
            field_hints = get_type_hints(kind, include_extras=True)
            parameters.extend(
                inspect.Parameter(
                    field.name,
                    inspect.Parameter.KEYWORD_ONLY,
                    default=inspect.Parameter.empty if field.default is MISSING else field.default,
                    annotation=field_hints[field.name],
                )
                for field in fields(kind)
            )
        else:
            parameters.append(
                parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=kind)
            )

    @functools.wraps(function)
    def command(**values: Any) -> ExitStatus:
        for name, kind in groups.items():
            values[name] = kind(**{f.name: values.pop(f.name) for f in fields(kind)})
        output = next((v for v in values.values() if isinstance(v, Output)), None)
        if output is not None:
            output.check()
        status = function(**values)
        if output is not None and output.verbose:
            say_versions()
        return status

    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by typer
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command

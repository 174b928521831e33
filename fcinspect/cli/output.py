"""What every command that writes a report shares: its options, and the files of --save."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fcinspect import __version__
from fcinspect.cli.options import choice, completion_of, one_of, option, switch, whole_number
from fcinspect.cli.system import ExitStatus, say
from fcinspect.errors import OutputError, UsageError
from fcinspect.media.emit import ENDINGS, FORMATS, emit, form_of, rendered, write_text
from fcinspect.names import canonical
from fcinspect.page.text import byte_count

if TYPE_CHECKING:
    from fcinspect.layers.linear import LinearLayer
    from fcinspect.page.view import View

STARTED = time.perf_counter()
FORMAT_VARIABLE = "FCINSPECT_FORMAT"
ARTICLE_FORMATS = (*FORMATS, "latex")
"""Those of a command whose report is an article, too."""
LAYER_ENDINGS = (".safetensors", ".npz", ".pt", ".pth")
FIGURE_ENDINGS = (".png", ".svg", ".pdf")
"""Those of figures; a report that has no figure is printed to .svg."""

LAYER = "the layer (.safetensors .npz .pt .json)"
FIGURE = "the figure (.png .pdf, with --plot .svg)"
REPORT = "the report (.json .md .csv .svg .html .txt)"
REPORT_BESIDE_LAYER = "the report (.md .csv .svg .html .txt)"
ARTICLE = "the report (.json .md .csv .tex .svg .txt, or .html, an interactive page)"


@dataclass(frozen=True)
class Writes:
    """What a command can write."""

    forms: tuple[str, ...] = FORMATS
    """Those of --format."""
    files: tuple[str, ...] = ()
    """What the files of --save hold, in words; nothing where that is the report alone."""
    layers: bool = False
    """Whether a file can hold its layers instead of its report."""
    figure: bool = False
    """Whether a file can hold the figure of its report."""
    lacks: tuple[str, ...] = ()
    """The options that all others have, but not this command."""

    @property
    def endings(self) -> tuple[str, ...]:
        """The endings of files that hold something else than the report."""
        return LAYER_ENDINGS * self.layers + FIGURE_ENDINGS * self.figure

    def options(self) -> dict[str, Any]:
        """Return the options that tell what the command can write, by the names of Output."""
        named = f"{', '.join(self.forms[:-1])} or {self.forms[-1]}"
        form = typer.Option(
            "--format",
            "-f",
            parser=one_of("format", self.forms),
            autocompletion=completion_of(self.forms),
            metavar="FORMAT",
            help=f"{named}; default: {FORMAT_VARIABLE}, or text.",
        )
        *others, last = self.files or (" ".join(ENDINGS),)
        held = f"{', '.join(others)} or {last}" if others else last
        save = f"Write {held} to FILE, by its ending (repeatable)."
        if not self.files:
            save = f"Also write the report to FILE, by its ending: {held} (repeatable)."
        return {
            "form": Annotated[str | None, form],
            "save": Annotated[list[str] | None, option("--save FILE", save)],
        }


@dataclass(frozen=True)
class Output:
    """How and where the report is written."""

    writes: Writes
    """No option: what the command declares."""
    as_json: Annotated[bool, switch("--json", "Write JSON; short for -f json.")] = False
    form: str | None = None
    full: Annotated[
        bool, switch("--full", "JSON: also write out arrays of more than 1000 elements.")
    ] = False
    precision: Annotated[
        int,
        option(
            "--precision K",
            "Decimals shown, 0 to 17; JSON and CSV are always exact.",
            whole_number(0, 17),
        ),
    ] = 4
    color: Annotated[
        str,
        choice(
            "--color WHEN",
            "auto, always or never; overrides NO_COLOR and FORCE_COLOR.",
            ("auto", "always", "never"),
        ),
    ] = "auto"
    save: list[str] | None = None
    force: Annotated[bool, switch("--force", "Let --save overwrite a file.")] = False
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", help="Write nothing to stdout; only set the exit status."),
    ] = False
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="Report versions and the elapsed time on stderr."),
    ] = False

    @property
    def targets(self) -> tuple[SaveTarget, ...]:
        """The files of --save; raises UsageError where one is named twice."""
        seen: dict[str, str] = {}
        for name in self.save or ():
            place = os.path.realpath(name) if "\0" not in name else name
            if place in seen:
                raise UsageError(f"--save names the same file twice: {seen[place]!r} and {name!r}")
            seen[place] = name
        return tuple(map(SaveTarget, self.save or ()))

    @property
    def endings(self) -> tuple[str, ...]:
        """The endings of --save's files."""
        return tuple(target.ending for target in self.targets)

    def draws(self, plot: bool) -> bool:
        """Whether a figure is asked for: by --plot, or by an ending that only figures have."""
        drawn = set(self.writes.endings) & (set(FIGURE_ENDINGS) - set(ENDINGS))
        return plot or not drawn.isdisjoint(self.endings)

    @property
    def typesets(self) -> bool:
        """Whether stdout or a file takes LaTeX."""
        return self.chosen_form() == "latex" or ".tex" in self.endings

    def check(self) -> None:
        """Raise before any work is done when --save or the format could not be served."""
        self.chosen_form()
        if not self.targets:
            return
        from fcinspect.checkpoints.saving import check_target

        for target in self.targets:
            check_target(target.path, force=self.force)
        known = self.writes.endings
        for ending in self.endings:
            if ending not in known:
                form_of(ending, tuple(e for e in known if e not in ENDINGS), self.writes.forms)

    def write(self, view: View, *layers: LinearLayer) -> ExitStatus:
        """Write the view to stdout, and it or the layers to the files of --save."""
        self.save_report(view, *layers)
        if not self.quiet:
            form, precision = self.chosen_form(), self.precision
            emit(view, form=form, color=self.color, precision=precision, full=self.full)
        return ExitStatus.DONE if view.ok else ExitStatus.FAILED

    def save_report(self, view: View, *layers: LinearLayer, holds: str = "") -> None:
        """Write the view or its layers to the files of --save, and to stderr what each `holds`.

        All contents are made before one is written; where a disk fills up after the first file,
        the refusal names those that were written.
        """
        if not self.targets:
            return
        from fcinspect.checkpoints.saving import check_target, write_beside

        made = []
        for target in self.targets:
            check_target(target.path, force=self.force)
            made.append((target, self._content(view, layers, target.ending)))
        silent = self.quiet or self.chosen_form() in ("json", "ndjson")
        written: list[str] = []
        for target, data in made:
            try:
                write_beside(target.path, partial(bytes, data), force=self.force)
            except OutputError as error:
                before = f"written before: {', '.join(map(repr, written))}"
                raise OutputError(error.message, before if written else error.hint) from error
            written.append(target.name)
            if not silent and target.path.is_file():
                say(f"wrote {target.name} ({byte_count(len(data))}){holds and f': {holds}'}")

    def _content(self, view: View, layers: Sequence[LinearLayer], ending: str) -> bytes:
        if self.writes.layers and ending in LAYER_ENDINGS:
            from fcinspect.checkpoints import saving

            if ending in saving.ENDINGS:
                return saving.state_bytes(saving.state_dict(*layers), ending)
            from fcinspect.bridge.linear import pickled_bytes

            return pickled_bytes(saving.state_dict(*layers))
        draws = ending in self.writes.endings and (ending not in ENDINGS or view.svg_is_figure)
        if view.figure is not None and draws:
            return view.figure(ending)
        return self.text_of(view, ending).encode("utf-8")

    def text_of(self, view: View, ending: str) -> str:
        """Return the report as a file with that ending holds it: with every number."""
        form = form_of(ending, forms=self.writes.forms)
        return rendered(view, form, precision=self.precision, full=True)

    def write_script(self, text: str) -> ExitStatus:
        """Write the PyTorch script that computes the same numbers."""
        return self.write_as_it_is(text, "--show-code prints a script")

    def write_as_it_is(self, text: str, why: str) -> ExitStatus:
        """Write text that is not a report; raises UsageError (`why`) for options of a report."""
        if self.save:
            raise UsageError(f"{why}: redirect it to a file instead of --save")
        if self.as_json or self.form not in (None, "text"):
            raise UsageError(f"{why}: it cannot be combined with --json or --format")
        write_text(text)
        return ExitStatus.DONE

    def chosen_form(self) -> str:
        """Return the format of stdout; raises UsageError for two, or one the command lacks."""
        if self.as_json:
            if self.form not in (None, "json"):
                raise UsageError(f"--json and --format {self.form} cannot be combined")
            return "json"
        if self.form is not None:
            return self.form
        asked = os.environ.get(FORMAT_VARIABLE) or "text"
        found = canonical(asked, self.writes.forms)
        if found is None:
            known = ", ".join(self.writes.forms)
            raise UsageError(f"invalid {FORMAT_VARIABLE}={asked!r}: expected one of {known}")
        return found

    def say_versions(self) -> None:
        """Write the versions of what was loaded, and the time since the start, to stderr."""
        names = ("typer", "rich", "numpy", "torch")
        from importlib.metadata import version

        loaded = [f"{n} {version(n)}" for n in names if n in sys.modules]
        python = ".".join(map(str, sys.version_info[:3]))
        seconds = time.perf_counter() - STARTED
        said = ", ".join([f"fcinspect {__version__}", f"python {python}", *loaded])
        say(f"{said}; {seconds:.2f} s")


@dataclass(frozen=True)
class SaveTarget:
    """A file that --save names."""

    name: str

    @property
    def path(self) -> Path:
        """Its path."""
        return Path(self.name)

    @property
    def ending(self) -> str:
        """Its ending, by which it is written; a device such as /dev/stdout takes JSON."""
        return ".json" if self.path.is_char_device() else self.path.suffix.lower()

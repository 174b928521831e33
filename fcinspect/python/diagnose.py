"""fcinspect.diagnose: the diagnosis of an exception or a text, to be printed or shown."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TextIO

from fcinspect.diagnosis.records import Diagnosis, one_line

if TYPE_CHECKING:
    from fcinspect.diagnosis.facts import Facts
    from fcinspect.diagnosis.recognising import Unrecognised
    from fcinspect.page.blocks import Page

TITLE = "Diagnosis by fcinspect"


class Explanation:
    """A diagnosis that shows itself: by print(), by rich, and below a cell of a notebook."""

    def __init__(self, found: Diagnosis | None, said: str, title: str | None = None) -> None:
        self.found = found
        """The diagnosis; None where the error is not recognized."""
        self._said = said
        self._title = title

    def page(self) -> Page:
        """Return the report as a page, whatever shows it."""
        from fcinspect.page.blocks import Heading, Page
        from fcinspect.page.untrusted import safe_page

        if self.found is None:
            return safe_page(Page(((Heading(f"not recognized: {self._said}", 1),),)))
        from fcinspect.reports.diagnose import page_with_notes

        return safe_page(page_with_notes(self.found, self._title))

    def __str__(self) -> str:
        from fcinspect.media.terminal import plain_text

        return plain_text(self.page()).rstrip("\n")

    __repr__ = __str__

    def __rich__(self) -> Any:
        from fcinspect.media.terminal import PageForRich

        return PageForRich(self.page())

    def _repr_html_(self) -> str:
        from fcinspect.media.html.fragment import fragment_of

        return fragment_of(self.page())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self._repr_html_()}


def diagnose(subject: BaseException | str | None = None) -> Explanation:
    """Return the diagnosis of an exception, or of a text such as a traceback or a log.

    Without a subject that is the exception being handled, else the last one that ended a line of
    an interactive Python. An exception is read with its frames: the layer that failed, its shapes
    and the line that made it. Nothing is run. `found` of what is returned is the record, or None
    where the error is not recognized.
    """
    if subject is None:
        subject = sys.exc_info()[1] or getattr(sys, "last_value", None)
        if subject is None:
            raise ValueError("there is no exception to diagnose: expected an exception or a text")
    if isinstance(subject, BaseException):
        from fcinspect.bridge.failures import message_of

        found = of_exception(subject)
        said = f"{type(subject).__name__}: {message_of(subject)}".removesuffix(": ")
        return Explanation(found, one_line(said))
    if not isinstance(subject, str):
        kind = type(subject).__name__
        raise TypeError(f"cannot diagnose a {kind}: expected an exception or a text")
    from fcinspect.diagnosis.recognising import Unrecognised

    known = of_text(subject)
    if isinstance(known, Unrecognised):
        return Explanation(None, one_line(known.line))
    return Explanation(known, known.message)


def of_text(text: str) -> Diagnosis | Unrecognised:
    """Return the diagnosis of a text, with the lines of those of its files that are there."""
    from fcinspect.diagnosis.recognising import Unrecognised, diagnose_report

    known = diagnose_report(text)
    return known if isinstance(known, Unrecognised) else _with_lines(*known)


def _with_lines(found: Diagnosis, facts: Facts) -> Diagnosis:
    if not facts.frames:
        return found
    from fcinspect.bridge.module_names import names_of, sources_of
    from fcinspect.diagnosis.locating import located

    sources = sources_of(facts.frames)
    return located(found, facts, sources, names_of(s.file for s in sources.values()))


def of_exception(error: BaseException) -> Diagnosis | None:
    """Return the diagnosis of an exception, or of one that it came from; None of an unknown one."""
    from fcinspect.bridge.failures import failure_facts
    from fcinspect.diagnosis.locating import located
    from fcinspect.diagnosis.recognising import first_known

    seen = failure_facts(error, _cells())
    known = first_known(seen.reports)
    return None if known is None else located(*known, seen.sources)


def _cells() -> dict[str, str]:
    """Return what the cells of a notebook or of IPython are called, by their files."""
    if "IPython" not in sys.modules:
        return {}
    from fcinspect.python.cells import cell_names

    return cell_names()


def explained(error: BaseException) -> Explanation | None:
    """Return the diagnosis of an error whose traceback has been shown; None of an unknown one."""
    from fcinspect.bridge.failures import message_of

    found = of_exception(error)
    if found is None:
        return None
    last = one_line(message_of(error))
    return Explanation(found, last, TITLE if found.message == last else f"{TITLE}: {found.message}")


def write_below(error: BaseException, stream: TextIO | None) -> None:
    """Write the diagnosis of a known error below its traceback; nothing of an unknown one."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = None if stream is None else explained(error)
        if found is None or stream is None:
            return
        from fcinspect.media.emit import write_page

        page = found.page()
        stream.write("\n")
        write_page(page, stream)

"""The templates of HTML pages, in which whatever a file says is text."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from fcinspect.page.text import safe

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def environment() -> Environment:
    """Return the environment: all values are escaped, and a missing one is an error.

    It keeps the templates that it has read. What would turn the text round or is no sign at all
    is written out, as in the terminal.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("fcinspect.media.html"),
        autoescape=True,
        finalize=_plain,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _plain(value: object) -> object:
    """Return a value with its unprintable signs written out, but for line ends."""
    from markupsafe import Markup

    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "\n".join(map(safe, value.split("\n")))


def filled(template: str, **values: object) -> str:
    """Return the text of a template of render/html/templates/ with these values in it."""
    return environment().get_template(template).render(**values)

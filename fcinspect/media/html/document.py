"""A page in one file: its style and its script stand in it, and nothing else may run or load."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING

from fcinspect import __version__
from fcinspect.media.html.environment import environment, filled

if TYPE_CHECKING:
    from markupsafe import Markup


PROGRAMS = ("places.js", "readings.js", "page.js", "walk.js")
"""The script of the pages to be explored, in the order in which its parts need each other."""


def html_document(template: str, **values: object) -> str:
    """Return a template filled, with the style and the script of the pages to be explored."""
    return document_with(("page.css",), PROGRAMS, template, values)


def document_with(
    styles: Sequence[str], programs: Sequence[str], template: str, values: Mapping[str, object]
) -> str:
    """Return a template filled, with its style, its script and the policy that lets only them in.

    The policy (Content Security Policy, level 3) names both by their hashes: what a name from a
    file would smuggle in has another one.
    """
    from markupsafe import Markup

    style, script = (Markup("").join(map(_source, names)) for names in (styles, programs))
    policy = "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_digest(style)}'",
            f"script-src '{_digest(script)}'",
            "img-src data:",  # of the empty icon, which keeps a browser from asking for one
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    return filled(
        template, style=style, script=script, policy=policy, version=__version__, **values
    )


@cache
def _source(name: str) -> Markup:
    """Return a file of the templates as a browser reads it; it is our own, and holds no end tag.

    A browser takes every line end for a line feed before it compares hashes.
    """
    from markupsafe import Markup

    made = environment()
    assert made.loader is not None
    text, *_ = made.loader.get_source(made, name)
    return Markup(text.replace("\r\n", "\n").replace("\r", "\n"))


def _digest(text: str) -> str:
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()

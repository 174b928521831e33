"""A page in one file: its style and its script stand in it, and nothing else may run or load."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING

from fcinspect import __version__
from fcinspect.page.text import safe

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


@cache
def environment() -> Environment:
    """Return the environment: all values are escaped, and a missing one is an error."""
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


def document_with(
    styles: Sequence[str], programs: Sequence[str], template: str, values: Mapping[str, object]
) -> str:
    """Return a template filled, with its style, its script and the policy that lets only them in.

    The policy (Content Security Policy, level 3) names both by their hashes: what a name from a
    file would smuggle in has another one.
    """
    from markupsafe import Markup

    style, script = (Markup("").join(map(_source, names)) for names in (styles, programs))
    # the empty icon is data: it keeps a browser from asking for one
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}';"
        " img-src data:; base-uri 'none'; form-action 'none'"
    )
    own = {"style": style, "script": script, "policy": policy, "version": __version__}
    return environment().get_template(template).render(**own, **values)


@cache
def _source(name: str) -> Markup:
    """Return a file of the templates with the line ends that a browser computes its hash of."""
    from markupsafe import Markup

    made = environment()
    assert made.loader is not None
    text, *_ = made.loader.get_source(made, name)
    return Markup(text.replace("\r\n", "\n").replace("\r", "\n"))


def _digest(text: str) -> str:
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()

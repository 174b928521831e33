"""The secrets of URIs: what must not be printed of s3://…, https://user:password@… and the like."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

URI = re.compile(r"[a-z][a-z0-9+.-]+://.")
"""s3://bucket/key, hf://…, memory://…; one letter before the colon is a drive of Windows."""

HIDDEN = "***"
"""What is written for a secret."""
USER = re.compile(
    r"(?P<scheme>\b[A-Za-z][A-Za-z0-9+.-]*://)"
    r"(?P<user>[^\s/?#'\"]*:(?!//)(?:(?!://)[^\s?#'\"])*|[^\s/?#'\"]*)@"
)
"""What is between :// and @; a password may hold a slash that was not escaped."""
QUERY = re.compile(r"(\b[A-Za-z][A-Za-z0-9+.-]*://[^\s?#'\"]*)([?#])[^\s'\"]+")
"""What follows ? or #, where tokens and signatures are given."""


def is_uri(text: str) -> bool:
    """Whether a text names a remote file rather than a path."""
    return URI.match(text) is not None


def masked(text: str) -> str:
    """Return a text with the secrets of every URI in it replaced by ***.

    Hidden are the user and the password (``https://user:secret@host``), a token before the @ of a
    web address, and all of a query or fragment; not a container (``abfs://container@account``).
    """
    return QUERY.sub(rf"\1\2{HIDDEN}", USER.sub(_without_user, text))


def masked_name(name: str) -> str:
    """Return the name of a checkpoint as it may be printed; a path is as it was given."""
    if not is_uri(name):
        return name
    # alone, a URI ends where the text ends: blanks and quotation marks belong to it
    beginning, mark, _ = before_query(name)
    return masked(beginning) + (f"{mark}{HIDDEN}" if mark else "")


def without_secrets(text: str, name: str) -> str:
    """Return a library's text about a URI, without its secrets in any spelling."""
    for spelling in (name, repr(name)[1:-1]):
        text = text.replace(spelling, masked_name(name))
    for secret in sorted(_secrets(name), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return masked(text)


def is_web(uri: str) -> bool:
    """Whether a URI is a web address."""
    return uri.startswith(("http://", "https://"))


def before_query(uri: str) -> tuple[str, str, str]:
    """Split a URI at its query; outside the web a ? begins one only where "=" follows."""
    found = re.search(r"[?#]" if is_web(uri) else r"\?(?=[^/]*=)", uri)
    if found is None:
        return uri, "", ""
    return uri[: found.start()], found[0], uri[found.end() :]


def _without_user(found: re.Match[str]) -> str:
    scheme, user = found["scheme"], found["user"]
    if ":" not in user and not scheme.lower().startswith(("http", "ftp", "webdav", "dav", "git")):
        return found[0]
    if "/" in user and re.match(r"[^/:]*(:\d*)?/", user):
        return found[0]  # host:8080/a@b: the @ belongs to the path
    return f"{scheme}{HIDDEN}@"


def _secrets(name: str) -> set[str]:
    """Return the pieces of a URI that must not be printed, escaped and not."""
    try:
        parts = urlsplit(name)
        password = parts.password or ""
    except ValueError:
        return set()
    _, mark, query = before_query(name)
    found = {password, query, parts.fragment if mark else ""}
    if is_web(name) or password:
        found.add(parts.username or "")
    found |= {value.partition("=")[2] for value in re.split("[&#]", query)}
    found |= {unquote(secret) for secret in found}
    return {secret for secret in found if len(secret) > 2}

from __future__ import annotations

import pytest

from fcinspect.checkpoints.paths import beside, inside, last_part
from fcinspect.masking import masked, masked_name, without_secrets


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://user:s3cret@host/a.pt", "https://***@host/a.pt"),
        ("https://t0ken@host/a.pt", "https://***@host/a.pt"),
        ("https://u:p@host:8080/a.pt", "https://***@host:8080/a.pt"),
        ("https://u:p/q@host/a.pt", "https://***@host/a.pt"),
        ("https://u:p@q@host/a.pt", "https://***@host/a.pt"),
        ("s3://key:s3cret@bucket/a.pt", "s3://***@bucket/a.pt"),
        ("https://host/a.pt?token=s3cret", "https://host/a.pt?***"),
        ("https://host/a.pt?X-Amz-Signature=a&b=c#d", "https://host/a.pt?***"),
        ("https://host/a.pt#s3cret", "https://host/a.pt#***"),
        ("https://host/a.pt?token=with blank 'quoted'", "https://host/a.pt?***"),
        ("zip://a.pt::https://u:p@host/a.zip", "zip://a.pt::https://***@host/a.zip"),
        ("ftp://anonymous@host/a", "ftp://***@host/a"),
        # nothing to hide
        ("https://host:8080/a@b.pt", "https://host:8080/a@b.pt"),
        ("https://host/npm@1:2/x@y", "https://host/npm@1:2/x@y"),
        ("abfs://container@account.dfs/a", "abfs://container@account.dfs/a"),
        ("hf://org/model@main/a.pt", "hf://org/model@main/a.pt"),
        ("s3://bucket/what.pt", "s3://bucket/what.pt"),
        ("folder/a?b=c.pt", "folder/a?b=c.pt"),
    ],
)
def test_secrets_of_a_uri_are_hidden(uri: str, shown: str) -> None:
    """Passwords, tokens and queries; not versions, ports and containers."""
    assert masked_name(uri) == shown
    assert masked_name(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "404, message='Not Found', url='https://user:s3cret@host/a?token=s3cret'",
        "cannot connect to HTTPS://user:s3cret@host",
        "signature s3cret is wrong",
        "the token s3cre%74 is wrong",
        'b"https://host/a?token=s3cret"',
    ],
)
def test_what_a_library_says_is_masked(text: str) -> None:
    """A secret is also hidden where it stands alone, escaped or not."""
    told = without_secrets(text, "https://user:s3cret@host/a?token=s3cre%74")
    assert "s3cre" not in told


def test_a_text_keeps_its_words() -> None:
    """Only the secrets go."""
    text = "'https://u:p@host/a?b=c' cannot be read; see https://host/d"
    assert masked(text) == "'https://***@host/a?***' cannot be read; see https://host/d"


@pytest.mark.parametrize(
    ("name", "sibling", "child", "last"),
    [
        ("a/b", "a/x y", "a/b/x y", "b"),
        ("b", "x y", "b/x y", "b"),
        ("s3://k/b", "s3://k/x y", "s3://k/b/x y", "b"),
        ("https://h/b?t=1", "https://h/x%20y?t=1", "https://h/b/x%20y?t=1", "b"),
        ("s3://k/b?versionId=3", "s3://k/x y?versionId=3", "s3://k/b/x y?versionId=3", "b"),
    ],
)
def test_names_beside_and_inside(name: str, sibling: str, child: str, last: str) -> None:
    """A token is kept for the files beside."""
    assert (beside(name, "x y"), inside(name, "x y"), last_part(name)) == (sibling, child, last)

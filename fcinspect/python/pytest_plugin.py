"""`pytest --fcinspect`: the diagnosis of a known error, in the report of the test that failed.

pytest loads this file in every environment that has fcinspect, so it imports nothing until a test
has failed and the option is given.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest

SECTION = "Diagnosis by fcinspect"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --fcinspect."""
    parser.getgroup("fcinspect").addoption(
        "--fcinspect",
        action="store_true",
        default=False,
        help="diagnose errors around linear layers in the reports of failing tests",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Watch the tests where that is asked for."""
    if config.getoption("--fcinspect"):
        config.pluginmanager.register(Diagnosing(), "fcinspect-diagnosing")


class Diagnosing:
    """Adds the diagnosis to the reports of tests that fail with a known error."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Add a section, which processes of xdist send along."""
        report = yield
        if report.failed and call.excinfo is not None:
            text = _text(call.excinfo.value)
            if text:
                report.sections.append((SECTION, text))
        return report


def _text(error: BaseException) -> str:
    """Return the diagnosis; "" of an unknown error, and where anything goes wrong."""
    import os
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from fcinspect.python.diagnose import explained

            found = explained(error)
            # the heading is that of the section
            return "" if found is None else str(found).removeprefix(SECTION).lstrip(":\n ")
    except Exception:
        if os.environ.get("FCINSPECT_DEBUG") == "1":
            raise
        return ""

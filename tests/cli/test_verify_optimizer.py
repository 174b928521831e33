"""fcinspect verify optimizer."""

from __future__ import annotations

from pathlib import Path

import pytest

from fcinspect.cli.verify_code import rule_in
from tests.conftest import Run

pytestmark = pytest.mark.usefixtures("prepared")

OPTIMIZERS = """
import time
import torch


class Own(torch.optim.Optimizer):
    def __init__(self, params, lr=0.1):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p -= group["lr"] * p.grad


class Climbs(Own):
    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p += group["lr"] * p.grad


class Prints(Own):
    def step(self):
        print("printed by the optimizer")
        super().step()


class Hangs(Own):
    def step(self):
        time.sleep(3600)


class Raises(Own):
    def step(self):
        raise ValueError("no step today")


class NoStep:
    def __init__(self, params, lr=0.1):
        pass


class FastAdam(Own):
    pass


class Subclass(torch.optim.RMSprop):
    pass


class SgdLike(torch.optim.Adam):
    pass


def sgd_without_state(param, grad, lr):
    return param - lr * grad


ready = Own([torch.zeros(1)])
number = 3
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Write somebody's optimizers."""
    path = tmp_path / "own_optimizers.py"
    path.write_text(OPTIMIZERS)
    return path


def test_torchs_own_class_passes(run: Run) -> None:
    """Every check within its bound; the document says what was held against what."""
    result = run("verify", "optimizer", "torch", "--like", "adamw", "--lr", "0.01", "--json")
    assert (result.status, result.data["verdict"]) == (0, "within bound")
    assert {check["verdict"] for check in result.data["checks"]} == {"within bound"}
    assert result.err == ""


def test_checks_are_listed_and_chosen(run: Run) -> None:
    """A group by its name; what does not exist is refused."""
    listed = run("verify", "optimizer", "torch", "--checks", "list")
    assert (listed.status, "dyadic/" in listed.out) == (0, True)
    chosen = run("verify", "optimizer", "torch", "--checks", "dyadic", "--json")
    assert {check["name"].partition("/")[0] for check in chosen.data["checks"]} == {"dyadic"}
    refused = run("verify", "optimizer", "torch", "--checks", "nothing")
    assert (refused.status, refused.err.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    "arguments",
    [
        ("torch", "--like", "sdg"),
        ("torch", "--like", "adam", "--momentum", "0.9"),
        ("torch", "--like", "rmsprop", "--fused"),
        ("torch", "--fused", "--foreach"),
        ("some.module:Own", "--fused"),
        ("torch", "--lr", "nan"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_a_line(run: Run, arguments: tuple[str, ...]) -> None:
    """Before anything runs."""
    result = run("verify", "optimizer", *arguments)
    assert (result.status, result.out) == (2, "")
    assert "Traceback" not in result.err


def test_somebodys_optimizer_passes_and_is_said_to_run(run: Run, file: Path) -> None:
    """Its own process; the line about it on stderr."""
    result = run(
        "verify", "optimizer", f"{file}:Own", "--like", "sgd", "--checks", "dyadic,steps", "--json"
    )
    assert (result.status, result.data["verdict"]) == (0, "within bound")
    assert result.err == f"fcinspect: executing the code of {file}\n"


@pytest.mark.parametrize(
    ("name", "cause", "more"),
    [
        ("Climbs", "the sign is wrong", ()),
        ("Raises", "no step today", ()),
        ("Hangs", "did not return within 1 s", ("--timeout", "1")),
    ],
)
def test_a_faulty_optimizer_is_a_finding(
    run: Run, file: Path, name: str, cause: str, more: tuple[str, ...]
) -> None:
    """Wrong numbers, an exception and a hang: status 1 and what it was."""
    found = (f"{file}:{name}", "--like", "sgd", "--checks", "dyadic", *more, "--json")
    result = run("verify", "optimizer", *found)
    assert result.status == 1
    assert cause in str(result.data["checks"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Owm", "Own"),
        ("ready", "name its class, Own"),
        ("NoStep", "without a step()"),
        ("number", "expected a class like torch.optim.SGD"),
    ],
)
def test_what_is_no_optimizer_is_refused(run: Run, file: Path, name: str, words: str) -> None:
    """In one line that says what was expected."""
    result = run("verify", "optimizer", f"{file}:{name}", "--like", "sgd")
    assert (result.status, result.out) == (3, "")
    assert words in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    ("name", "rule", "why"),
    [
        ("FastAdam", "adam", "the name FastAdam"),
        ("Subclass", "rmsprop", "its base class torch.optim.RMSprop"),
    ],
)
def test_the_rule_is_guessed_from_names_and_that_is_said(
    run: Run, file: Path, name: str, rule: str, why: str
) -> None:
    """In the text, in the notes of the JSON and in its input."""
    page = file.with_name("page.txt")
    given = ("verify", "optimizer", f"{file}:{name}", "--checks", "caller/gradients")
    told = run(*given, "--json", "--save", page)
    assert told.document["input"]["optimizer"] == rule
    assert f"--like {rule} is guessed from {why}" in told.data["notes"]
    assert f"--like {rule} is guessed from {why}" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "Own",
            "which rule it follows: expected --like with one of sgd, adam, adamw, rmsprop, adagrad",
        ),
        ("SgdLike", "its base class torch.optim.Adam says adam and the name SgdLike says sgd"),
    ],
)
def test_what_cannot_be_guessed_is_asked_for(run: Run, file: Path, name: str, words: str) -> None:
    """In one line, before anything runs."""
    result = run("verify", "optimizer", f"{file}:{name}")
    assert (result.status, result.out, result.err.count("\n")) == (2, "", 1)
    assert words in result.err


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("AdamW", "adamw"), ("adam_w", "adamw"), ("MyAdam", "adam"), ("RMSprop", "rmsprop"),
        ("fast_sgd", "sgd"), ("AdaGrad2", "adagrad"), ("NAdam", None), ("RAdam", None),
        ("Adamax", None), ("Adadelta", None), ("Lion", None), ("SGDOrAdam", None),
    ],
)  # fmt: skip
def test_which_rule_a_name_holds(name: str, rule: str | None) -> None:
    """Rules that only sound alike are not taken for one that is checked."""
    assert rule_in(name) == rule


def test_what_raises_is_one_finding_with_what_was_expected(run: Run, file: Path) -> None:
    """The text tells it once, the JSON for each check; nothing is outside a bound."""
    page = file.with_name("page.txt")
    told = run("verify", "optimizer", f"{file}:sgd_without_state", "--json", "--save", page)
    said = " ".join(page.read_text(encoding="utf-8").split())
    words = "multiple values for argument 'lr', expected a function (param, grad, state, **options)"
    assert told.status == 1
    assert said.count(f"raised TypeError: sgd_without_state() got {words}") == 2  # and at the end
    assert "outside bound" not in said.lower()
    assert "within bound" not in said.lower()
    checks = told.data["checks"]
    assert len(checks) > 5
    assert all(words in check["cause"] for check in checks)

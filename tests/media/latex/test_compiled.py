"""Articles are typeset by pdflatex itself, from every input that is out of the ordinary."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest

from fcinspect.arithmetic.affine import numpy_output
from fcinspect.arithmetic.explanation import Selection, explain_affine
from fcinspect.arithmetic.following import follow, parse_address
from fcinspect.arithmetic.settings import (
    ACTIVATION_NAMES,
    LOSS_NAMES,
    OPTIMIZER_NAMES,
    optimizer_named,
)
from fcinspect.arithmetic.training import StepRequest
from fcinspect.bridge.step import run_steps
from fcinspect.layers.array import Array
from fcinspect.layers.linear import LinearLayer
from fcinspect.media.emit import rendered
from fcinspect.media.latex.document import article, paragraph, title
from fcinspect.media.latex.formulas import formula, math_or_words, sentence
from fcinspect.media.latex.words import typed, words
from fcinspect.reports.explain import view_of_explanation
from fcinspect.reports.step.view import view_of_step
from fcinspect.verification.step import check_steps
from tests.media.latex.test_formulas import FORMULAS
from tests.networks import made
from tests.reports.test_step import SGD, view

HOSTILE = "\\input{/etc/passwd}%$&#_^^M~^{x}\\end{document}中é\x1b?`--"
PDFLATEX = shutil.which("pdflatex")
needs_pdflatex = pytest.mark.skipif(PDFLATEX is None, reason="needs pdflatex")


def typeset(document: str, folder: Path) -> tuple[str, str]:
    """Return the log, and the text of the pages where pdftotext can tell it."""
    assert PDFLATEX is not None
    (folder / "page.tex").write_text(document, encoding="utf-8")
    done = subprocess.run(
        [PDFLATEX, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "page.tex"],
        cwd=folder, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    log = (folder / "page.log").read_text(encoding="latin-1")
    assert done.returncode == 0, log[-2000:]
    reader = shutil.which("pdftotext")
    if reader is None:
        return log, ""
    read = subprocess.run(
        [reader, "-layout", "page.pdf", "-"], cwd=folder, capture_output=True, timeout=60,
        check=True,
    )  # fmt: skip
    return log, read.stdout.decode()


def explained(
    weight: object, bias: object, x: object, *, dtype: str = "float32", name: str = "",
    selection: Selection | None = None, precision: int = 4,
) -> str:  # fmt: skip
    """Return the article on a layer."""
    layer = LinearLayer(
        Array.of(np.asarray(weight), dtype),
        None if bias is None else Array.of(np.asarray(bias), dtype),
        name=name,
        source=name or "given",
    )
    given = Array.of(np.asarray(x), dtype)
    explanation = explain_affine(
        layer, given, numpy_output(layer, given), selection or Selection(), computed_by="numpy"
    )
    made = view_of_explanation(explanation, {}, ("x is given",))
    return rendered(made, "latex", precision=precision)


def body(document: str) -> str:
    """Return what stands between the beginning and the end of a document."""
    found = re.search(r"\\begin\{document\}(.*)\\end\{document\}", document, re.DOTALL)
    assert found is not None
    return found[1]


def joined(documents: list[str]) -> str:
    """Return one article of the bodies of several."""
    return article([body(document) for document in documents], ())


@needs_pdflatex
def test_explanations_are_typeset_without_an_overfull_line(tmp_path: Path) -> None:
    """Wide, long, with many decimals, not finite, batched, without bias, without inputs."""
    draw = np.random.default_rng(0).standard_normal
    documents = [
        explained(draw((40, 300)), draw(40), draw(300)),
        explained(draw((9, 7)), draw(9), draw((3, 7)), dtype="float64", precision=17),
        explained(draw((2, 90)), None, draw(90), selection=Selection(everything=True)),
        explained([[1e-9, np.nan], [np.inf, 2]], [1, 2], [3, -np.inf]),
        explained(draw((2, 3)) * 1e30, draw(2), draw((2, 3, 3)) * 1e-9, dtype="bfloat16"),
        explained(np.zeros((3, 0)), [1, 2, 3], []),
    ]
    log, read = typeset(joined(documents), tmp_path)
    assert "Overfull" not in log
    if read:
        assert "8 of 40 rows" in read


@needs_pdflatex
def test_steps_are_typeset_without_an_overfull_line(tmp_path: Path) -> None:
    """Every loss, activation and optimizer; wide layers, a number followed, nothing finite."""
    turns = zip(LOSS_NAMES, cycle(ACTIVATION_NAMES), cycle(OPTIMIZER_NAMES), strict=False)
    documents = [
        rendered(view(hidden=hidden, loss=loss, batch=(3,), steps=place % 2 + 1,
                      optimizer=optimizer_named(optimizer, {})), "latex", precision=4 + 2 * place)
        for place, (loss, hidden, optimizer) in enumerate(turns)
    ]  # fmt: skip
    adam = optimizer_named("adam", {"amsgrad": True})
    huge = Array.of(np.array([1e38, np.inf, 1]), "float32")
    documents += [
        rendered(view((40, 64, 12), loss="cross_entropy", batch=(30,)), "latex"),
        rendered(view(optimizer=adam, steps=2, parameter="fc1.weight[1,0]", batch=(20,)), "latex"),
        rendered(view(x=huge), "latex"),
    ]
    log, _ = typeset(joined(documents), tmp_path)
    assert "Overfull" not in log


@needs_pdflatex
def test_long_names_are_broken(tmp_path: Path) -> None:
    """Above tables too, and where every sign is written by its number."""
    names = (HOSTILE + ".very_long" * 12, "中文层" * 20)
    request = StepRequest((2, 3, 2), ("relu", "identity"), SGD, network=made(2, 3, 2, names=names))
    report = check_steps(run_steps(request, 1))
    followed = follow(report.last, parse_address(f"{names[1]}.weight[1,0]"))
    documents = [rendered(view_of_step(report, f, {}), "latex") for f in (None, followed)]
    log, _ = typeset(joined(documents), tmp_path)
    assert "Overfull" not in log


@needs_pdflatex
def test_a_hostile_name_is_shown(tmp_path: Path) -> None:
    """It reads in the pages as it was written, its control character escaped."""
    document = explained([[1, 2]], [3], [4, 5], name=HOSTILE)
    log, read = typeset(article([body(document), paragraph(words(HOSTILE))], ()), tmp_path)
    assert "Overfull" not in log
    if read:
        shown = "".join(read.split())
        assert "\\input{/etc/passwd}%$&#_^^M~^{x}\\end{document}<U+4E2D>" in shown
        assert "writtenbytheirnumber" in shown
        assert "root:" not in shown


@needs_pdflatex
def test_names_of_any_signs_are_typeset(tmp_path: Path) -> None:
    """Whatever stands beside what, in running text, typed, and where a formula is looked for."""
    draw = random.Random(0)
    ascii_signs = [chr(code) for code in range(127)]
    rare = [chr(draw.randrange(128, 0x1F600)) for _ in range(300)]
    pieces = [*ascii_signs, *r"\{}$&#^_~%" * 8, *rare, "{\\input}", "^^4d", "$$", "x_", "∂L/∂W",
              "Gᵀ", "-1.5e-07", "y[0]", " ", "--", "√(", "½²", "{g}"]  # fmt: skip
    parts = []
    for _ in range(250):
        name = "".join(draw.choice(pieces) for _ in range(draw.randrange(1, 40)))
        name = name.encode("utf-8", "ignore").decode()
        parts += [paragraph(write(name)) for write in (typed, words, sentence, math_or_words)]
    log, _ = typeset(article(parts, ()), tmp_path)
    assert "Overfull" not in log
    assert "Missing character" not in log


@needs_pdflatex
def test_every_formula_and_sign_is_typeset(tmp_path: Path) -> None:
    """In a line and displayed; every printable sign of Latin-1 and of Greek, typed and running."""
    signs = [chr(code) for code in (*range(32, 127), *range(160, 384), *range(913, 970))]
    parts = [title(1, "Formulas"), *(f"\\[\n{formula(text)}\n\\]\n" for text in FORMULAS)]
    for start in range(0, len(signs), 32):
        some = " ".join(signs[start : start + 32])
        parts += [paragraph(typed(some)), paragraph(words(some))]
    log, _ = typeset(article(parts, ()), tmp_path)
    assert "Overfull" not in log
    assert "Missing character" not in log


@needs_pdflatex
def test_a_line_that_is_too_long_is_seen(tmp_path: Path) -> None:
    """The check of the log can fail."""
    log, _ = typeset(article([rf"\mbox{{{'wide ' * 60}}}"], ()), tmp_path)
    assert "Overfull" in log

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fcinspect.verification.examples import shipped
from fcinspect.verification.examples.document import KEYS
from tests.conftest import Run

EXAMPLES = Path(shipped.__file__).parent

SMALL: dict[str, Any] = {
    "layers": [{"weight": [["1", "2"], ["3", "4"]], "bias": ["0", "1"], "activation": "relu"}],
    "input": [["1", "1"]],
    "printed": {"output": [["3", "8"]]},
}


def small(**changed: Any) -> str:
    """Return a small right example with keys changed; None leaves a key out."""
    return json.dumps({key: v for key, v in {**SMALL, **changed}.items() if v is not None})


def test_right_and_wrong_examples(run: Run) -> None:
    """Status 0 and 1; the page has the right number and the slip."""
    assert run("verify", "example", EXAMPLES / "keras_dense_2_2.json").status == 0
    assert run("verify", "example", "-", stdin=small()).status == 0
    found = run("verify", "example", EXAMPLES / "cs231n_linear_3_4.json")
    assert found.status == 1
    assert "61.95 is printed, 60.75 is right" in found.out
    assert "likely cause: the bias of layers.0 is forgotten" in found.out


def test_the_document(run: Run) -> None:
    """A check for every printed number, with its interval."""
    path = EXAMPLES / "single_neuron_gradient.json"
    found = run("verify", "example", path, "--json")
    assert found.status == 1
    assert found.document["schema"] == "fcinspect.verify/1"
    assert found.document["input"] == {"file": str(path), "checks": None}
    assert found.data["kind"] == "example"
    checks = {check["name"]: check for check in found.data["checks"]}
    assert list(checks)[-1] == "printed/layers.0.bias.after[0]"
    worst = checks["printed/layers.0.bias.after[0]"]["worst"]
    assert (worst["index"], worst["computed"], worst["reference"]) == ([0], 6.5, 4.0)
    assert worst["low"] <= 3.95 <= 4.05 <= worst["high"] < 4.0500001


def test_choosing_checks(run: Run) -> None:
    """A printed array is a check that can be chosen."""
    path = EXAMPLES / "mazur_2_2_2.json"
    assert "printed/loss_after" in run("verify", "example", path, "--checks", "list").out
    assert run("verify", "example", path, "--checks", "printed/output,printed/loss").status == 0


def layer(**changed: Any) -> list[dict[str, Any]]:
    """Return the layers of the small example with the layer's keys changed."""
    return [{key: v for key, v in {**SMALL["layers"][0], **changed}.items() if v is not None}]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "standard input is empty"),
        ("{", "is not JSON"),
        ("[]", "the example is a list: expected an object"),
        ("[" * 100_000, "nested too deeply"),
        ('{"input": [], "input": []}', "the JSON key 'input' appears twice"),
        (small(layers=None), "the key 'layers' is missing"),
        (small(printed=None), "the key 'printed' is missing"),
        (small(inputs=[["1"]]), "the unknown key 'inputs'"),
        (small(layers=[]), "layers is a list: expected a list of at least one layer"),
        (small(layers=layer(weight=None)), "layers[0] has no weight"),
        (small(layers=layer(weight=[["1", "2"], ["3"]])), "layers[0].weight[1] has 1 entry"),
        (small(layers=layer(bias=["1"])), "layers[0].bias has 1 entry: expected 2"),
        (small(layers=layer(activation="rellu")), "layers[0].activation is 'rellu'"),
        (small(layers=layer(weight=[["1", True]])), "layers[0].weight[0][1] is true"),
        (small(layers=layer(weight=[["1", "1e999"]])), "beyond float64's range"),
        (small(layers=layer(weight=[["1", "nan"]])), "layers[0].weight[0][1] is 'nan'"),
        (small(input=[["1", "1,000"]]), "input[0][1] is '1,000'"),
        (small(input=[["1"]]), "input[0] has 1 entry: expected 2"),
        (small(input=[["1", None]]), "input[0][1] is null"),
        (small().replace('"3"', "NaN"), "'NaN'"),
        (small(layers=layer() + layer(weight=[["1"]], bias=None)), "layers[1].weight takes 1"),
        (small(printed={}), "printed is empty"),
        (small(printed={"output": None}), "printed holds only null"),
        (small(printed={"outptu": [["1"]]}), "did you mean 'output'"),
        (small(printed={"layers.1.product": [["1"]]}), "the last layer is layers.0"),
        (small(printed={"layers.0.grad": [["1"]]}), "unknown place 'layers.0.grad'"),
        (small(printed={"output": [["1", "2", "3"]]}), "printed['output'][0] has 3 entries"),
        (small(printed={"loss": "1"}), "needs the missing keys loss, target"),
        (small(loss="mse", target=[["1"]]), "target[0] has 1 entry: expected 2"),
        (small(loss="sme"), "did you mean 'mse'"),
        (small(loss="cross_entropy", target=[2]), "target[0] is 2: expected a class from 0 to 1"),
        (small(loss="bce", target=[["0", "2"]]), "target[0][1] is 2: expected a probability"),
        (small(optimizer={"lr": "1"}), "optimizer has no name"),
        (small(optimizer={"name": "sgd"}), "optimizer has no lr"),
        (small(optimizer={"name": "sgd", "lr": "1", "betas": []}), "unknown key 'betas'"),
        (small(optimizer={"name": "sgd", "lr": "-1"}), "optimizer.lr is -1"),
        (small(optimizer={"name": "sgd", "lr": "1", "nesterov": True}), "nesterov requires"),
        (small(known_wrong={"loss": "it is"}), "known_wrong names 'loss', but nothing"),
        (small(truncated="yes"), "truncated is the string 'yes': expected true or false"),
        (small(layout="io"), "layout is 'io': expected one of out,in, in,out"),
    ],
)
def test_refusals(run: Run, text: str, words: str) -> None:
    """One line, status 3, that names the value and the place."""
    found = run("verify", "example", "-", stdin=text)
    assert found.status == 3
    assert words in " ".join(found.err.split())
    assert found.out == ""


def test_json_numbers(run: Run) -> None:
    """Numbers that are no strings are served, with a note."""
    found = run("verify", "example", "-", stdin=small(input=[[1, 1.0]]))
    assert found.status == 0
    assert "2 numbers are JSON numbers, not strings" in " ".join(found.out.split())


def test_an_untrusted_title(run: Run) -> None:
    """Control characters in a title do not reach the terminal."""
    found = run("verify", "example", "-", stdin=small(title="a\x1b[31mb\nc", source="\x07"))
    assert found.status == 0
    assert "\x1b" not in found.out
    assert "\x07" not in found.out


@pytest.mark.parametrize(
    ("name", "path"),
    [("mazur", "mazur_2_2_2"), ("CS231n", "cs231n_linear_3_4"), ("keras_dense_2_2",) * 2],
)
def test_an_example_of_the_package_is_named_by_part(run: Run, name: str, path: str) -> None:
    """The same as its file gives, wherever the command runs."""
    named, read = (
        run("verify", "example", name),
        run("verify", "example", EXAMPLES / f"{path}.json"),
    )
    assert (named.status, named.out) == (read.status, read.out)


def test_the_famous_wrong_loss_is_found(run: Run) -> None:
    """With the right number and the slip."""
    found = run("verify", "example", "mazur", "--json")
    assert found.status == 1
    (wrong,) = [check for check in found.data["checks"] if check["verdict"] != "within bound"]
    assert wrong["detail"] == "wrong: 0.291027924 is printed, 0.291027774 is right"
    assert "already updated weights" in wrong["cause"]


def test_a_file_comes_before_a_name(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if it has no ending."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mazur").write_text(small(title="mine"), encoding="utf-8")
    assert run("verify", "example", "mazur", "--json").data["subject"] == "mine"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("linear", "'linear' matches several examples: article_linear_4_2, cs231n_linear_3_4;"),
        ("mazor", "'mazor' is neither a file nor part of an example's name: expected a .json file"),
        ("mazor", "did you mean 'mazur'?"),
        ("", "'' is neither a file nor part"),
        ("mazur.json", "no such file: 'mazur.json'"),
    ],
)
def test_a_name_that_is_not_one_is_refused(run: Run, name: str, words: str) -> None:
    """With the names that there are."""
    found = run("verify", "example", name)
    assert (found.status, found.out, found.err.count("\n")) == (3, "", 1)
    assert words in found.err


def test_every_example_is_listed(run: Run) -> None:
    """With its network, how much it prints, and how much of that is known to be wrong."""
    out = run("verify", "example", "--list").out
    data = run("verify", "example", "--list", "--json").data["examples"]
    names = sorted(path.stem for path in EXAMPLES.glob("*.json") if path.name != "template.json")
    assert [one["name"] for one in data] == names
    assert len(names) == 5
    for one in data:
        assert one["name"] in out
        found = run("verify", "example", one["name"], "--json")
        assert len(found.data["checks"]) == one["printed_numbers"]
        wrong = sum(check["verdict"] == "outside bound" for check in found.data["checks"])
        assert wrong == len(one["known_wrong"])


def test_the_template_passes(run: Run) -> None:
    """It holds every key that a file may have, and its own numbers are right."""
    made = run("verify", "example", "--template")
    assert (made.status, made.err) == (0, "")
    assert set(json.loads(made.out)) == set(KEYS)
    found = run("verify", "example", "-", "--json", stdin=made.out)
    assert found.status == 0
    assert found.data["verdict"] == "within bound"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "FILE is missing: expected a .json file, - or the name of an example"),
        (("mazur", "--list"), "'mazur' and --list cannot be combined"),
        (("--list", "--template"), "--list and --template cannot be combined"),
        (
            ("--list", "--checks", "x"),
            "--checks selects checks of an example, but --list runs none",
        ),
        (("--template", "--json"), "--template prints a file: it cannot be combined with --json"),
        (("--template", "--save", "x.json"), "--template prints a file: redirect it"),
    ],
)
def test_wishes_that_exclude_each_other(run: Run, arguments: tuple[str, ...], words: str) -> None:
    """Each is refused in one line."""
    found = run("verify", "example", *arguments)
    assert (found.status, found.out, found.err.count("\n")) == (2, "", 1)
    assert words in found.err

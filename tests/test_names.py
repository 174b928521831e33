"""Names are read in any case, as torch writes them and by their usual short forms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fcinspect.arithmetic.settings import ACTIVATION_NAMES, CLASSES, LOSS_NAMES, OPTIMIZER_NAMES
from fcinspect.layers.linear import INITIALISERS
from fcinspect.names import ALIASES, canonical, ordinal
from fcinspect.rounding.formats import FORMATS
from tests.conftest import Run

DTYPES = tuple(FORMATS)
KINDS = (DTYPES, LOSS_NAMES, OPTIMIZER_NAMES, ACTIVATION_NAMES, INITIALISERS, ("out,in", "in,out"))


@pytest.mark.parametrize("known", KINDS, ids=lambda known: known[0])
def test_every_name_is_read_in_any_dress(known: tuple[str, ...]) -> None:
    """Capitals, hyphens for underscores, torch's prefixes and a call's parentheses."""
    for name in known:
        for written in (name, name.upper(), name.replace("_", "-"), name.title(), f" {name}()"):
            assert canonical(written, known) == name
        for prefix in ("torch.", "nn.", "torch.nn.functional.", "F.", "torch.optim.", "nn.init."):
            assert canonical(prefix + name, known) == name


@pytest.mark.parametrize(
    ("written", "known", "name"),
    [
        ("bf16", DTYPES, "bfloat16"), ("FP32", DTYPES, "float32"), ("half", DTYPES, "float16"),
        ("float", DTYPES, "float32"), ("torch.double", DTYPES, "float64"),
        ("MSE", LOSS_NAMES, "mse"), ("nn.MSELoss()", LOSS_NAMES, "mse"), ("MAE", LOSS_NAMES, "l1"),
        ("L1Loss", LOSS_NAMES, "l1"), ("CrossEntropyLoss", LOSS_NAMES, "cross_entropy"),
        ("BCELoss", LOSS_NAMES, "bce"), ("BCEWithLogitsLoss", LOSS_NAMES, "bce_with_logits"),
        ("mse_loss", LOSS_NAMES, "mse"), ("LeakyReLU", ACTIVATION_NAMES, "leaky_relu"),
        ("nn.ReLU()", ACTIVATION_NAMES, "relu"), ("linear", ACTIVATION_NAMES, "identity"),
        ("xavier_uniform_", INITIALISERS, "xavier_uniform"),
        ("in-out", ("out,in", "in,out"), "in,out"),
    ],
)  # fmt: skip
def test_usual_names(written: str, known: tuple[str, ...], name: str) -> None:
    """What people type."""
    assert canonical(written, known) == name


@pytest.mark.parametrize("written", ["", "loss", "reluu", "re lu x", "float128", "torch.", "()"])
def test_other_text_is_no_name(written: str) -> None:
    """A name that is unknown stays so: nothing is guessed."""
    for known in KINDS:
        assert canonical(written, known) is None


def test_torch_classes_are_names() -> None:
    """Each class of torch.optim, and each loss and activation that torch.nn has."""
    torch = pytest.importorskip("torch")
    assert {canonical(kind, OPTIMIZER_NAMES) for kind in CLASSES.values()} == set(OPTIMIZER_NAMES)
    modules = dir(torch.nn)
    for known, missing in ((ACTIVATION_NAMES, 0), (LOSS_NAMES, 2)):
        found = {canonical(name, known) for name in modules} - {None}
        assert len(known) - len(found) == missing


def test_an_alias_is_written_as_it_is_looked_up() -> None:
    """Small letters, nothing between the words; else it would never be found."""
    assert all(alias == "".join(filter(str.isalnum, alias.casefold())) for alias in ALIASES)


@pytest.mark.parametrize(
    ("arguments", "plain"),
    [
        ("create --in 2 --out 2 --dtype BF16 --init Xavier-Normal", "create --in 2 --out 2"
         " --dtype bfloat16 --init xavier_normal"),
        ("step 3-2 --optimizer AdamW --loss MSELoss --activation ReLU --dtype torch.float64",
         "step 3-2 --optimizer adamw --loss mse --activation relu --dtype float64"),
        ("shapes 3-2 -f MD --color Never", "shapes 3-2 -f md --color never"),
        ("verify layer --in 2 --out 2 --accumulate FP32 --checks list",
         "verify layer --in 2 --out 2 --accumulate float32 --checks list"),
    ],
)  # fmt: skip
def test_options_take_them(run: Run, arguments: str, plain: str) -> None:
    """The report is that of the plain name."""
    result = run(*arguments.split())
    assert result.status == 0
    assert result.out == run(*plain.split()).out


def test_the_environment_takes_them(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """FCINSPECT_FORMAT=JSON is JSON, and so are the errors."""
    monkeypatch.setenv("FCINSPECT_FORMAT", "JSON")
    assert run("shapes", "3-2").document["ok"] is True
    assert json.loads(run("shapes", "3-x").err)["error"]["kind"] == "spec"
    monkeypatch.delenv("FCINSPECT_FORMAT")
    assert json.loads(run("shapes", "3-x", "-f", "JSON").err)["error"]["kind"] == "spec"


def test_files_take_them(run: Run, tmp_path: Path) -> None:
    """Activations and dtypes of a file, as torch names them."""
    weight = {"shape": [1, 2], "dtype": "FP64", "values": [[1, 2]]}
    layers = [
        {"weight": [[1, 2], [3, 4]], "activation": "nn.LeakyReLU()"},
        {"weight": weight, "activation": "Sigmoid"},
    ]
    path = tmp_path / "net.json"
    path.write_text(json.dumps({"layers": layers}))
    result = run("step", path, "--dtype", "double", "--json")
    assert result.data["layers"][0]["activation"] == "leaky_relu"
    assert result.data["layers"][1]["activation"] == "sigmoid"


def test_ordinals_are_those_of_english() -> None:
    """The teens take th."""
    words = [ordinal(number) for number in (1, 2, 3, 4, 11, 12, 21, 22, 113, 122)]
    assert words == ["1st", "2nd", "3rd", "4th", "11th", "12th", "21st", "22nd", "113th", "122nd"]

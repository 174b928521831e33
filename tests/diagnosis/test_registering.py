"""Layers in lists within lists: each list becomes a container of torch, or words are all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnosis.broken_modules import net
from tests.diagnosis.test_silent import searched

WALK = (
    "for block in self.blocks:\n    for layer in block:\n        x = layer(x)\nreturn self.out(x)"
)
NESTED = {
    "lists": (
        "[[nn.Linear(8, 8), nn.ReLU()], [nn.Linear(8, 8)]]",
        "nn.ModuleList([nn.ModuleList([nn.Linear(8, 8), nn.ReLU()]),"
        " nn.ModuleList([nn.Linear(8, 8)])])",
    ),
    "alike": (
        "[[nn.ReLU()], [nn.ReLU()], (nn.Linear(8, 8),)]",
        "nn.ModuleList([nn.ModuleList([nn.ReLU()]), nn.ModuleList([nn.ReLU()]),"
        " nn.ModuleList((nn.Linear(8, 8),))])",
    ),
    "comprehensions": (
        "[[nn.Linear(8, 8) for _ in range(2)] for _ in range(3)]",
        "nn.ModuleList([nn.ModuleList([nn.Linear(8, 8) for _ in range(2)]) for _ in range(3)])",
    ),
}


def module(value: str, walk: str = WALK) -> str:
    """Return the source of a module with this value as its blocks."""
    return net(f"self.blocks = {value}\nself.out = nn.Linear(8, 2)", walk)


@pytest.mark.parametrize(("value", "mended"), NESTED.values(), ids=NESTED)
def test_each_list_becomes_one_that_registers(value: str, mended: str, tmp_path: Path) -> None:
    """The line that is proposed runs, and the fault is gone."""
    (cause,) = searched(module(value), tmp_path, "4,8").likely
    assert [change.after.strip() for change in cause.changes] == [f"self.blocks = {mended}"]
    assert cause.trial is not None
    assert cause.trial.runs, cause
    assert searched(module(mended), tmp_path, "4,8").likely == ()


def test_a_dict_of_lists_becomes_a_dict_of_lists(tmp_path: Path) -> None:
    """The keys stay, over several lines too."""
    walk = WALK.replace("self.blocks:", "self.blocks.values():")
    value = '{\n    "a": [nn.Linear(8, 8)],\n    "b": [nn.Linear(8, 8)],\n}'
    (cause,) = searched(module(value, walk), tmp_path, "4,8").likely
    (change,) = cause.changes
    assert [line.strip() for line in change.after.split("\n")] == [
        "self.blocks = nn.ModuleDict({",
        '"a": nn.ModuleList([nn.Linear(8, 8)]),',
        '"b": nn.ModuleList([nn.Linear(8, 8)]),',
        "})",
    ]
    assert cause.trial is not None
    assert cause.trial.runs


PAIRS = net(
    "self.blocks = [('a', nn.Linear(8, 8))]\nself.out = nn.Linear(8, 2)",
    "for _, layer in self.blocks:\n    x = layer(x)\nreturn self.out(x)",
)
ELSEWHERE = net("rows = [[nn.Linear(8, 8)]]\nself.blocks = rows\nself.out = nn.Linear(8, 2)", WALK)


@pytest.mark.parametrize("source", [PAIRS, ELSEWHERE], ids=["pairs", "elsewhere"])
def test_a_change_that_does_not_run_is_not_shown(source: str, tmp_path: Path) -> None:
    """Then words say what is to be done."""
    (cause,) = searched(source, tmp_path, "4,8").likely
    assert cause.name == "unregistered-layers"
    assert (cause.changes, cause.trial, cause.code) == ((), None, None)
    assert cause.fix.startswith("put only the layers into nn.ModuleList")

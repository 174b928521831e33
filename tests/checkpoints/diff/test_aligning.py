"""Names that belong together, and what is said of prefixes."""

from __future__ import annotations

import pytest

from fcinspect.checkpoints.diff.matching import align

NAMES = ["encoder.fc1", "encoder.fc2", "head"]


def test_equal_names_need_no_note() -> None:
    """Names are compared as they are first."""
    found = align(NAMES, [*NAMES[::-1], "extra"])
    assert found.pairs == tuple((name, name) for name in NAMES)
    assert (found.only_in_a, found.only_in_b, found.notes) == ((), ("extra",), ())


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "model.", "module._orig_mod.", "net."])
def test_a_prefix_of_every_name_is_left_out_and_told(prefix: str) -> None:
    """On either side, wrappers and any other."""
    longer = [prefix + name for name in NAMES]
    found = align(longer, NAMES)
    assert found.pairs == tuple(zip(longer, NAMES, strict=True))
    assert found.notes == (f"the prefix {prefix!r} of every name of A is ignored",)
    found = align(NAMES, longer)
    assert found.pairs == tuple(zip(NAMES, longer, strict=True))
    assert found.notes == (f"the prefix {prefix!r} of every name of B is ignored",)


def test_both_sides_may_have_a_prefix() -> None:
    """module. on the one, _orig_mod. on the other."""
    a = ["module." + name for name in NAMES]
    b = ["_orig_mod." + name for name in NAMES]
    found = align(a, b)
    assert found.pairs == tuple(zip(a, b, strict=True))
    assert len(found.notes) == 2


def test_a_head_beside_the_model_stays() -> None:
    """model. before all names but the head's."""
    found = align(["model.fc1", "model.fc2", "lm_head"], ["fc1", "fc2"])
    assert found.pairs == (("model.fc1", "fc1"), ("model.fc2", "fc2"))
    assert found.only_in_a == ("lm_head",)
    assert found.notes == ("the prefix 'model.' of 2 of 3 names of A is ignored",)


def test_no_prefix_is_left_out_where_two_names_would_become_one() -> None:
    """model.fc and fc are two layers."""
    found = align(["model.fc", "fc"], ["fc"])
    assert found.pairs == (("fc", "fc"),)
    assert found.notes == ()


def test_a_prefix_that_helps_nobody_stays() -> None:
    """Other names are other layers."""
    found = align(["module.a", "module.b"], ["c", "d"])
    assert (found.pairs, found.notes) == ((), ())


def test_two_prefixes_of_their_own_are_two_parts() -> None:
    """encoder.0 of the one is not decoder.0 of the other."""
    assert align(["encoder.0", "encoder.1"], ["decoder.0", "decoder.1"]).pairs == ()


def test_the_one_layer_without_a_name_is_compared_with_the_one_of_the_other_side() -> None:
    """A file of one layer may not name it; two names that differ are never taken for one."""
    assert align([""], ["fc"]).pairs == (("", "fc"),)
    assert "'fc' of B" in align([""], ["fc"]).notes[0]
    assert align(["fc1"], ["fc2"]).pairs == ()
    assert align([""], ["a", "b"]).pairs == ()

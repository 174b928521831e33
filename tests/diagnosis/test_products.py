"""What the numbers of a product that does not fit speak for, and what they do not."""

from __future__ import annotations

import traceback

import pytest
import torch
from torch import nn

from fcinspect.diagnosis.recognising import diagnose
from fcinspect.diagnosis.records import Cause, Diagnosis
from fcinspect.diagnosis.rules.image_sizes import same_channels


def causes(rows: int, width: int, wanted: int, out: int) -> dict[str, Cause]:
    """Return the causes of a product by their names, in their order."""
    found = diagnose(
        f"mat1 and mat2 shapes cannot be multiplied ({rows}x{width} and {wanted}x{out})"
    )
    assert isinstance(found, Diagnosis), found
    return {cause.name: cause for cause in found.likely}


@pytest.mark.parametrize(
    "numbers",
    [
        (32, 512, 1024, 10),
        (64, 128, 256, 10),
        (128, 32, 1024, 10),  # 1024 = 32·32, as of grey pictures: powers of two are widths, too
        (128, 4, 256, 3),
        (90, 20, 60, 3),
    ],
)
def test_what_only_divides_does_not_speak_of_a_missing_flatten(
    numbers: tuple[int, int, int, int],
) -> None:
    """The input may as well have two dimensions, and the flatten is said to be a possibility."""
    found = causes(*numbers)
    assert list(found)[:2] == ["in-features", "flatten-missing"]
    assert "if it has three or more dimensions" in found["flatten-missing"].cause


@pytest.mark.parametrize(
    ("numbers", "evidence"),
    [
        ((256, 8, 512, 10), "512 = 8·8·8 (channels × height × width), and 256 rows of 8 are 4"),
        ((1792, 28, 784, 10), "784 = 1·28·28 (channels × height × width), and 1,792 rows of 28"),
        ((1600, 8, 400, 2), "400 = 50·8, and 1,600 rows are 32·50"),
    ],
)
def test_pictures_and_sequences_speak_of_a_missing_flatten(
    numbers: tuple[int, int, int, int], evidence: str
) -> None:
    """Rows that are lines of square pictures, or more rows than a batch has."""
    name, cause = next(iter(causes(*numbers).items()))
    assert name == "flatten-missing"
    assert cause.evidence.startswith(evidence)


def test_several_sizes_of_pictures_are_examples() -> None:
    """Neither the channels nor the pools of a network are known from a product of them."""
    found = causes(4, 7200, 8192, 10)
    first, second = found["in-features"].evidence, found["pool-to-fit"]
    assert "for example 7,200 = 32·15·15 and 8,192 = 32·16·16, or 7,200 = 8·30·30" in first
    assert "may be 32 channels of 15×15 instead of 16×16, or 8 channels of 30×30" in second.evidence
    assert "before two pools" not in second.evidence
    assert (second.code or "").endswith("(x, 16)  # where there are 32 channels")


@pytest.mark.parametrize("numbers", [(64, 256), (48, 64), (512, 2048), (768, 3072), (72, 32)])
def test_usual_widths_of_layers_are_no_pictures(numbers: tuple[int, int]) -> None:
    """They have factors as pictures do."""
    assert same_channels(*numbers) == []
    found = causes(10, *numbers, 7)
    assert "height" not in found["in-features"].evidence
    assert "pool-to-fit" not in found


def test_features_before_the_last_dimension() -> None:
    """(2, 64, 49) enters a layer of 64 features as 128 rows of 49."""
    cause = causes(128, 49, 64, 10)["features-not-last"]
    assert "as for an input of shape (2, 64, 49)" in cause.evidence
    assert cause.code == "x = layer(x.movedim(1, -1))"
    assert "features-not-last" not in causes(100, 49, 64, 10)


@pytest.mark.parametrize(
    ("numbers", "first"),
    [
        ((0, 4, 8, 2), "empty-input"),
        ((4, 0, 5, 2), "empty-input"),
        ((1, 5, 0, 2), "sharded-weight"),
    ],
)
def test_a_product_without_numbers(numbers: tuple[int, int, int, int], first: str) -> None:
    """Nothing is divisible by zero, and all of nothing; what is empty is named first."""
    assert list(causes(*numbers)) == [first, "in-features"]


def diagnosed(mistake: str, **names: object) -> Diagnosis:
    """Return what is said of the traceback of a line that a reader runs in a notebook."""
    try:
        exec(compile(mistake, "<ipython-input-1>", "exec"), dict(names))
    except RuntimeError as error:
        text = "".join(traceback.format_exception(error))
    else:
        raise AssertionError(mistake)
    frame = 'File "<ipython-input-1>", line 1, in <module>\n'
    found = diagnose(text.replace(frame, f"{frame}    {mistake}\n"))
    assert isinstance(found, Diagnosis), text
    return found


def test_keys_of_another_width_are_told_to_the_attention() -> None:
    """The weight that fails is one of all three projections: in_features is no name for it."""
    found = diagnosed(
        "y, w = attn(x, mem, mem)",
        attn=nn.MultiheadAttention(64, 8, batch_first=True),
        x=torch.zeros(2, 5, 64),
        mem=torch.zeros(2, 9, 48),
    )
    told, projected = found.likely
    assert told.name == "key-width"
    assert told.code == "attn = nn.MultiheadAttention(64, num_heads, kdim=48, vdim=48)"
    assert projected.code == "project = nn.Linear(48, 64)\nmem = project(mem)"


def test_the_attention_of_a_decoder_takes_no_width_of_keys() -> None:
    """The memory is projected before it enters."""
    found = diagnosed(
        "y = decoder(x, encoded)",
        decoder=nn.TransformerDecoderLayer(64, 8, batch_first=True),
        x=torch.zeros(2, 5, 64),
        encoded=torch.zeros(2, 9, 48),
    )
    first = found.likely[0]
    assert first.name == "memory-not-projected"
    assert first.code == "project = nn.Linear(48, 64)\nencoded = project(encoded)"


@pytest.mark.parametrize(
    ("line", "mended"),
    [
        ("scores = query @ key", "scores = query @ key.transpose(-2, -1)"),
        ("scores = torch.bmm(query, key)", "scores = query @ key.transpose(-2, -1)"),
        ("scores = query.matmul(key + 1)", "scores = query @ (key + 1).transpose(-2, -1)"),
        ("p = torch.softmax(query @ key, -1)", "query @ key.transpose(-2, -1)"),
        ("p = query @ key @ key", "y = a @ b.transpose(-2, -1)"),
    ],
)
def test_the_readers_own_operands_are_transposed(line: str, mended: str) -> None:
    """Where their line holds one product; else it is said of any two."""
    operands = {"query": torch.zeros(2, 5, 64), "key": torch.zeros(2, 5, 64), "torch": torch}
    assert diagnosed(line, **operands).likely[0].code == mended


def test_a_matrix_and_a_vector_have_the_readers_names() -> None:
    """The matrix lies the other way round."""
    found = diagnosed("h = W.mv(features)", W=torch.zeros(5, 3), features=torch.zeros(5))
    assert found.likely[0].code == "h = W.T @ features"
    found = diagnosed("h = x @ W", x=torch.zeros(8, 20), W=torch.zeros(5, 20))
    assert found.likely[0].code == "h = x @ W.T"


@pytest.mark.parametrize(("left", "right", "works"), [(2, 1, True), (2, 3, False)])
def test_only_a_single_matrix_is_broadcast(left: int, right: int, works: bool) -> None:
    """Of other batches no line is proposed: torch.matmul refuses them as torch.bmm does."""
    a, b = torch.zeros(left, 3, 4), torch.zeros(right, 4, 5)
    with pytest.raises(RuntimeError) as raised:
        torch.bmm(a, b)
    found = diagnose(f"RuntimeError: {raised.value}")
    assert isinstance(found, Diagnosis)
    cause = found.likely[0]
    assert cause.name == "batches-differ"
    assert (cause.code == "y = a @ b") == works
    if works:
        assert (a @ b).shape == (2, 3, 5)

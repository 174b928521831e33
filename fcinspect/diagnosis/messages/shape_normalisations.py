"""Shapes that do not fit a normalisation."""

from __future__ import annotations

import re
from re import Match

from fcinspect.diagnosis.messages.shape_channels import channels_last, names_in, numbers
from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line
from fcinspect.diagnosis.reported import Reported

SHAPED = re.compile(r"(?:torch\.)?(?:randn?|zeros|ones|empty)\(((?:\d{1,9}, )*\d{1,9})\)$")
"""A tensor that is made where it is given, as ast.unparse writes it."""


def _features(match: Match[str], reported: Reported) -> Diagnosis:
    """running_mean should contain 64 elements not 128"""
    arriving, held = int(match["arriving"]), int(match["held"])
    shape, names = _given(reported), names_in(reported)
    rank = {2: 1, 3: 1, 4: 2, 5: 3}.get(len(shape)) or _rank(reported)
    causes = [
        Cause(
            "num-features",
            f"num_features must be {arriving}",
            f"{arriving} arrive, and it was made for {held}",
            f"make num_features {arriving}, the out_features or out_channels before it",
            f"{names['layer']} = nn.BatchNorm{rank}d({arriving})" if rank else None,
        )
    ]
    if len(shape) > 2 and shape[-1] == held != shape[1]:
        causes.insert(0, channels_last(shape, names["argument"]))
    elif not shape:
        causes.append(
            Cause(
                "channels-last",
                f"The {held} features stand in the last dimension, behind time or the picture",
                "the message tells dimension 1 only, where batch normalisation has its features",
                f"where the input is (batch, …, {held}), bring them to dimension 1",
                f"{names['argument']} = {names['argument']}.movedim(-1, 1)",
            )
        )
    return Diagnosis(
        "shape",
        one_line(match.group()),
        f"{arriving} channels arrive at a batch normalisation of {held}.",
        tuple(causes),
    )


def _given(reported: Reported) -> list[int]:
    """Return the shape of a tensor that is made in the reader's own line; empty without one."""
    if reported.passed_through("modules/container.py"):
        return []
    made = SHAPED.match(reported.call.argument) if reported.call else None
    return numbers(made[1]) if made else []


def _rank(reported: Reported) -> str:
    """Return "1", "2" or "3" where the text names only one kind of batch normalisation."""
    kinds = set(re.findall(r"BatchNorm([123])d", reported.text))
    return kinds.pop() if len(kinds) == 1 else ""


def _normalized(match: Match[str], reported: Reported) -> Diagnosis:
    """Given normalized_shape=[10], expected input with shape [*, 10], but got input of size…"""
    wanted, shape = numbers(match["wanted"]), numbers(match["input"])
    last = shape[-len(wanted) :] if wanted else shape
    x = names_in(reported)["argument"]
    causes = [
        Cause(
            "normalized-shape",
            f"normalized_shape must be {last[0] if len(last) == 1 else last}",
            f"the input is {shape}",
            "make it the last dimension of what arrives",
            f"nn.LayerNorm({last[0] if len(last) == 1 else last})",
        )
    ]
    if len(wanted) == 1 and wanted[0] in shape[1:-1]:
        axis = shape.index(wanted[0], 1)
        moved = "transpose(1, 2)" if len(shape) == 3 else f"movedim({axis}, -1)"
        causes.insert(
            0,
            Cause(
                "channels-first",
                f"The {wanted[0]} features stand in dimension {axis}, and the last is normalised",
                f"the input is {shape}",
                "bring them to the end, and back behind the normalisation where it is needed",
                f"{x} = {x}.{moved}",
            ),
        )
    return Diagnosis(
        "shape",
        one_line(match.group()),
        f"The last dimensions that arrive are {last}, and the normalisation was made for {wanted}.",
        tuple(causes),
    )


def _norm_rank(match: Match[str], reported: Reported) -> Diagnosis:
    """expected 4D input (got 2D input)"""
    got, expected = int(match["got"]), match["expected"]
    kind = "InstanceNorm" if reported.passed_through("instancenorm.py") else "BatchNorm"
    names = names_in(reported)
    code = reported.own_frame.code if reported.own_frame else ""
    made = re.search(r"([\w.]+) *= *nn\.\w+Norm[123]d\((\w+)[,)]", code)
    layer = made[1] if made else names["layer"]
    rank = {2: 1, 3: 1, 4: 2, 5: 3}.get(got)
    causes = []
    if rank:
        causes.append(
            Cause(
                "batch-norm-rank",
                "A batch normalisation of another rank is needed",
                f"{got} dimensions arrive, and it takes {expected}",
                f"use {kind}1d behind linear layers, {kind}2d behind nn.Conv2d",
                f"{layer} = nn.{kind}{rank}d({made[2] if made else 'num_features'})",
            )
        )
    if got == int(expected[0]) - 1:
        causes.append(
            Cause(
                "unbatched",
                "The batch is missing",
                f"{got} dimensions arrive, and it takes {expected}",
                "give it a batch dimension",
                f"{names['argument']} = {names['argument']}.unsqueeze(0)",
            )
        )
    if not causes:
        causes.append(
            Cause(
                "batch-norm-rank",
                "The input has other dimensions than any batch normalisation takes",
                f"{got} dimensions arrive, and it takes {expected}",
                "give it (batch, features), or (batch, channels, height, width)",
            )
        )
    return Diagnosis(
        "shape",
        one_line(match.group()),
        f"A normalisation for {expected} input got {got} dimensions.",
        tuple(causes),
    )


PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "elements not",
        r"running_(?:mean|var) should contain (?P<arriving>\d+) elements not (?P<held>\d+)",
        _features,
    ),
    Pattern(
        "normalized_shape",
        r"normalized_shape=\[(?P<wanted>[\d, ]+)\], expected input with shape \[.*?\], but got"
        r" input of size ?\[(?P<input>[\d, ]+)\]",
        _normalized,
    ),
    Pattern(
        "D input)",
        r"expected (?P<expected>\dD(?: or \dD)?) input \(got (?P<got>\d)D input\)",
        _norm_rank,
    ),
    known(
        "shape",
        "Expected more than 1 value per channel when training",
        r"Expected more than 1 value per channel when training, got input size"
        r" (?:torch\.Size\()?\[(?P<shape>[\d, ]+)\]",
        "A batch normalisation in training mode takes the variance of one value: [{shape}].",
        Cause(
            "batch-of-one",
            "The batch has one row: the last of an epoch, or a single sample",
            "the input is [{shape}]",
            "drop the last small batch, or evaluate with model.eval()",
            "DataLoader(dataset, batch_size=64, drop_last=True)",
        ),
    ),
)

"""Losses and dtypes as people posted them."""

from __future__ import annotations

from tests.diagnosis.reported import Report

REPORTS = (
    Report(
        "flat-sizes-of-images",
        "/env/lib/python2.7/dist-packages/torch/nn/functional.py:1474: UserWarning: Using a target"
        " size (torch.Size([1966080])) that is different to the input size (torch.Size([3010560]))"
        " is deprecated. Please ensure they have the same size.\n"
        '  "Please ensure they have the same size.".format(target.size(), input.size()))',
        "image-sizes-differ",
        ("3,010,560 = 60·224·224", "F.interpolate(mask, size=out.shape[-2:]"),
        ("loss_function(model(x), y)",),
    ),
    Report(
        "same-dtype-without-types",
        "return F.linear(input, self.weight, self.bias) RuntimeError: mat1 and mat2 must have the"
        " same dtype ?\nwhat to cast ?",
        "float64-input",
        ("does not say which", "Print both"),
    ),
)

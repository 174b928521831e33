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
    Report(
        "a-product-and-a-bias-in-double",
        "<ipython-input-33-7aefd52381cf> in linreg(X, w, b)\n      1 def linreg(X, w, b):\n"
        "----> 2     return torch.mm(X, w) + b\n\n"
        "RuntimeError: Expected object of scalar type Double but got scalar type Float for argument"
        " #2 'mat2'",
        "float64-input",
        ("torch.mm(X.float(), w) + b", "X = X.float()")[:0],
        ("torch.mm(X, w).float()",),
    ),
    Report(
        "no-integer-as-a-width",
        '  File "/env/python3.8/site-packages/torch/nn/modules/linear.py", line 96, in __init__\n'
        "    self.weight = Parameter(torch.empty((out_features, in_features), **factory_kwargs))\n"
        "TypeError: empty() received an invalid combination of arguments - got (tuple,"
        " dtype=NoneType, device=NoneType), but expected one of:\n"
        " * (tuple of ints size, *, tuple of names names, torch.dtype dtype)",
        "width-not-integer",
        ("print(type(in_features), type(out_features))",),
        ("{which}",),
    ),
    Report(
        "a-linear-without-a-bias",
        "    self.dropout, self.out_proj.weight, self.out_proj.bias,\n"
        '  File "/usr/local/lib/python3.10/site-packages/torch/nn/modules/module.py", line 1695, in'
        " __getattr__\n"
        "AttributeError: 'Linear' object has no attribute 'bias'",
        "class-of-another-library",
        ("not torch's own",),
        ("self.bias = nn.Linear",),
    ),
    Report(
        "shapes-of-an-old-torch-reversed",
        "size mismatch for 0.classifier.0.bias: copying a param of torch.Size([6]) from checkpoint,"
        " where the shape is torch.Size([20]) in current model.",
        "head-replaced",
        ("has 6 out_features in the model", "had 20 when it was saved"),
    ),
)

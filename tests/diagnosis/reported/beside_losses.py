"""Losses of which the words and code beside the message decide."""

from __future__ import annotations

from tests.diagnosis.reported import Report

BATCH = "ValueError: Expected input batch_size"
REPORTS: tuple[Report, ...] = (
    Report(
        "tokens-of-several-processes",
        "\n".join(
            f"{BATCH} ({a}) to match target batch_size ({b})." for a, b in ((79, 47), (511, 23))
        ),
        "tokens-differ",
        ("32, 488", "-100"),
        ("flatten(start_dim=1)", "transpose"),
        "https://github.com/hiyouga/LlamaFactory/issues/3765",
    ),
    Report(
        "one-hot-rows-viewed",
        "`Expected input batch_size (8) to match target batch_size (32)`\n"
        "    -> return self.loss_fct(logits, label_ids.view(-1))\n    (Pdb)  label_ids\n"
        "    tensor([[0, 1, 0, 0],\n            [0, 0, 1, 0],\n            ...",
        "one-hot-flattened",
        ("32 = 8·4", "label_ids = label_ids.argmax(dim=1)"),
        ("flatten(start_dim=1)",),
        "https://github.com/deepset-ai/FARM/issues/100",
    ),
    Report(
        "grey-images-normalized-to-three",
        f"{BATCH} (192) to match target batch_size (64).\n\ndata = data.view(-1, 28 * 28)\n"
        "transforms.Normalize(mean=(0,0,0),std=(1,1,1))",
        "channels-as-rows",
        ("192 = 3·64", "Normalize"),
        ("transpose", "start_dim=1"),
        "https://github.com/jindongwang/transferlearning/issues/139",
    ),
    Report(
        "ten-labels-of-one-record",
        "RuntimeError: 0D or 1D target tensor expected, multi-target not supported\n\n"
        "outputs is batch_size * 6 and targets is batch_size * 10.",
        "several-labels",
        ("10 labels", "6 classes"),
        ("squeeze(1)", "argmax"),
        "https://github.com/Vidhiwar/multimodule-ecg-classification/issues/4",
    ),
    Report(
        "batch-size-in-a-view",
        "UserWarning: Using a target size (torch.Size([8, 18])) that is different to the input"
        ' size (torch.Size([1, 18])).\n  File "/w/train.py", line 14, in forward\n'
        "    x = x.view(-1, 8* 16* 1* 30* 30)\n"
        "RuntimeError: shape '[-1, 115200]' is invalid for input of size 72000",
        "batch-written-down",
        ("8·14,400", "14400 inputs"),
        (),
        "https://github.com/weka511/hpa-scc/issues/38",
    ),
    Report(
        "last-batch-is-one-number",
        "ValueError: Target size (torch.Size([1])) must be the same as input size (torch.Size([]))",
        "output-squeezed",
        ("squeeze(-1)", "reshape(-1)"),
        ("y.squeeze",),
        "https://github.com/naszilla/tabzilla/issues/44",
    ),
    Report(
        "regression-that-learns-the-mean",
        "no error, but the loss fails to decrease:\nx = torch.randn((n,2))\n"
        "y = 3 + 2*x[:,0] - x[:, 1]\n#y = y.reshape(n, 1)\nnet = nn.Linear(2, 1)\n"
        "loss_func = nn.MSELoss()\nloss = loss_func(net(x), y)",
        "target-broadcast",
        ("(N, 1)", "y = y.reshape(-1, 1)"),
        (),
        "https://github.com/pytorch/pytorch/issues/16045",
    ),
)

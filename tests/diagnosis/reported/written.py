"""Texts whose own source lines, keys or numbers tell the cause, as people posted them."""

from __future__ import annotations

from tests.diagnosis.reported import Report

GITHUB = "https://github.com/"
REPORTS = (
    Report(
        "logits-into-a-layer-for-hidden-states",
        "    loss.backward()\n"
        "RuntimeError: Function MmBackward returned an invalid gradient at index 0 - got "
        "[712, 768] but expected shape compatible with [712, 21128]\npytorch==1.9.0+cuda11",
        "logits-for-hidden-states",
        says=("21,128", "in_features is right", "hidden"),
        never=("Make in_features 21128",),
        address=GITHUB + "Onion12138/CasRelPyTorch/issues/2",
    ),
    Report(
        "one-loss-of-several-freed-the-graph",
        "l_a loss: 0.69, l_z loss: 0.0027\nTraceback (most recent call last):\n"
        '  File "fit.py", line 270, in <module>\n    total_vae_loss.backward()\n'
        '  File "/usr/lib/python2.7/dist-packages/torch/autograd/variable.py", line 156, in '
        "backward\n    torch.autograd.backward(self, gradient, retain_graph, create_graph)\n"
        "RuntimeError: Trying to backward through the graph a second time, but the buffers have "
        "already been freed. Specify retain_graph=True when calling backward the first time.",
        "two-losses-one-graph",
        says=("total_vae_loss", "line 270", "earlier"),
        address=GITHUB + "GBLin5566/toward-controlled-generation-of-text-pytorch/issues/8",
    ),
    Report(
        "constructor-with-single-underscores",
        "class Net(nn.Module):\n    def _init_(self):\n        super(Net,self)._init_()\n"
        "        self.convs = (n-1)*[nn.Conv1d(8,8,3,padding=1)]\n"
        "        self.fc = nn.Linear(8*length,26)\n\nTraceback (most recent call last):\n"
        '  File "names.py", line 178, in <module>\n    weight_decay=args.weight_decay\n'
        "ValueError: optimizer got an empty parameter list",
        "constructor-misspelt",
        says=("_init_", "__init__"),
        never=("ModuleList",),
        address=GITHUB + "mikeizbicki/cmc-csci181-deeplearning/issues/7",
    ),
    Report(
        "filter-read-before",
        "works:  optimizer = Own(model.parameters(), lr = 0.1)\n\n"
        "does not:  params = filter(lambda p: p.requires_grad, model.parameters())\n"
        "           optimizer = Own(params, lr = 0.1)\n\n"
        "ValueError: optimizer got an empty parameter list",
        "filter-used-up",
        says=("list(filter(",),
        never=("requires_grad_(True)", "ModuleList", "all are frozen"),
        address=GITHUB + "YanaiEliyahu/AdasOptimizer/issues/2",
    ),
    Report(
        "state-of-own-optimizer-in-another-order",
        "Traceback (most recent call last):\n"
        '  File "sql/fit.py", line 105, in <module>\n    optimizer.step()\n'
        '  File "sql/optimization.py", line 220, in step\n'
        "    exp_avg.mul_(beta1).add_(grad, alpha=1.0 - beta1)\n"
        "RuntimeError: The size of tensor a (768) must match the size of tensor b (2) at "
        "non-singleton dimension 0",
        "state-in-another-order",
        says=("position", "same order"),
        never=("bias of shape",),
        address=GITHUB + "X-LANCE/text2sql-lgesql/issues/18",
    ),
    Report(
        "parameter-computed-from-others",
        "Traceback (most recent call last):\n"
        '  File "/srv/popart.py", line 63, in update\n'
        "    self.stddev = (self.mean_sq - self.mean ** 2).sqrt().clamp(min=1e-4)\n"
        '  File "/env/lib/python3.6/site-packages/torch/nn/modules/module.py", line 613, in '
        "__setattr__\n    .format(torch.typename(value), name))\n"
        "TypeError: cannot assign 'torch.FloatTensor' as parameter 'stddev' "
        "(torch.nn.Parameter or None expected)",
        "parameter-replaced-by-tensor",
        says=("self.stddev.copy_((self.mean_sq - self.mean ** 2)", "no_grad"),
        never=("nn.Parameter(w)",),
        address=GITHUB + "marlbenchmark/on-policy/issues/19",
    ),
    Report(
        "unused-layer-of-one-rank",
        "RuntimeError: Expected to have finished reduction in the prior iteration before starting "
        "a new one. This error indicates that your module has parameters that were not used in "
        "producing loss.\nParameters which did not receive grad for rank 3: enc.up.proj.bias, "
        "enc.up.proj.weight\nParameter indices which did not receive grad for rank 3: 282 283 ",
        "parameter-unused",
        says=("enc.up.proj, in the last step of rank 3", "branch"),
        address=GITHUB + "hkchengrex/Cutie/issues/125",
    ),
    Report(
        "eight-bit-weight-split",
        "Traceback (most recent call last):\n"
        '  File "/env/lib/python3.8/site-packages/tensor_parallel/wrapper.py", line 7, in forward\n'
        "    output = self.tp_wrapped_module(*args, **kwargs)\n"
        '  File "/env/lib/python3.8/site-packages/bitsandbytes/nn/modules.py", line 313, in '
        "forward\n    if self.weight.CB is not None:\n"
        "AttributeError: 'Parameter' object has no attribute 'CB'",
        "quantized-weight-replaced",
        says=("tensor_parallel", "Int8Params"),
        address=GITHUB + "CVI-SZU/Linly/issues/43",
    ),
    Report(
        "no-targets-in-gpt2",
        "For `gpt2` (--bits 4) I get\n\nValueError: Target modules [] not found in the base model. "
        "Please check the target modules and try again.",
        "targets-empty",
        says=("Conv1D", "c_attn"),
        never=("q_proj",),
        address=GITHUB + "artidoro/qlora/issues/166",
    ),
    Report(
        "patch-on-packed-bytes",
        "ERROR lora diffusion_model.single_blocks.9.linear1.weight shape '[3072, 1728]' is invalid "
        "for input of size 9437184",
        "base-weight-packed",
        says=("GGUF", "the LoRA is right"),
        never=("another base model",),
        address=GITHUB + "Comfy-Org/ComfyUI/issues/4555",
    ),
    Report(
        "group-size-of-1024",
        "    weight = weight.reshape(-1, self.groupsize, weight.shape[2])\n"
        "RuntimeError: shape '[-1, 1024, 6656]' is invalid for input of size 44302336",
        "group-size-not-dividing",
        says=("6,656·6,656", "128"),
        never=("flatten",),
        address=GITHUB + "oobabooga/textgen/issues/2054",
    ),
    Report(
        "int4-columns-padded",
        "RuntimeError: Error(s) in loading state_dict for Net:\n"
        "\tsize mismatch for layers.0.w2.weight: copying a param with shape "
        "torch.Size([512, 88, 32, 4]) from checkpoint, the shape in current model is "
        "torch.Size([512, 86, 32, 4]).\n"
        "\tsize mismatch for layers.0.w2.scales_and_zeros: copying a param with shape "
        "torch.Size([352, 4096, 2]) from checkpoint, the shape in current model is "
        "torch.Size([344, 4096, 2]).",
        "int4-padding",
        says=("11,264", "11,008", "1024"),
        address=GITHUB + "meta-pytorch/gpt-fast/issues/88",
    ),
    Report(
        "qweight-of-uneven-rows",
        'ValueError: Trying to set a tensor of shape torch.Size([276, 4096]) in "qweight" (which '
        'has shape torch.Size([256, 4096])), this look incorrect.\n{\n  "bits": 2,\n'
        '  "qweight_heights": {"model.layers.0.self_attn.q_proj": 276}\n}',
        "qweight-packed-unevenly",
        says=("256", "276", "2 bits"),
        address=GITHUB + "AutoGPTQ/AutoGPTQ/issues/754",
    ),
    Report(
        "float8-operand-of-odd-offset",
        "b = torch.rand(n*n+1, device='cuda').to(torch.float8_e4m3fn)[1:].view(n,n).T\n"
        "torch._scaled_mm(a, b, one, one)\n\n"
        "RuntimeError: CUDA error: CUBLAS_STATUS_NOT_SUPPORTED when calling cublasLtMatmul with "
        "transpose_mat1 t transpose_mat2 n m 2048 n 2048 k 2048 computeType 68 scaleType 0",
        "operand-not-aligned",
        says=("b = b.T.clone().T", "16"),
        never=("LD_LIBRARY_PATH",),
        address=GITHUB + "pytorch/pytorch/issues/141749",
    ),
    Report(
        "dim-of-a-scripted-module",
        "model = torch.jit.script(model)\n/env/torch/onnx/utils.py:562: UserWarning: ONNX export "
        "failed on ATen operator dim because torch.onnx.symbolic_opset9.dim does not exist",
        "operator-of-scripted-module",
        says=("plain module",),
        address=GITHUB + "pytorch/pytorch/issues/27569",
    ),
    Report(
        "layer-in-forward-differs",
        "    def forward(self, input):\n        res = torch.nn.Linear(2, 2)(input)\n"
        "        return res\n\n    raise ValueError('diff value')\nValueError: diff value",
        "layer-made-in-forward",
        says=("__init__", "torch.nn.Linear(2, 2)"),
        address=GITHUB + "pytorch/pytorch/issues/118087",
    ),
    Report(
        "size-plus-proxy",
        "    shape = x.shape\n    y = tuple(shape) + (hidden.size(-1), )\n"
        "    z = shape + (hidden.size(-1), )\n\n"
        "torch.fx.symbolic_trace(Net(), concrete_args={'x': torch.ones(2, 3)})\n\n"
        "TypeError                                 Traceback (most recent call last)",
        "size-joined-with-proxy",
        says=("tuple(shape) + (hidden.size(-1), )",),
        address=GITHUB + "pytorch/pytorch/issues/92812",
    ),
    Report(
        "scripted-module-of-a-vector",
        "terminate called after throwing an instance of 'std::runtime_error'\n"
        "  what():  matrix and vector expected, got 2D, 4D at /tmp/aten/THTensorMath.cpp:287\n"
        "The above operation failed in interpreter.\nTraceback (most recent call last):\n"
        '  File "script.py", line 10\n          output = self.weight.mv(input)',
        "another-module-in-file",
        says=("self.weight.mv(input)",),
        address=GITHUB + "pytorch/tutorials/issues/895",
    ),
    Report(
        "view-without-assignment",
        "RuntimeError: size mismatch, m1: [96 x 6], m2: [576 x 120] at /pytorch/THTensorMath.cpp:41"
        "\n\n  def forward(self, x):\n    x = F.max_pool2d(self.conv2(x), 2)\n"
        "    x.view(-1, self.flat(x))\n    x = torch.sigmoid(self.fc1(x))\n    x = self.fc2(x)",
        "view-result-thrown-away",
        says=("x = x.view(-1, self.flat(x))",),
        address=GITHUB + "tinkerhub/ComputerVision-with-PyTorch-Learning-Program/issues/81",
    ),
    Report(
        "map-of-one-in-one-line",
        "RuntimeError: size mismatch, m1: [2 x 64], m2: [18496 x 256] at C:/w/THCBlas.cu:273",
        "map-of-another-size",
        says=("17×17", "64·17·17"),
        never=("in_features must be",),
        address=GITHUB + "purbayankar/HybridSN-pytorch/issues/3",
    ),
    Report(
        "channels-of-a-kernel",
        "ValueError: OC is not multiple of cta_N = 128",
        "features-not-of-the-kernel",
        says=("128", "unquantized"),
        address=GITHUB + "mit-han-lab/llm-awq/issues/29",
    ),
)

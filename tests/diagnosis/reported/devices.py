"""Reports of devices, kernels on the GPU and the wordings of torch 0.1 to 1.8."""

from __future__ import annotations

from tests.diagnosis.reported import Report

GITHUB = "https://github.com/"
ASSERTED = "Assertion `srcIndex < srcSelectDimSize` failed.\n"
LINEAR = (
    '  File "/env/lib/python3.6/site-packages/torch/nn/_functions/linear.py", line 10, in forward\n'
)
SGEMM = "cublasSgemm( handle, opa, opb, m, n, k, &alpha, a, lda, b, ldb, &beta, c, ldc)"
HALVES = "handle, opa, opb, m, n, k, &falpha, a, CUDA_R_16F, lda, b, CUDA_R_16F, ldb, &fbeta, c"

DEVICES = (
    Report(
        "layer-left-on-the-cpu",
        "RuntimeError: Expected all tensors to be on the same device, but found at least two "
        "devices, cpu and cuda:0! (when checking argument for argument mat1 in method "
        "wrapper_CUDA_addmm)",
        "model-on-cpu",
        ("is on cpu and the input on cuda:0", '.to("cuda:0")', "'mat1' is on cuda:0"),
        ('x.to("cuda:0")',),
    ),
    Report(
        "ids-not-on-the-gpu-of-the-embedding",
        "RuntimeError: Expected all tensors to be on the same device, but found at least two "
        "devices, cuda:1 and cuda:0! (when checking argument for argument index in method "
        "wrapper_CUDA__index_select)",
        "input-not-moved",
        ("input is on cuda:0 and the model on cuda:1", '.to("cuda:1")'),
        address=GITHUB + "SCIR-HI/Huatuo-Llama-Med-Chinese/issues/89",
    ),
    Report(
        "misspelt-common-device",
        "RuntimeError: Expected all tensors to be on the same common device, but found at least "
        "two devices, cuda:0 and cpu! (when checking arugment for argument mat1 in method addmm)",
        "input-on-cpu",
        ("'mat1' is on cpu", '.to("cuda:0")'),
    ),
    Report(
        "own-batched-product-on-two-devices",
        "RuntimeError: Expected all tensors to be on the same device, but found at least two "
        "devices, cuda:0 and cpu! (when checking argument for argument mat2 in method "
        "wrapper_CUDA_bmm)",
        "operand-not-moved",
        ("right factor of the product is on cpu", "left one on cuda:0"),
        ("model.to",),
    ),
    Report(
        "joined-from-two-devices",
        "RuntimeError: Expected all tensors to be on the same device, but found at least two "
        "devices, cuda:0 and cpu! (when checking argument for argument tensors in method "
        "wrapper_CUDA_cat)",
        "joined-elsewhere",
        ("first of the tensors", "cuda:0", "cpu"),
        ("model.to",),
    ),
    Report(
        "targets-on-the-gpu-alone",
        "RuntimeError: Expected all tensors to be on the same device, but found at least two "
        "devices, cpu and cuda:0! (when checking argument for argument target in method "
        "wrapper_CUDA_nll_loss_forward)",
        "model-on-cpu",
        ('.to("cuda:0")',),
        ('y.to("cpu")',),
    ),
)

KERNELS = (
    Report(
        "one-hot-index-too-large",
        "void THCudaTensor_scatterFillKernel(TensorInfo<Real, IndexType>, TensorInfo<long, "
        "IndexType>, Real, int, IndexType) [with IndexType = unsigned int, Real = float, Dims = "
        "2]: block: [0,0,0], thread: [1,0,0] Assertion `indexValue >= 0 && indexValue < "
        "tensor.sizes[dim]` failed.\n"
        "Traceback (most recent call last):\n"
        '  File "/srv/app/loss.py", line 58, in forward\n'
        "    self.weights = self.weights.cuda()\n"
        "RuntimeError: CUDA error: device-side assert triggered",
        "label-out-of-range",
        ("one-hot", "number of classes", "scatter"),
        ("self.weights",),
    ),
    Report(
        "token-id-before-the-first-product",
        "../aten/src/ATen/native/cuda/Indexing.cu:1146: indexSelectLargeIndex: block: [170,0,0], "
        f"thread: [95,0,0] {ASSERTED}"
        "Traceback (most recent call last):\n"
        '  File "/srv/app/tune.py", line 5, in <module>\n'
        "    out = model(ids)\n"
        "RuntimeError: CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling "
        "`cublasCreate(handle)`",
        "index-out-of-range",
        ("embedding", "srcIndex < srcSelectDimSize", "resize_token_embeddings"),
        ("memory", "DataLoader"),
        GITHUB + "OptimalScale/LMFlow/issues/114",
    ),
    Report(
        "token-id-on-windows",
        r"C:\cb\pytorch_1000000000000\work\aten\src\ATen\native\cuda\Indexing.cu:1146: block: "
        f"[15,0,0], thread: [64,0,0] {ASSERTED}"
        "RuntimeError: CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling "
        "`cublasCreate(handle)`",
        "index-out-of-range",
        ("embedding",),
        ("DataLoader",),
        GITHUB + "karpathy/llama2.c/issues/279",
    ),
    Report(
        "token-id-without-more",
        "/work/aten/src/ATen/native/cuda/Indexing.cu:1231: indexSelectSmallIndex: block: "
        f"[31,0,0], thread: [29,0,0] {ASSERTED}"
        "RuntimeError: CUDA error: device-side assert triggered",
        "index-out-of-range",
        ("embedding", "num_embeddings"),
        address=GITHUB + "EleutherAI/lm-evaluation-harness/issues/2293",
    ),
    Report(
        "another-cublas-of-float32",
        f"RuntimeError: CUDA error: CUBLAS_STATUS_INVALID_VALUE when calling `{SGEMM}`",
        "other-cublas-found",
        ("LD_LIBRARY_PATH", "unset", "cublasSgemm"),
        address=GITHUB + "Fictionarry/TalkingGaussian/issues/14",
    ),
    Report(
        "another-cublas-of-float16",
        f"RuntimeError: CUDA error: CUBLAS_STATUS_INVALID_VALUE when calling `cublasGemmEx( "
        f"{HALVES}, CUDA_R_16F, ldc, CUDA_R_32F, CUBLAS_GEMM_DFALT_TENSOR_OP)`",
        "other-cublas-found",
        ("LD_LIBRARY_PATH", "cublasGemmEx"),
        address=GITHUB + "vllm-project/vllm/issues/35608",
    ),
    Report(
        "first-handle-of-a-full-gpu",
        "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
        "gpu-memory-full",
        ("memory", "nvidia-smi"),
        address=GITHUB + "QwenLM/Qwen/issues/120",
    ),
    Report(
        "gpu-program-of-an-old-torch",
        "RuntimeError: cublas runtime error : the GPU program failed to execute at "
        "/pytorch/aten/src/THC/THCBlas.cu:249",
        "gpu-not-in-build",
        ("newer than",),
    ),
)

OLD = (
    Report(
        "mat1-dim-1",
        'File "/opt/env/lib/python3.8/dist-packages/torch/nn/functional.py", line 1756, in linear\n'
        "    return torch._C._nn.linear(input, weight, bias)\n"
        "RuntimeError: mat1 dim 1 must match mat2 dim 0",
        "in-features",
        ("print(x.shape, layer.weight.shape)", "weight.shape[1]"),
    ),
    Report(
        "expected-double-tensor",
        "RuntimeError: expected Double tensor (got Float tensor)",
        "float64-input",
        (".float()", "float64"),
        address=GITHUB + "pytorch/pytorch/issues/2138",
    ),
    Report(
        "addmm-of-gpu-and-cpu-tensors",
        f"{LINEAR}    output.addmm_(0, 1, input, weight.t())\n"
        "TypeError: addmm_ received an invalid combination of arguments - got (int, int, "
        "torch.cuda.FloatTensor, torch.FloatTensor), but expected one of:\n"
        " * (torch.cuda.FloatTensor mat1, torch.cuda.FloatTensor mat2)\n"
        " * (float beta, torch.cuda.FloatTensor mat1, torch.cuda.FloatTensor mat2)\n"
        "      didn't match because some of the arguments have invalid types: (int, int, "
        "torch.cuda.FloatTensor, torch.FloatTensor)",
        "model-on-cpu",
        ('.to("cuda")', "torch.FloatTensor"),
        ('x.to("cuda")',),
    ),
    Report(
        "addmm-of-integers",
        f"{LINEAR}    output.addmm_(0, 1, input, weight.t())\n"
        "TypeError: addmm_ received an invalid combination of arguments - got (int, int, "
        "torch.IntTensor, torch.FloatTensor), but expected one of:\n"
        " * (torch.IntTensor mat1, torch.IntTensor mat2)\n"
        " * (torch.SparseIntTensor mat1, torch.IntTensor mat2)",
        "integer-input",
        (".float()", "int32"),
        address=GITHUB + "pytorch/pytorch/issues/1757",
    ),
    Report(
        "addmm-of-bytes",
        "TypeError: torch.addmm received an invalid combination of arguments - got (int, "
        "torch.ByteTensor, int, torch.ByteTensor, torch.FloatTensor, out=torch.ByteTensor), but "
        "expected one of:\n * (torch.ByteTensor source, torch.ByteTensor mat1, torch.ByteTensor "
        "mat2, *, torch.ByteTensor out)\n      didn't match because some of the arguments have "
        "invalid types: (int, torch.ByteTensor, int, torch.ByteTensor, !torch.FloatTensor!, "
        "out=torch.ByteTensor)",
        "byte-images",
        (".float()", "uint8"),
        address=GITHUB + "pytorch/pytorch/pull/1507",
    ),
    Report(
        "tensor-beside-a-variable",
        ": torch.mm received an invalid combination of arguments - got (torch.FloatTensor, "
        "Variable), but expected one of:\n * (torch.FloatTensor source, torch.FloatTensor mat2)\n"
        "      didn't match because some of the arguments have invalid types: "
        "(torch.FloatTensor, Variable)\n * (torch.SparseFloatTensor source, torch.FloatTensor "
        "mat2)\n      didn't match because some of the arguments have invalid types: "
        "(torch.FloatTensor, Variable).",
        "tensor-beside-variable",
        ("Variable(", "0.4"),
        address=GITHUB + "pytorch/pytorch/issues/10986",
    ),
    Report(
        "variables-of-cpu-and-gpu",
        "RuntimeError: Expected object of type Variable[torch.FloatTensor] but found type "
        "Variable[torch.cuda.FloatTensor] for argument #1 'mat2'",
        "input-on-cpu",
        ('.to("cuda")',),
        address=GITHUB + "pytorch/pytorch/issues/9869",
    ),
    Report(
        "variables-of-two-dtypes",
        "RuntimeError: Expected object of type Variable[torch.FloatTensor] but found type "
        "Variable[torch.DoubleTensor] for argument #1 'other'",
        "float64-input",
        (".float()",),
        address=GITHUB + "ispamm/kernel-activation-functions/issues/1",
    ),
    Report(
        "double-input-of-a-float-weight",
        "RuntimeError: Expected object of type torch.DoubleTensor but found type "
        "torch.FloatTensor for argument #2 'weight'",
        "float64-input",
        (".float()",),
        address=GITHUB + "bioinform/neusomatic/issues/23",
    ),
    Report(
        "double-mat1",
        "Expected object of scalar type Float but got scalar type Double for argument #2 'mat1' "
        "in call to _th_addmm",
        "float64-input",
        (".float()",),
        address=GITHUB + "hytseng0509/CrossDomainFewShot/issues/30",
    ),
    Report(
        "one-state-without-a-batch",
        f"{LINEAR}    output.addmm_(0, 1, input, weight.t())\n"
        "RuntimeError: matrices expected, got 1D, 2D tensors at /work/torch/lib/TH/generic/"
        "THTensorMath.c:1232",
        "unbatched",
        ("unsqueeze(0)", "1 dimension"),
        address=GITHUB + "vy007vikas/PyTorch-ActorCriticRL/issues/2",
    ),
    Report(
        "sequence-into-an-old-layer",
        f"{LINEAR}    output.addmm_(0, 1, input, weight.t())\n"
        "RuntimeError: matrices expected, got 3D, 2D tensors at /work/pytorch-0.1.12/torch/lib/"
        "TH/generic/THTensorMath.c:1232",
        "not-two-dimensions",
        ("view(-1, x.size(-1))", "3 dimensions"),
        address=GITHUB + "pytorch/pytorch/issues/2825",
    ),
    Report(
        "tensors-expected-of-two-dimensions",
        "    y.addmm_(0, 1, x, w)\n"
        "RuntimeError: 2D tensors expected, got 1D, 2D tensors at /pytorch/aten/src/THC/generic/"
        "THCTensorMathBlas.cu:258",
        "unbatched",
        ("unsqueeze(0)",),
        address=GITHUB + "lancopku/meProp/issues/3",
    ),
)

REPORTS = (*DEVICES, *KERNELS, *OLD)

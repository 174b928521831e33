"""Exported and compiled models and back ends (MPS, oneDNN, hipBLAS), as people posted them."""

from __future__ import annotations

from tests.diagnosis.reported import Report

REPORTS = (
    Report(
        "exported-gemm-batch-folded",
        "onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument: [ONNXRuntimeError] "
        ": 2 : INVALID_ARGUMENT : Non-zero status code returned while running Gemm node. "
        "Name:'Gemm_185' Status Message: GEMM: Dimension mismatch, W: {512,512} K: 16384 N:512\n"
        "\n"
        "input: [None, 3, 112, 112]",
        "exported-batch-folded",
        says=("16384 = 32·512", "flatten(x, 1)", "dynamic_axes"),
        never=("in_features must be",),
    ),
    Report(
        "symbolic-sizes-compiled",
        "E0107 17:13:40.871000 1164031 site-packages/torch"
        "/_subclasses/fake_tensor.py:2827] [0/1] failed while attempting to run meta for "
        "aten.mm.default\n"
        "E0107 17:13:40.871000 1164031 site-packages/torch"
        "/_subclasses/fake_tensor.py:2827] [0/1] Traceback (most recent call last):\n"
        "E0107 17:13:40.871000 1164031 site-packages/torch"
        "/_subclasses/fake_tensor.py:2827] [0/1]     r = func(*args, **kwargs)\n"
        "E0107 17:13:40.871000 1164031 site-packages/torch"
        "/_subclasses/fake_tensor.py:2827] [0/1]         ^^^^^^^^^^^^^^^^^^^^^\n"
        "E0107 17:13:40.871000 1164031 site-packages/torch"
        "/_subclasses/fake_tensor.py:2827] [0/1] RuntimeError: a and b must have same "
        "reduction dim, but got [s77, s0*s53] X [784, 128].",
        "compiled-another-size",
        says=("s0*s53", "784 = 28·28", "adaptive_avg_pool2d(x, (28, 28))"),
        never=("nn.Linear(",),
    ),
    Report(
        "mps-slice-assertion",
        "/AppleInternal/Library/BuildRoots/00000000-0000-0"
        "000-0000-000000000000/Library/Caches/com.apple.xb"
        "s/Sources/MetalPerformanceShaders/MPSCore/Types/MPSNDArray.mm:88: failed "
        "assertion `[MPSNDArrayDescriptor sliceDimension:withSubrange:] error: the range "
        "subRange.start + subRange.length does not fit in dimension[2] (2)'\n"
        "zsh: abort      python main.py",
        "mps-strided-input",
        says=("contiguous", "shapes are right"),
        never=("in_features",),
    ),
    Report(
        "mps-weight-of-one-dimension",
        'loc("mps_transpose"("(mpsFileLoc): /AppleInternal'
        "/Library/BuildRoots/00000000-0000-0000-0000-00000"
        "0000000/Library/Caches/com.apple.xbs/Sources/Meta"
        "lPerformanceShadersGraph/mpsgraph/MetalPerformanc"
        'eShadersGraph/Core/Files/MPSGraphUtilities.mm":180:0)): error: invalid axis (0, '
        "-1) for shape of rank 1\n"
        "LLVM ERROR: Failed to infer result type(s).",
        "mps-weight-rank",
        says=("w.unsqueeze(0)", "on the CPU the same call works"),
    ),
    Report(
        "matmul-primitive-descriptor",
        "    return torch.nn.functional.linear(X, W)\n"
        "RuntimeError: could not create a primitive descriptor for the matmul primitive. "
        "Run workload with environment variable ONEDNN_VERBOSE=all to get additional "
        "diagnostic information.",
        "onednn-no-primitive",
        says=("matmul", "mkldnn.flags(enabled=False)", "shapes are not at fault"),
    ),
    Report(
        "vmap-without-a-batching-rule",
        "    return F.linear(input, self.weight, self.bias)\n"
        "RuntimeError: Batching rule not implemented for aten::t; the fallback path "
        "doesn't work on out= or view ops.",
        "batching-rule-missing",
        says=("aten::t", "transposition of the weight inside F.linear", "transpose(-2, -1)"),
    ),
    Report(
        "quantised-linear-given-floats",
        "NotImplementedError: Could not run 'quantized::linear' with arguments from the "
        "'CPU' backend. This could be because the operator doesn't exist for this "
        "backend, or was omitted during the selective/custom build process (if using "
        "custom build).",
        "quantised-given-floats",
        says=("QuantStub()", "quantize_dynamic", "floats"),
    ),
    Report(
        "onnx-gemm-weight-of-rank-1",
        "onnxruntime.capi.onnxruntime_pybind11_state.Fail: [ONNXRuntimeError] : 1 : FAIL "
        ": Node (node_Gemm_12) Op (Gemm) [ShapeInferenceError] Second input does not have rank 2",
        "exported-weight-rank",
        says=("one dimension", "Gemm", "w.unsqueeze(0)"),
    ),
    Report(
        "hipblas-not-supported",
        "RuntimeError: CUDA error: HIPBLAS_STATUS_NOT_SUPPORTED when calling "
        "`HIPBLAS_STATUS_NOT_SUPPORTED`",
        "hipblas-not-supported",
        says=(
            "HIPBLAS_STATUS_NOT_SUPPORTED",
            "TORCH_BLAS_PREFER_HIPBLASLT=0",
            "preferred_blas_library",
        ),
    ),
    Report(
        "ort-batch",
        "InvalidArgument: [ONNXRuntimeError] : 2 : INVALID_ARGUMENT : Got invalid "
        "dimensions for input: float_input for the following indices\n"
        " index: 0 Got: 38 Expected: 1\n"
        " Please fix either the inputs or the model.",
        "exported-batch-fixed",
        says=("38", "float_input", '{0: "batch"}'),
        address="https://github.com/onnx/sklearn-onnx/issues/303",
    ),
    Report(
        "ort-size",
        "onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument: [ONNXRuntimeError] "
        ": 2 : INVALID_ARGUMENT : Got invalid dimensions for input: batched_inputs.1 for "
        "the following indices\n"
        " index: 2 Got: 256 Expected: 384",
        "exported-size-fixed",
        says=("256 in place of 384", "resize them to 384"),
        address="https://github.com/JDAI-CV/fast-reid/issues/581",
    ),
    Report(
        "ort-double",
        "InvalidArgument: [ONNXRuntimeError] : 2 : INVALID_ARGUMENT : Unexpected input "
        "data type. Actual: (tensor(double)) , expected: (tensor(float))",
        "exported-input-dtype",
        says=("x.astype(np.float32)", "float64"),
        address="https://github.com/microsoft/onnxruntime/issues/7340",
    ),
    Report(
        "ort-reshape",
        "onnxruntime.capi.onnxruntime_pybind11_state.RuntimeException: [ONNXRuntimeError] "
        ": 6 : RUNTIME_EXCEPTION : Non-zero status code returned while running Reshape "
        "node. Name:'Reshape_331' Status Message: /src/onn"
        "xruntime/core/providers/cpu/tensor/reshape_helper.h:42 "
        "onnxruntime::ReshapeHelper::ReshapeHelper(const onnxruntime::TensorShape &, "
        "std::vector<int64_t> &, bool) gsl::narrow_cast<int64_t>(input_shape.Size()) == "
        "size was false. The input tensor cannot be reshaped to the requested shape. "
        "Input shape:{8,255,52,52}, requested shape:{1,3,85,52,52}",
        "exported-batch-constant",
        says=("batch of 1", "8 samples", "x.view(x.size(0), …)"),
        address="https://github.com/microsoft/onnxruntime/issues/10463",
    ),
    Report(
        "ort-matmul",
        "[ONNXRuntimeError] : 1 : FAIL : Non-zero status code returned while running "
        "FusedMatMul node. Name:'/layers.0/attn/MatMul' Status Message: "
        "matmul_helper.h:142 onnxruntime::MatMulComputeHelper::Compute left operand "
        "cannot broadcast on dim 1",
        "exported-product-sizes",
        says=("constant", "get_inputs()"),
        address="https://github.com/chaiNNer-org/chaiNNer/issues/2715",
    ),
    Report(
        "quantized-conv",
        "NotImplementedError: Could not run 'quantized::conv2d.new' with arguments from "
        "the 'CPU' backend. This could be because the operator doesn't exist for this "
        "backend, or was omitted during the selective/custom build process (if using "
        "custom build).",
        "quantised-given-floats",
        says=("QuantStub()",),
        address="https://github.com/pytorch/pytorch/issues/34583",
    ),
    Report(
        "float-conv-of-quantized",
        "RuntimeError: Could not run 'aten::thnn_conv2d_forward' with arguments from the "
        "'QuantizedCPU' backend. This could be because the operator doesn't exist for "
        "this backend, or was omitted during the selective/custom build process (if using "
        "custom build).",
        "float-given-quantised",
        says=("x.dequantize()", "QuantizedCPU"),
        address="https://github.com/facebookresearch/d2go/issues/87",
    ),
    Report(
        "hip-create",
        "RuntimeError: CUDA error: HIPBLAS_STATUS_ALLOC_FAILED when calling "
        "`hipblasCreate(handle)`",
        "hipblas-not-started",
        says=("hipblasCreate", "rocm-smi"),
        never=("in_features",),
        address="https://github.com/ROCm/TheRock/issues/1708",
    ),
    Report(
        "mps-subrange-start",
        "/AppleInternal/Library/BuildRoots/0/Library/Cache"
        "s/com.apple.xbs/Sources/MetalPerformanceShaders/MPSCore/Types/MPSNDArray.mm:130: "
        "failed assertion `[MPSNDArrayDescriptor sliceDimension:withSubrange:] error: "
        "subRange.start (8192) is not less than length of dimension[1] (512)'",
        "mps-strided-input",
        says=("contiguous",),
        never=("in_features",),
        address="https://github.com/pytorch/pytorch/issues/113586",
    ),
    Report(
        "mps-half-and-single",
        'loc("varianceEps"("(mpsFileLoc): /AppleInternal/L'
        "ibrary/BuildRoots/0/MetalPerformanceShadersGraph/"
        "Core/Files/MPSGraphUtilities.mm\":228:0)): error: input types 'tensor<1x4x1xf16>' "
        "and 'tensor<1xf32>' are not broadcast compatible\n"
        "LLVM ERROR: Failed to infer result type(s).",
        "mps-dtypes",
        says=("f16 and f32", "model.float()"),
        address="https://github.com/zai-org/ChatGLM-6B/issues/951",
    ),
    Report(
        "mps-matmul",
        'loc("mps_matmul"("(mpsFileLoc): /AppleInternal/Li'
        "brary/MetalPerformanceShadersGraph/mpsgraph/Core/"
        'Files/MPSGraphUtilities.mm":43:0)): error: incompatible dimensions\n'
        'loc("mps_matmul"("(mpsFileLoc): /AppleInternal/Li'
        'brary/MPSGraphUtilities.mm":43:0)): error: invalid shape\n'
        "LLVM ERROR: Failed to infer result type(s).",
        "mps-shapes",
        says=("incompatible dimensions", "CPU"),
        address="https://github.com/huggingface/trl/issues/4692",
    ),
    Report(
        "mps-too-large",
        "/AppleInternal/Library/MPSCore/Types/MPSNDArray.mm:705: failed assertion "
        "`[MPSTemporaryNDArray initWithDevice:descriptor:] Error: product of dimension "
        "sizes > 2**31'",
        "mps-tensor-too-large",
        says=("smaller batch",),
        address="https://github.com/pytorch/pytorch/issues/84039",
    ),
    Report(
        "ort-fused-matmul",
        "onnxruntime.capi.onnxruntime_pybind11_state.Fail: [ONNXRuntimeError] : 1 : FAIL "
        ": Node (/MatMul_FusedMatMulAndScale) Op (FusedMatMul) [ShapeInferenceError] "
        "Incompatible dimensions for matrix multiplication",
        "exported-shapes-contradict",
        says=("optimization off",),
        address="https://github.com/pytorch/pytorch/issues/109806",
    ),
    Report(
        "ort-type",
        "UserWarning: The exported ONNX model failed ONNX shape inference.The model will "
        "not be executable by the ONNX Runtime. Error reported by strict ONNX shape "
        "inference: [ShapeInferenceError] (op_type:MatMul, node name: "
        "/encoder/attn/MatMul_1): B has inconsistent type tensor(float16)",
        "exported-dtypes-mixed",
        says=("one dtype",),
        address="https://github.com/pytorch/pytorch/issues/140925",
    ),
    Report(
        "onednn-verbose",
        "onednn_verbose,v1,primitive,create:dispatch,gemm,"
        "gpu,gemm,jit:gemm:any,undef,src_a:f32::blocked:ab::f0 src_b:f16::blocked:ba::f0 "
        "dst:f16::blocked:ab::f0,,,1x2048:2048x2051,tensors a and b have inconsistent "
        "datatypes,src/gpu/gen_gemm.hpp:171\n"
        "RuntimeError: could not create a primitive descriptor for the matmul primitive. "
        "Run workload with environment variable ONEDNN_VERBOSE=all to get additional "
        "diagnostic information.",
        "onednn-dtypes",
        says=("f32 and f16",),
        address="https://github.com/unslothai/unsloth/issues/3292",
    ),
    Report(
        "onednn-arm",
        "RuntimeError: could not create a primitive descriptor for a matmul primitive",
        "onednn-no-primitive",
        says=("matmul", "update torch"),
        address="https://github.com/pytorch/pytorch/issues/114750",
    ),
    Report(
        "nms-cuda",
        "RuntimeError: Could not run 'torchvision::nms' with arguments from the 'CUDA' "
        "backend. 'torchvision::nms' is only available for these backends: [CPU, "
        "BackendSelect, Named, AutogradOther].",
        "extension-without-gpu",
        says=("torchvision", "torch.version.cuda"),
        address="https://github.com/pytorch/vision/issues/3058",
    ),
    Report(
        "ort-grid",
        "Non-zero status code returned while running Add node. Name:'/model/decoder/Add' "
        "Status Message: /src/onnxruntime/core/providers/cpu/math/element_wise_ops.h:560 "
        "void onnxruntime::BroadcastIterator::Append(ptrdiff_t, ptrdiff_t) axis == 1 || "
        "axis == largest was false. Attempting to broadcast an axis by a dimension other "
        "than 1. 6400 by 24960",
        "exported-constant-tensor",
        says=("6400", "x.shape"),
        address="https://github.com/AaronCIH/APGCC/issues/22",
    ),
    Report(
        "ort-expand",
        "onnxruntime.capi.onnxruntime_pybind11_state.Fail: [ONNXRuntimeError] : 1 : FAIL "
        ": Non-zero status code returned while running Expand node. "
        "Name:'/encoder/Expand' Status Message: /encoder/Expand: left operand cannot "
        "broadcast on dim 1 LeftShape: {1,6,32}, RightShape: {1,33,32}",
        "exported-constant-tensor",
        says=("1,6,32",),
        address="https://github.com/pytorch/pytorch/issues/101502",
    ),
    Report(
        "dynamo-linear",
        "torch._dynamo.exc.TorchRuntimeError: RuntimeError when making fake tensor call\n"
        "  Explanation: Dynamo failed to run FX node with fake tensors: call_function "
        "<built-in function linear>(*(FakeTensor(..., device='cuda:0', size=(s77, s27, "
        "s53)), FakeTensor(..., device='cuda:0', size=(4096, 3072)), None),",
        "fails-without-compiling",
        says=('set_stance("force_eager")',),
        never=("nn.Linear(",),
        address="https://github.com/BobJohnson24/ComfyUI-INT8-Fast/issues/63",
    ),
    Report(
        "symbolic-broadcast",
        "TorchRuntimeError: The size of tensor a (1280) must match the size of tensor b "
        "(s4) at non-singleton dimension 1)",
        "compiled-sizes-differ",
        says=("1280", "s4"),
        address="https://github.com/GAD-cell/vlm-grpo/issues/9",
    ),
)

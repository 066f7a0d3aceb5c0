"""What users may choose of the network: models, precisions, backends.

Without torch: the processes beside the node know its parameters, too, and torch takes each of them
more than a second of CPU to import.
"""

from __future__ import annotations

DEFAULT_MODEL = 'indoor-m'
# Name -> that of torch's dtype.
PRECISIONS = {'fp32': 'float32', 'fp16': 'float16', 'bf16': 'bfloat16'}

AUTO = 'auto'
# Name -> module of inference/backends with a function ``make(source, size, device, dtype)``.
BACKENDS = {
    'torch': 'torch_backend',
    'eager': 'eager_backend',
    'tap': 'tap_backend',
    'openvino': 'openvino_backend',
    'onnxruntime': 'onnxruntime_backend',
}
# What users may ask for.
BACKEND_NAMES = (AUTO, *BACKENDS)

"""The papers' experiments, and the benchmark: python -m reproductions lists them."""

import os
import sys

# TensorFlow reads it once, when it is imported. By itself it takes oneDNN's kernels on
# some processors only, though they are faster on others, too: docs/speed.md.
if "tensorflow" not in sys.modules:
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

"""torch-fidelity's half of `scores`, in an environment of its own.

    python -m reproductions.benchmarks.fidelity_worker   # JSON in, JSON out

It needs torch-fidelity and PyTorch, nothing of this package.
"""

import json
import os
import sys

import numpy as np
import torch

# Some builds of torchvision have no operators, which torch-fidelity does not need.
torch.library.register_fake = lambda *_, **__: lambda function: function
import torch_fidelity  # noqa: E402


def main() -> None:
    """Reads what to do from standard input, and writes the scores to standard output.

    The input has "threads"; "weights", torch-fidelity's file; "tensors", an `.npz` file
    from which this is written first, or null; and "calls", by name the arguments of
    `calculate_metrics`.
    """
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    given = json.load(sys.stdin)
    torch.set_num_threads(given["threads"])
    if given["tensors"]:
        with np.load(given["tensors"], allow_pickle=False) as file:
            tensors = {name: torch.tensor(file[name]) for name in file.files}
        torch.save(tensors, given["weights"])
    fixed = {
        "feature_extractor": "inception-v3-compat",
        "feature_extractor_weights_path": given["weights"],
        "cuda": False,
        "verbose": False,
    }
    versions = {
        "torch": torch.__version__,
        "torch-fidelity": torch_fidelity.__version__,
        "numpy": np.__version__,
    }
    scores = {
        name: torch_fidelity.calculate_metrics(**fixed, **call)
        for name, call in given["calls"].items()
    }
    print(json.dumps({"versions": versions, "scores": scores}), file=answers)


if __name__ == "__main__":
    main()

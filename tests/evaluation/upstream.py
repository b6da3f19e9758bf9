"""torch-fidelity's own Inception network, where it is installed beside PyTorch.

python -m tests.evaluation.upstream   # writes what test_inception_2015 compares with
"""

import contextlib
import json
import pathlib
import types

import numpy as np

from reproductions.benchmarks import random_inception

RECORDED = pathlib.Path(__file__).parent / "recorded_inception_2015.json"
# Of the recorded network: the published numbers of channels divided by this.
PART = 16


def imported():
    """The module of torch-fidelity; ImportError where there is none."""
    import torch

    known = torch.library.register_fake
    # Some builds of torchvision have no operators, which torch-fidelity does not need.
    torch.library.register_fake = lambda *_, **__: lambda function: function
    try:
        import torch_fidelity
        from torch_fidelity import feature_extractor_inceptionv3 as module
    finally:
        torch.library.register_fake = known
    assert torch_fidelity.__version__
    return module


@contextlib.contextmanager
def narrow(module):
    """Its network with fewer channels."""
    nn = module.nn

    def convolution(into, out, **options):
        into = into if into == 3 else into // PART
        return nn.Conv2d(into, out // PART, **options)

    own = {
        "Conv2d": convolution,
        "BatchNorm2d": lambda width, **options: nn.BatchNorm2d(
            width // PART, **options
        ),
        "Linear": lambda into, out: nn.Linear(into // PART, out // PART),
    }
    module.nn = types.SimpleNamespace(**vars(nn) | own)
    try:
        yield
    finally:
        module.nn = nn


def save(weights, path, **options):
    """Writes a state dict as PyTorch does."""
    import torch

    torch.save({k: torch.tensor(v) for k, v in weights.items()}, path, **options)


def outputs(module, path, images):
    """Features, logits without and with bias, of uint8 images."""
    import torch

    wanted = ["2048", "logits_unbiased", "logits"]
    net = module.FeatureExtractorInceptionV3(
        "inception-v3-compat", wanted, feature_extractor_weights_path=str(path)
    )
    with torch.no_grad():
        found = net(torch.tensor(images.transpose(0, 3, 1, 2)))
    return [one.numpy() for one in found]


def images(height, width, n=3):
    """uint8 images: noise, and one that goes from black to white."""
    rng = np.random.RandomState(1)
    x = rng.randint(0, 256, (n, height, width, 3)).astype(np.uint8)
    x[-1] = np.linspace(0, 255, height).astype(np.uint8)[:, None, None]
    return x


SIZES = ((32, 32), (299, 299), (310, 400))


def record(path="/tmp/narrow.pth"):
    """What the narrow network gives, a few numbers of each output."""
    module, found = imported(), {}
    save(random_inception.inception(PART), path)
    with narrow(module):
        for size in SIZES:
            given = outputs(module, path, images(*size))
            names = ("features", "logits", "logits with bias")
            found["{}x{}".format(*size)] = {
                name: [[*map(float, row[:6]), float(row.mean())] for row in one]
                for name, one in zip(names, given, strict=True)
            }
    RECORDED.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    record()

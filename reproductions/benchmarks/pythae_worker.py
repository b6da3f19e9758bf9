"""The benchmark's pythae side: its own networks, models and trainers.

`reproductions.benchmarks.training` starts it, in an environment with pythae.
"""

import importlib.metadata
import logging
import sys
import tempfile

import numpy as np
import torch
from pythae import models, trainers
from pythae.data.datasets import BaseDataset

from reproductions.benchmarks.worker import serve

# 784-512-16 and back is what pythae takes if it is given no networks.
KINDS = {
    "vae": (models.VAE, models.VAEConfig, {"reconstruction_loss": "bce"}),
    "aae": (models.Adversarial_AE, models.Adversarial_AE_Config, {}),
    "wae": (models.WAE_MMD, models.WAE_MMD_Config, {}),
}


def build(case: str):
    """A model of pythae's."""
    kind, config, more = KINDS[case]
    return kind(config(input_dim=(1, 28, 28), latent_dim=16, **more))


def block(case: str, batches: np.ndarray, learning_rate: float):
    """A function that trains for a number of steps by pythae's trainer."""
    batch = batches.shape[1]
    images = batches.reshape(-1, 1, 28, 28)
    model = build(case)
    adversarial = case == "aae"

    def run(steps: int) -> None:
        rows = np.resize(np.arange(len(images)), steps * batch)
        data = BaseDataset(torch.from_numpy(images[rows]), torch.zeros(len(rows)))
        rates = (
            {
                "autoencoder_learning_rate": learning_rate,
                "discriminator_learning_rate": learning_rate,
            }
            if adversarial
            else {"learning_rate": learning_rate}
        )
        name = "AdversarialTrainer" if adversarial else "BaseTrainer"
        with tempfile.TemporaryDirectory() as folder:
            config = getattr(trainers, f"{name}Config")(
                output_dir=folder,
                per_device_train_batch_size=batch,
                num_epochs=1,
                no_cuda=True,
                **rates,
            )
            getattr(trainers, name)(model, data, training_config=config).train()

    return run


def parameters(model) -> list[int]:
    """How many numbers encoder, decoder and, if there is one, critic learn."""
    networks = [model.encoder, model.decoder, getattr(model, "discriminator", None)]
    return [sum(p.numel() for p in one.parameters()) for one in networks if one]


def main(data: str, lam: str, learning_rate: str, threads: str) -> None:
    """Serves a block "case/pythae" for each case; `lam` is not its own."""
    logging.disable(logging.WARNING)
    torch.set_num_threads(int(threads))
    torch.set_flush_denormal(True)
    about = {
        "versions": {"pythae": importlib.metadata.version("pythae")},
        "parameters": {},
    }
    blocks = {}
    for case, batches in np.load(data).items():
        if case in KINDS:
            blocks[f"{case}/pythae"] = block(case, batches, float(learning_rate))
            about["parameters"][case] = parameters(build(case))
    serve(about, blocks)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Does the installed package work? Run outside the source tree by `.ci/run`."""

import pathlib
import sys

import numpy as np

import keras_svae as ks

environment = pathlib.Path(sys.argv[1]).resolve()
where = pathlib.Path(ks.__file__).resolve()
if environment not in where.parents:
    sys.exit(f"Expected keras_svae from {environment}; received: {where}")

train = ks.data.load("toy5", split="train", batch_size=64)
nets = ks.networks.toy(latent_dim=2)
model = ks.SVAE(
    nets.encoder,
    nets.decoder,
    nets.critic,
    lam=0.1,
    likelihood="gaussian",
    seed=0,
)
model.compile(
    optimizer=ks.optimizers.Adam(1e-3),
    critic_optimizer=ks.optimizers.Adam(1e-3),
)
model.fit(train.take(3), verbose=0)
samples = np.asarray(model.generate(5, seed=1))
if samples.shape != (5, 2) or not np.isfinite(samples).all():
    sys.exit(f"Expected five finite points; received: {samples}")
print(f"smoke: keras_svae {ks.__version__} trains and generates from {where.parent}")

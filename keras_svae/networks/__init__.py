"""The papers' networks, by data set.

    nets = ks.networks.mnist(latent_dim=32)     # .encoder .decoder .critic
    nets = ks.networks.celeba(latent_dim=64, posterior="implicit", noise=True)

Each function returns `Networks`, three functional Keras models; `Options` explains the
arguments they share. But `ijae_*` give five networks, `resnet_*` the three for other
methods that are to be compared with them, `second_stage` gives
two, for codes, and `code_critic` and `classifier` give one.
With `classes=10` networks are made for conditional methods. Weights start
from Xavier (`keras.utils.set_random_seed` makes them reproducible) and biases from
zero; the weights of `aim_mnist`, `aim_images` and `dcgan` from N(0, .02), of `ijae_*`
and `resnet_*` as PyTorch's do. All of these have fewer options.

Differences from the paper that all of them share; each function numbers its own:

* Every network ends in a linear layer, and encoders and decoders in a `RawOutput`,
  which names the law. The sigmoid or tanh of a table is applied by the law (see
  `ks.distributions`), so that Bernoulli laws see logits.
* A posterior with learned scales needs two outputs per code dimension, and its last
  layer starts from N(0, .02), not Xavier: with Xavier the term log q(z|x) of sVAE-r
  starts at a thousand nats on MNIST and swamps the others.
* The paper has dropout, but says neither where nor at which rate: here, where asked
  for, after every hidden block.
* Batch normalization moves its averages with momentum .9; the paper does not say.
"""

from keras_svae.networks import layers
from keras_svae.networks.base import Networks, Options
from keras_svae.networks.celeba import celeba
from keras_svae.networks.cifar10 import cifar10
from keras_svae.networks.classifier import classifier
from keras_svae.networks.dcgan import aim_images, aim_mnist, dcgan
from keras_svae.networks.digits import digits
from keras_svae.networks.ends import RawOutput
from keras_svae.networks.ijae import (
    IJAENetworks,
    ijae_cifar10,
    ijae_mnist,
    ijae_tiny_imagenet,
)
from keras_svae.networks.mnist import mnist
from keras_svae.networks.mnist_dense import ijae_mnist_dense, mnist_dense
from keras_svae.networks.normalization import BatchNormalization, moving_averages
from keras_svae.networks.resnet import (
    code_critic,
    resnet_cifar10,
    resnet_mnist,
    resnet_tiny_imagenet,
)
from keras_svae.networks.second_stage import SecondStage, second_stage
from keras_svae.networks.toy import toy

__all__ = [
    "BatchNormalization",
    "IJAENetworks",
    "Networks",
    "Options",
    "RawOutput",
    "SecondStage",
    "aim_images",
    "aim_mnist",
    "celeba",
    "cifar10",
    "classifier",
    "code_critic",
    "dcgan",
    "digits",
    "ijae_cifar10",
    "ijae_mnist",
    "ijae_mnist_dense",
    "ijae_tiny_imagenet",
    "layers",
    "mnist",
    "mnist_dense",
    "moving_averages",
    "resnet_cifar10",
    "resnet_mnist",
    "resnet_tiny_imagenet",
    "second_stage",
    "toy",
]

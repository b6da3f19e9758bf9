"""The papers' networks, and networks for data of your own.

    nets = ks.networks.mnist(latent_dim=32)              # .encoder .decoder .critic
    nets = ks.networks.dense(latent_dim=3, shape=(12,))  # a table of 12 columns
    nets = ks.networks.dcgan(shape=(48, 48, 3))          # images of any size

A function is named for its paper and table. Most have a second name, of a data set:

    paper and table      shape        second name
    svae_table3          28 x 28 x 1  mnist
    svae_table4          64 x 64 x 3  celeba
    svae_table5          32 x 32 x 3  cifar10
    aim_table3           28 x 28 x 1  aim_mnist
    aim_table4           64 x 64 x 3  aim_images
    dcgan                64 x 64 x 3
    ijae_tables, resnet  32 x 32 x 3  ijae_cifar10, resnet_cifar10

`ijae_mnist`, `ijae_tiny_imagenet`, `resnet_mnist` and `resnet_tiny_imagenet` call the
last two with the shapes of these data. `toy`, `digits` and `mnist_dense` call `dense`,
which is from no paper, with the shapes of their data.

Each function takes other shapes by `shape=`, and says which shapes. `dcgan` takes
images with sides from 8 to 256, `dense` takes data of any shape.

Each function returns `Networks`, three functional Keras models; `Options` explains the
arguments that several functions share. But `ijae_*` give five networks, `second_stage`
gives two, for codes, and `critic_code` and `classifier` give one.
With `classes=10` networks are made for conditional methods. Weights start from Xavier
(`keras.utils.set_random_seed` makes them reproducible) and biases from zero. But the
weights of `aim_*` and `dcgan` start from N(0, .02), and those of `ijae_*` and `resnet*`
as in PyTorch. All of these have fewer options.

All of them share these differences from the paper; each function numbers its own:

* Every network ends in a linear layer, and encoders and decoders in a `RawOutput`,
  which names the law. The sigmoid or tanh of a table is applied by the law (see
  `ks.distributions`), so that Bernoulli laws see logits.
* A posterior with learned scales needs two outputs per code dimension, and its last
  layer starts from N(0, .02), not Xavier: with Xavier the term log q(z|x) of sVAE-r
  starts at a thousand nats on MNIST, far above the others.
* The paper has dropout, but says neither where nor at which rate. Here dropout is an
  option; it comes after every hidden block.
* Batch normalisation moves its averages with momentum .9; the paper does not say it.
"""

from keras_svae.networks import layers, linear
from keras_svae.networks.aim import aim_images, aim_mnist, aim_table3, aim_table4
from keras_svae.networks.classifier import classifier
from keras_svae.networks.dcgan import dcgan
from keras_svae.networks.dense import dense, digits, mnist_dense, toy
from keras_svae.networks.ends import RawOutput
from keras_svae.networks.ijae import (
    IJAENetworks,
    ijae_cifar10,
    ijae_mnist,
    ijae_mnist_dense,
    ijae_tables,
    ijae_tiny_imagenet,
)
from keras_svae.networks.normalization import BatchNormalization, moving_averages
from keras_svae.networks.options import Options
from keras_svae.networks.parts import Networks
from keras_svae.networks.resnet import (
    code_critic,
    critic_code,
    resnet,
    resnet_cifar10,
    resnet_mnist,
    resnet_tiny_imagenet,
)
from keras_svae.networks.second_stage import SecondStage, second_stage
from keras_svae.networks.svae import (
    celeba,
    cifar10,
    mnist,
    svae_table3,
    svae_table4,
    svae_table5,
)

__all__ = [
    "BatchNormalization",
    "IJAENetworks",
    "Networks",
    "Options",
    "RawOutput",
    "SecondStage",
    "aim_images",
    "aim_mnist",
    "aim_table3",
    "aim_table4",
    "celeba",
    "cifar10",
    "classifier",
    "code_critic",
    "critic_code",
    "dcgan",
    "dense",
    "digits",
    "ijae_cifar10",
    "ijae_mnist",
    "ijae_mnist_dense",
    "ijae_tables",
    "ijae_tiny_imagenet",
    "layers",
    "linear",
    "mnist",
    "mnist_dense",
    "moving_averages",
    "resnet",
    "resnet_cifar10",
    "resnet_mnist",
    "resnet_tiny_imagenet",
    "second_stage",
    "svae_table3",
    "svae_table4",
    "svae_table5",
    "toy",
]

"""PyTorch's side of the benchmark: the networks, plainly written."""

import torch
from torch import nn

LATENT_DIM = {"mnist": 32, "toy": 2, "cifar10": 256, "aim_mnist": 32}


def activation(slope: float) -> nn.Module:
    """A (leaky) ReLU."""
    return nn.LeakyReLU(slope) if slope else nn.ReLU()


def dense(
    inputs: int, outputs: int, batch_norm: bool, slope: float = 0.0
) -> list[nn.Module]:
    """A hidden block: layer, (leaky) ReLU, batch normalisation."""
    norm = [nn.BatchNorm1d(outputs, momentum=0.1, eps=1e-3)] if batch_norm else []
    return [nn.Linear(inputs, outputs), activation(slope), *norm]


def convolution(inputs: int, outputs: int, slope: float = 0.0) -> list[nn.Module]:
    """The same with a 5x5 convolution that halves height and width, rounding up."""
    return [
        nn.Conv2d(inputs, outputs, 5, stride=2, padding=2),
        activation(slope),
        nn.BatchNorm2d(outputs, momentum=0.1, eps=1e-3),
    ]


def transposed(inputs: int, outputs: int) -> nn.Module:
    """A 5x5 transposed convolution that doubles height and width."""
    return nn.ConvTranspose2d(inputs, outputs, 5, 2, padding=2, output_padding=1)


def doubling(inputs: int, outputs: int) -> list[nn.Module]:
    """A hidden block with it."""
    norm = nn.BatchNorm2d(outputs, momentum=0.1, eps=1e-3)
    return [transposed(inputs, outputs), nn.ReLU(), norm]


class Critic(nn.Module):
    """Of pairs: features of x and of z side by side, then `head`."""

    def __init__(self, of_x: nn.Module, of_z: nn.Module, head: nn.Module):
        super().__init__()
        self.of_x, self.of_z, self.head = of_x, of_z, head

    def forward(self, x, z):
        return self.head(torch.cat([self.of_x(x), self.of_z(z)], 1))


def mnist() -> tuple[nn.Module, nn.Module, nn.Module]:
    """Table 3's encoder, decoder and critic, as `keras_svae.networks.mnist`."""
    code = LATENT_DIM["mnist"]
    encoder = nn.Sequential(
        *convolution(1, 16),
        *convolution(16, 32),
        nn.Flatten(),
        *dense(32 * 7 * 7, 784, True),
        nn.Linear(784, 2 * code),
    )
    decoder = nn.Sequential(
        *dense(code, 1024, True),
        *dense(1024, 64 * 7 * 7, True),
        nn.Unflatten(1, (64, 7, 7)),
        *doubling(64, 64),
        transposed(64, 1),
    )
    of_x = [*convolution(1, 32), *convolution(32, 64), *convolution(64, 128)]
    critic = Critic(
        nn.Sequential(*of_x, nn.Flatten()),
        nn.Sequential(*dense(code, 1024, False)),
        nn.Linear(128 * 4 * 4 + 1024, 1),
    )
    return encoder, decoder, critic


def cifar10() -> tuple[nn.Module, nn.Module, nn.Module]:
    """Table 5's encoder, decoder and critic, as `keras_svae.networks.cifar10`."""
    code = LATENT_DIM["cifar10"]
    encoder = nn.Sequential(
        *convolution(3, 32, 0.2),
        *convolution(32, 64, 0.2),
        *convolution(64, 128, 0.2),
        *convolution(128, 256, 0.2),
        nn.Flatten(),
        *dense(256 * 2 * 2, 512, False, 0.2),
        nn.Linear(512, 2 * code),
    )
    decoder = nn.Sequential(
        *dense(code, 512 * 4 * 4, True, 0.2),
        nn.Unflatten(1, (512, 4, 4)),
        *doubling(512, 256),
        *doubling(256, 128),
        transposed(128, 3),
    )
    of_x = [*convolution(3, 64), *convolution(64, 128)]
    of_x += [*convolution(128, 256), *convolution(256, 512)]
    critic = Critic(
        nn.Sequential(*of_x, nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        nn.Sequential(*dense(code, 512, False)),
        nn.Linear(512 + 512, 1),
    )
    return encoder, decoder, critic


def toy() -> tuple[nn.Module, nn.Module, nn.Module]:
    """Encoder, decoder and critic of 2 x 256, as `keras_svae.networks.toy`."""
    code = LATENT_DIM["toy"]

    def hidden(inputs):
        return [*dense(inputs, 256, False), *dense(256, 256, False)]

    encoder = nn.Sequential(*hidden(2), nn.Linear(256, 2 * code))
    decoder = nn.Sequential(*hidden(code), nn.Linear(256, 2))
    head = nn.Sequential(*hidden(2 + code), nn.Linear(256, 1))
    return encoder, decoder, Critic(nn.Identity(), nn.Identity(), head)


class Parts(nn.Module):
    """A Gaussian's parts side by side, each of a network of its own."""

    def __init__(self, shared: nn.Module, *parts: nn.Module):
        super().__init__()
        self.shared, self.parts = shared, nn.ModuleList(parts)

    def forward(self, h):
        h = self.shared(h)
        return torch.cat([part(h) for part in self.parts], 1)


class Discriminator(nn.Module):
    """Of images: the features that AIM's encoder reads, and the logit."""

    def __init__(self, features: nn.Module, head: nn.Module):
        super().__init__()
        self.features, self.head = features, head

    def forward(self, x):
        features = self.features(x)
        return features, self.head(features)


def aim_mnist() -> tuple[nn.Module, nn.Module, nn.Module]:
    """AIM's table 3: encoder of features, generator and discriminator."""
    code = LATENT_DIM["aim_mnist"]

    def fc(inputs, outputs, activation):
        norm = nn.BatchNorm1d(outputs, momentum=0.1, eps=1e-3)
        return [nn.Linear(inputs, outputs), norm, activation]

    def norm(maps):
        return nn.BatchNorm2d(maps, momentum=0.1, eps=1e-3)

    leaky = nn.LeakyReLU(0.1)
    generator = nn.Sequential(
        *fc(code, 1024, nn.ReLU()),
        *fc(1024, 128 * 7 * 7, nn.ReLU()),
        nn.Unflatten(1, (128, 7, 7)),
        nn.ConvTranspose2d(128, 64, 4, 2, padding=1),
        norm(64),
        nn.ReLU(),
        nn.ConvTranspose2d(64, 1, 4, 2, padding=1),
    )
    features = nn.Sequential(
        nn.Conv2d(1, 64, 4, stride=2, padding=1),
        leaky,
        nn.Conv2d(64, 128, 4, stride=2, padding=1),
        norm(128),
        leaky,
    )
    head = nn.Sequential(
        nn.Flatten(),
        *fc(128 * 7 * 7, 1024, leaky),
        nn.Linear(1024, 64),
        nn.Linear(64, 1),
    )
    shared = nn.Sequential(
        nn.Conv2d(128, 64, 4, stride=2, padding=1), norm(64), leaky, nn.Flatten()
    )
    parts = [
        nn.Sequential(*fc(64 * 3 * 3, 32, leaky), nn.Linear(32, code)) for _ in range(2)
    ]
    return Parts(shared, *parts), generator, Discriminator(features, head)

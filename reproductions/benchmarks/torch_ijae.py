"""PyTorch's lambda-IJAE on tables 3 to 7 of its paper, plainly written, eager."""

import torch
from torch import nn
from torch.nn import functional as F

from reproductions.benchmarks.torch_method import Method

CODE, MAPS, NOISE = 128, 128, 128


def shifted(x: torch.Tensor, most: int = 5) -> torch.Tensor:
    """Each image moved cyclically: s in 0..most, probability like 1 / (s + 1)."""
    n, _, height, width = x.shape
    weights = 1 / torch.arange(1.0, most + 2)
    sizes = torch.multinomial(weights, n, replacement=True)
    directions = torch.tensor([[-1, 0], [1, 0], [0, -1], [0, 1]])
    down, right = (directions[torch.randint(4, (n,))] * sizes[:, None]).unbind(1)
    rows = (torch.arange(height) - down[:, None]) % height
    columns = (torch.arange(width) - right[:, None]) % width
    chosen = x[torch.arange(n)[:, None, None], :, rows[:, :, None], columns[:, None]]
    return chosen.movedim(-1, 1)


class Noise(nn.Module):
    """Adds a linear map of noise, with weights of its own for every pixel."""

    def __init__(self, side: int):
        super().__init__()
        self.linear = nn.Linear(NOISE, MAPS * side * side)

    def forward(self, x):
        return x + self.linear(torch.randn(len(x), NOISE)).view_as(x)


class Down(nn.Module):
    """A residual block of this stride."""

    def __init__(self, inputs: int, stride: int, first: bool = False):
        super().__init__()
        self.first = first
        self.conv = nn.Conv2d(inputs, MAPS, 3, stride, padding=1)
        self.second = nn.Conv2d(MAPS, MAPS, 3, padding=1)
        self.shortcut = (
            nn.Conv2d(inputs, MAPS, 1, stride) if stride > 1 else nn.Identity()
        )

    def forward(self, x):
        h = F.relu(self.conv(x if self.first else F.relu(x)))
        return self.second(h) + self.shortcut(x)


class Up(nn.Module):
    """A residual block that doubles height and width."""

    def __init__(self):
        super().__init__()
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(MAPS, momentum=0.1, eps=1e-3) for _ in range(2)
        )
        self.convs = nn.ModuleList(
            nn.Conv2d(MAPS, MAPS, 3, padding=1, bias=False) for _ in range(2)
        )

    def forward(self, x):
        h = F.interpolate(F.relu(self.norms[0](x)), scale_factor=2)
        h = F.relu(self.norms[1](self.convs[0](h)))
        return self.convs[1](h) + F.interpolate(x, scale_factor=2)


def down(channels: int) -> list[nn.Module]:
    """The blocks of a critic, and a ReLU."""
    first = Down(channels, 2, first=True)
    return [first, Down(MAPS, 2), Down(MAPS, 1), Down(MAPS, 1), nn.ReLU()]


class OfTriples(nn.Module):
    """Table 6: two images side by side, each half averaged, and a code."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(*down(3))
        self.head = nn.Linear(2 * MAPS + CODE, 1)

    def forward(self, x, z, y):
        h = F.avg_pool2d(self.blocks(torch.cat([x, y], 3)), 8)
        return self.head(torch.cat([h.flatten(1), z], 1))


class OfPairs(nn.Module):
    """Table 7: an image and a code."""

    def __init__(self):
        super().__init__()
        leaky = nn.LeakyReLU(0.2)
        self.image = nn.Sequential(
            nn.Conv2d(3, 64, 4, 2, padding=1),
            leaky,
            nn.Conv2d(64, 128, 4, 2, padding=1),
            leaky,
            nn.Flatten(),
        )
        self.head = nn.Sequential(
            nn.Linear(128 * 8 * 8 + CODE, 512),
            leaky,
            nn.Linear(512, 256),
            leaky,
            nn.Linear(256, 1),
        )

    def forward(self, x, z):
        return self.head(torch.cat([self.image(x), z], 1))


def networks() -> list[nn.Module]:
    """Encoder, generator, f_psi, f_tau and f_zeta, as `ks.networks.ijae_cifar10`."""
    encoder = nn.Sequential(
        Down(3, 2, first=True),
        Noise(16),
        Down(MAPS, 2),
        Noise(8),
        Down(MAPS, 2),
        Down(MAPS, 2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(4 * MAPS, CODE),
    )
    generator = nn.Sequential(
        nn.Linear(CODE, 16 * MAPS),
        nn.Unflatten(1, (MAPS, 4, 4)),
        *(Up() for _ in range(3)),
        nn.BatchNorm2d(MAPS, momentum=0.1, eps=1e-3),
        nn.ReLU(),
        nn.Conv2d(MAPS, 3, 3, padding=1),
        nn.Tanh(),
    )
    pooled = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    critic = nn.Sequential(*down(3), *pooled, nn.Linear(MAPS, 1))
    return [encoder, generator, critic, OfTriples(), OfPairs()]


class IJAE(Method):
    """Turns of the three critics, of the generator and of the encoder, on one draw.

    It has one set of networks, and computes in float32 whatever `autocast` says.
    """

    def build(self, case: str) -> None:
        self.networks = networks()
        self.encoder, self.decoder, *critics = self.networks
        self.critic, self.critic_pair, self.critic_code = critics
        own = [weight for net in critics for weight in net.parameters()]
        weights = [own, [*self.decoder.parameters()], [*self.encoder.parameters()]]
        self.players = [(one, self.adam(one)) for one in weights]
        self.losses = torch.zeros(3)

    def update(self, player: int, loss: torch.Tensor) -> None:
        """A player's turn."""
        weights, optimizer = self.players[player]
        optimizer.zero_grad()
        loss.backward(inputs=weights)
        optimizer.step()
        self.losses[player] += loss.detach()

    def step(self, x):
        """One training step on a batch."""
        z = torch.randn(len(x), CODE)
        x_p, z_q = self.decoder(z), self.encoder(x)
        fixed = z_q.detach()
        made = self.decoder(fixed)
        y_fake = made.detach() + 1e-4 * torch.randn_like(made)
        pairs = [  # above, below
            (self.critic(x), self.critic(x_p.detach())),
            (
                self.critic_pair(x, fixed, shifted(x)),
                self.critic_pair(x, fixed, y_fake),
            ),
            (self.critic_code(x, z), self.critic_code(x, fixed)),
        ]
        self.update(0, sum((F.softplus(-a) + F.softplus(b)).mean() for a, b in pairs))

        game, pair = self.critic(x_p), self.critic_pair(x, fixed, made)
        self.update(1, -(1 - self.lam) * game.mean() - self.lam * pair.mean())

        pair = self.critic_pair(x, fixed, self.decoder(z_q))
        elbo = pair.mean() + self.critic_code(x, z_q).mean()
        self.update(2, -self.lam * elbo)

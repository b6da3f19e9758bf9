"""The benchmark's PyTorch side: the same networks and losses, plainly written, eager.

`reproductions.benchmarks.training` starts it, in an environment with PyTorch and NumPy
alone.
"""

import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from reproductions.benchmarks.cases import CASES, network
from reproductions.benchmarks.worker import serve

LATENT_DIM = {"mnist": 32, "toy": 2}


def dense(inputs: int, outputs: int, batch_norm: bool) -> list[nn.Module]:
    """A hidden block: layer, ReLU, batch normalisation."""
    norm = [nn.BatchNorm1d(outputs, momentum=0.1, eps=1e-3)] if batch_norm else []
    return [nn.Linear(inputs, outputs), nn.ReLU(), *norm]


def convolution(inputs: int, outputs: int) -> list[nn.Module]:
    """The same with a 5x5 convolution that halves height and width, rounding up."""
    return [
        nn.Conv2d(inputs, outputs, 5, stride=2, padding=2),
        nn.ReLU(),
        nn.BatchNorm2d(outputs, momentum=0.1, eps=1e-3),
    ]


def transposed(inputs: int, outputs: int) -> nn.Module:
    """A 5x5 transposed convolution that doubles height and width."""
    return nn.ConvTranspose2d(inputs, outputs, 5, 2, padding=2, output_padding=1)


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
        transposed(64, 64),
        nn.ReLU(),
        nn.BatchNorm2d(64, momentum=0.1, eps=1e-3),
        transposed(64, 1),
    )
    of_x = [*convolution(1, 32), *convolution(32, 64), *convolution(64, 128)]
    critic = Critic(
        nn.Sequential(*of_x, nn.Flatten()),
        nn.Sequential(*dense(code, 1024, False)),
        nn.Linear(128 * 4 * 4 + 1024, 1),
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


class SVAE:
    """SVAE-r, one turn of the critic and one of encoder and decoder on one draw.

    Args:
        case: "mnist" (Bernoulli likelihood) or "toy" (Gaussian likelihood).
        lam: Weight of the log likelihoods.
        learning_rate: Of both Adams.
        fused: Whether Adam runs as one kernel instead of PyTorch's default.
        compiled: Whether `torch.compile` compiles the networks.
        mode: Of `torch.compile`.
        autocast: Whether networks compute in bfloat16 where PyTorch thinks it right.
    """

    def __init__(
        self,
        case: str,
        lam: float,
        learning_rate: float,
        fused: bool = False,
        compiled: bool = False,
        mode: str | None = None,
        autocast: bool = False,
    ):
        self.autocast = autocast
        self.bernoulli = case == "mnist"
        self.latent_dim, self.lam = LATENT_DIM[case], lam
        self.encoder, self.decoder, self.critic = {"mnist": mnist, "toy": toy}[case]()
        own = [*self.encoder.parameters(), *self.decoder.parameters()]
        self.own = own
        adam = {"lr": learning_rate, "eps": 1e-7, "fused": fused or None}
        self.optimizer = torch.optim.Adam(own, **adam)
        self.critic_optimizer = torch.optim.Adam(self.critic.parameters(), **adam)
        self.losses = torch.zeros(2)
        if compiled:
            for name in ("encoder", "decoder", "critic"):
                getattr(self, name).compile(mode=mode)

    def posterior(self, x):
        """q(z|x): its mean and scale."""
        mean, scale = self.encoder(x).float().chunk(2, 1)
        return mean, 1e-3 + F.softplus(scale + 0.5413249)

    def log_p(self, raw, x):
        """Log p(x|z), (batch,), from the decoder's raw output."""
        if self.bernoulli:
            terms = -F.binary_cross_entropy_with_logits(raw, x, reduction="none")
        else:
            terms = torch.distributions.Normal(raw, 1.0).log_prob(x)
        return terms.flatten(1).sum(1)

    def step(self, x):
        """One training step on a batch."""
        z = torch.randn(len(x), self.latent_dim)
        # A context for each turn: it keeps the weights that it has cast.
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.autocast):
            raw = self.decoder(z).float()
            x_p = torch.sigmoid(raw) if self.bernoulli else raw
            mean, scale = self.posterior(x)
            z_q = mean + scale * torch.randn_like(mean)
            f_p = self.critic(x_p.detach(), z).float()
            f_q = self.critic(x, z_q.detach()).float()
            critic_loss = F.softplus(-f_p).mean() + F.softplus(f_q).mean()
        self.critic_optimizer.zero_grad()
        critic_loss.backward()
        self.critic_optimizer.step()

        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.autocast):
            f_p, f_q = self.critic(x_p, z).float(), self.critic(x, z_q).float()
            log_p_x = self.log_p(self.decoder(z_q).float(), x)
            law = torch.distributions.Normal(*self.posterior(x_p))
            log_q_z = law.log_prob(z).sum(1)
            likelihoods = log_p_x.mean() + log_q_z.mean()
            loss = f_p.mean() - f_q.mean() - self.lam * likelihoods
        self.optimizer.zero_grad()
        loss.backward(inputs=self.own)
        self.optimizer.step()
        self.losses += torch.stack([critic_loss.detach(), loss.detach()])

    def run(self, batches, steps: int) -> None:
        """Runs this number of steps. Losses are read once, at the end."""
        for step in range(steps):
            self.step(batches[step % len(batches)])
        if not self.losses.isfinite().all():
            raise FloatingPointError("Expected finite losses")


def main(data: str, lam: str, learning_rate: str, threads: str) -> None:
    """Serves a block "case/how" for each case, eager and compiled."""
    torch.set_num_threads(int(threads))
    # TensorFlow does so too. Otherwise momenta of dying units would slow this side
    # down.
    torch.set_flush_denormal(True)
    about = {"versions": {"torch": torch.__version__}, "parameters": {}}
    blocks = {}
    ways = {
        "eager": {},
        "eager, fused Adam": {"fused": True},
        "compiled, fused Adam": {"fused": True, "compiled": True},
    }
    if torch.cuda.is_available():
        torch.set_default_device("cuda")
        graphs = {"fused": True, "compiled": True, "mode": "reduce-overhead"}
        ways["CUDA graphs, fused Adam"] = graphs
    for case, batches in np.load(data).items():
        if network(case) not in LATENT_DIM:
            continue
        mixed = CASES[case].dtype != "float32"
        batches = torch.tensor(batches)  # on the default device
        if batches.ndim == 5:
            batches = batches.movedim(-1, 2).contiguous()
        for name, way in ways.items():
            name += ", autocast" if mixed else ""
            way = {**way, "autocast": mixed}
            model = SVAE(network(case), float(lam), float(learning_rate), **way)
            blocks[f"{case}/{name}"] = lambda steps, model=model, batches=batches: (
                model.run(batches, steps)
            )
        about["parameters"][case] = [
            sum(p.numel() for p in net.parameters())
            for net in (model.encoder, model.decoder, model.critic)
        ]
    serve(about, blocks)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The benchmark's PyTorch side: the same networks and losses, plainly written, eager.

`reproductions.benchmarks.training` starts it, in an environment with PyTorch and NumPy
alone.
"""

import sys

import numpy as np
import torch
from torch.nn import functional as F

from reproductions.benchmarks import torch_networks
from reproductions.benchmarks.cases import CASES, network
from reproductions.benchmarks.torch_ijae import IJAE
from reproductions.benchmarks.torch_method import Method
from reproductions.benchmarks.torch_networks import LATENT_DIM
from reproductions.benchmarks.worker import serve


def gaussian(raw):
    """A Gaussian's mean and scale, of an encoder's output."""
    mean, scale = raw.float().chunk(2, 1)
    return mean, 1e-3 + F.softplus(scale + 0.5413249)


class SVAE(Method):
    """SVAE-r, one turn of the critic and one of encoder and decoder on one draw.

    Its cases: "mnist", "cifar10" (Bernoulli likelihood), "toy" (Gaussian likelihood).
    """

    def build(self, case: str) -> None:
        self.bernoulli = case != "toy"
        self.latent_dim = LATENT_DIM[case]
        self.networks = list(getattr(torch_networks, case)())
        self.encoder, self.decoder, self.critic = self.networks
        self.own = [*self.encoder.parameters(), *self.decoder.parameters()]
        self.optimizer = self.adam(self.own)
        self.critic_optimizer = self.adam(self.critic.parameters())
        self.losses = torch.zeros(2)

    def posterior(self, x):
        """q(z|x): its mean and scale."""
        return gaussian(self.encoder(x))

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


class AIM(SVAE):
    """AIM, both losses on one draw before anything is updated (algorithm 1)."""

    def step(self, x):
        """One training step on a batch."""
        z = torch.randn(len(x), self.latent_dim)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.autocast):
            features, f_p = self.critic(torch.sigmoid(self.decoder(z).float()))
            f_p, f_q = f_p.float(), self.critic(x)[1].float()
            critic_loss = F.softplus(-f_q).mean() + F.softplus(f_p).mean()
            law = torch.distributions.Normal(*gaussian(self.encoder(features)))
            code = -law.log_prob(z).sum(1).mean() / self.latent_dim
            loss = F.softplus(-f_p).mean() + code
        self.critic_optimizer.zero_grad()
        self.optimizer.zero_grad()
        critic_loss.backward(inputs=[*self.critic.parameters()], retain_graph=True)
        loss.backward(inputs=self.own)
        self.critic_optimizer.step()
        self.optimizer.step()
        self.losses += torch.stack([critic_loss.detach(), loss.detach()])


METHODS = dict.fromkeys(LATENT_DIM, SVAE) | {"aim_mnist": AIM, "ijae_cifar10": IJAE}


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
        if network(case) not in METHODS:
            continue
        mixed = CASES[case].dtype != "float32"
        batches = torch.tensor(batches)  # on the default device
        if batches.ndim == 5:
            batches = batches.movedim(-1, 2).contiguous()
        for name, way in ways.items():
            name += ", autocast" if mixed else ""
            way = {**way, "autocast": mixed}
            method = METHODS[network(case)]
            model = method(network(case), float(lam), float(learning_rate), **way)
            blocks[f"{case}/{name}"] = lambda steps, model=model, batches=batches: (
                model.run(batches, steps)
            )
        about["parameters"][case] = [
            sum(p.numel() for p in net.parameters()) for net in model.networks
        ]
    serve(about, blocks)


if __name__ == "__main__":
    main(*sys.argv[1:])

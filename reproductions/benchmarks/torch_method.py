"""PyTorch's side of the benchmark: what all of its methods share."""

import functools

import torch
from torch import nn


class Method:
    """A method with its networks and optimizers; a subclass gives `build` and `step`.

    Args:
        case: Whose networks, a name of `cases.CASES`.
        lam: Weight of the reconstruction, or of the log likelihoods.
        learning_rate: Of all Adams.
        fused: Whether Adam runs as one kernel instead of PyTorch's default.
        compiled: Whether `torch.compile` compiles the networks.
        mode: Of `torch.compile`.
        autocast: Whether networks compute in bfloat16 where PyTorch thinks it right.
    """

    networks: list[nn.Module]
    losses: torch.Tensor

    def __init__(
        self,
        case: str,
        lam: float,
        learning_rate: float,
        *,
        fused: bool = False,
        compiled: bool = False,
        mode: str | None = None,
        autocast: bool = False,
    ):
        self.lam, self.autocast = lam, autocast
        adam = {"lr": learning_rate, "eps": 1e-7, "fused": fused or None}
        self.adam = functools.partial(torch.optim.Adam, **adam)
        self.build(case)
        if compiled:
            for net in self.networks:
                net.compile(mode=mode)

    def build(self, case: str) -> None:
        """Sets `networks`, in the order of `cases.NETWORKS`, `losses`, optimizers."""
        raise NotImplementedError

    def step(self, x: torch.Tensor) -> None:
        """One training step on a batch; adds to `losses`."""
        raise NotImplementedError

    def run(self, batches: torch.Tensor, steps: int) -> None:
        """Runs this number of steps. Losses are read once, at the end."""
        for step in range(steps):
            self.step(batches[step % len(batches)])
        if not self.losses.isfinite().all():
            raise FloatingPointError("Expected finite losses")

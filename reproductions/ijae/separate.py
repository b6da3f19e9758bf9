"""A variant of lambda-IJAE for a diagnosis, not in the paper."""

import keras

import keras_svae as ks
from reproductions.engine import Parts, needed

TURNS = 5


@keras.saving.register_keras_serializable(package="reproductions")
class SeparateCritics(ks.IJAE):
    """IJAE whose critic of codes is a player of its own and has five turns in a step.

    So f_zeta, the estimate of minus KL(q(z|x) || p(z)), lags less behind the encoder
    than with one turn.
    """

    players = {
        "critic": ks.Player("critic critic_pair", optimizer="critic_optimizer"),
        "critic_code": ks.Player(
            "critic_code", optimizer="critic_code_optimizer", turns=TURNS
        ),
        "generator": ks.IJAE.players["generator"],
        "encoder": ks.IJAE.players["encoder"],
    }

    def critic_loss(self, draw):
        terms = {"x": self.critic_x_loss(draw)}
        if self.critic_pair is not None:
            terms["pair"] = self.critic_pair_loss(draw)
        return terms


@needed.requires(likelihood="shift_tanh")
def ijae_separate(parts: Parts, *, lam: float = 0.3) -> SeparateCritics:
    """IJAE, the critic of codes with five turns of its own; not in the paper."""
    laws = {"posterior": parts.posterior, "likelihood": parts.likelihood}
    return parts.game(SeparateCritics, *parts.triples(), lam=lam, **laws)

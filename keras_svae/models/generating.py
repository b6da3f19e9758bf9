"""Generation: codes of the prior, or of a sampler that the model keeps, decoded."""

import functools
from typing import Any

import keras
import tensorflow as tf

from keras_svae.game import in_parts
from keras_svae.game.export.endpoints import endpoint, made
from keras_svae.game.game import Game
from keras_svae.game.given import count
from keras_svae.noise import Noise, scope
from keras_svae.samplers.sampler import Sampler, check_codes
from keras_svae.telling import warn

__all__ = ["Generating"]

# The name of the model's own law of codes.
PRIOR = "prior"


class Generating(Game):
    """A model that draws codes and decodes them: the base of `LatentModel`."""

    prior: Any
    likelihood_law: Any
    latent_dim: int
    classes: int | None

    def generate(
        self,
        n: int,
        y=None,
        seed: int = 0,
        sampler=None,
        batch_size: int | None = None,
    ) -> tf.Tensor:
        """Draws `n` examples x ~ p(x|z), z ~ p(z): (n, ...) in the data's range.

        If the likelihood's `draw` is "mean", these are the means of p(x|z).

        Args:
            n: How many examples.
            y: Required for a conditional model: one class for all, or (n,).
            seed: The seed of the draws.
            sampler: What codes are drawn from: None or "prior" for the model's own law,
                p(z); a fitted sampler of `ks.samplers`; or the name of one that the
                model keeps, see `add_sampler`.
            batch_size: How many examples are decoded at once; None for 250. More are
                faster on a GPU and take more memory. The examples are the same, up to
                rounding.

        Raises:
            ValueError: For a sampler that is not fitted, not known, or of codes of
                another dimension.
        """
        given = in_parts.as_keyword(batch_size)
        return self.generate_pairs(n, y, seed, sampler, **given)[0]

    @endpoint("x z", name="generate")
    def generate_pairs(
        self,
        n: int,
        y=None,
        seed: int = 0,
        sampler=None,
        batch_size: int | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """What `generate` gives, and the codes (n, latent_dim) behind it."""
        n = count("n", n)
        chosen = self._chosen(sampler)
        noise = Noise(seed)
        with scope(noise):
            if chosen is None:
                z = self.draw_codes(n, noise, batch_size)
            else:
                z = chosen.draw_codes(n, noise)
            return self._sampled(z, self._classes(y, n), noise, batch_size), z

    def draw_codes(
        self, n: "int | tf.Tensor", noise: Noise, batch_size: int | None = None
    ) -> tf.Tensor:
        """n codes of the model's own law, (n, latent_dim)."""
        return self.prior.sample(n, seed=noise.seed("z"))

    def _sampled(self, z, y, noise: Noise, batch_size: int | None) -> tf.Tensor:
        raise NotImplementedError

    def _classes(self, y, n) -> tf.Tensor | None:
        raise NotImplementedError

    # ---- Samplers that the model keeps -------------------------------------------

    @property
    def samplers(self) -> dict[str, Any]:
        """The samplers that the model keeps, by name."""
        return {one.name: one for one in self._parts_of(Sampler)}

    def add_sampler(self, sampler) -> None:
        """Keeps a fitted sampler under its own name. It replaces one of that name.

        It is saved with the model, `generate` knows its name, and the SavedModel has an
        endpoint `generate_NAME`.

        Args:
            sampler: A fitted sampler of `ks.samplers`.

        Raises:
            ValueError: If it is not fitted, of codes of another dimension, or if the
                model has no encoder, has classes, or codes that have a category.

        Example:
            mixture = ks.samplers.GaussianMixture(10, name="mixture")
            model.add_sampler(mixture.fit(model, train))
            model.generate(64, sampler="mixture")
        """
        self._check_sampler(sampler)
        self._keep_sampler(sampler)

    def _keep_sampler(self, sampler) -> None:
        self.remove_sampler(sampler.name, missing_ok=True)
        self._keep_part(sampler)

    def remove_sampler(self, name: str, *, missing_ok: bool = False) -> None:
        """Gives up a sampler that the model keeps.

        Args:
            name: Its name.
            missing_ok: Whether there may be none of this name.

        Raises:
            ValueError: If there is none of this name.
        """
        if name not in self.samplers:
            if missing_ok:
                return
            self._check_known(name)
        self._give_up_part(self.samplers[name])

    def _chosen(self, sampler):
        """The sampler that is meant; None for the model's own law."""
        if sampler is None or (isinstance(sampler, str) and sampler == PRIOR):
            return None
        if isinstance(sampler, str):
            self._check_known(sampler)
            sampler = self.samplers[sampler]
            sampler.check_fitted()
        else:
            self._check_sampler(sampler)
        with tf.init_scope():  # also while an endpoint is traced
            fitted_at, now = sampler.fitted_at, self.step
        if 0 <= fitted_at != now:
            warn(
                f"The sampler {sampler.name!r} was fitted at step {fitted_at} of "
                f"training, and the model is at step {now}: codes may have changed. "
                "Fit the sampler again."
            )
        return sampler

    def _check_known(self, name: str) -> None:
        if name not in self.samplers:
            raise ValueError(
                f"Expected the name of a sampler that the model keeps, one of "
                f"{[PRIOR, *self.samplers]}; received: {name!r}"
            )

    def _check_sampler(self, sampler, *, fitted: bool = True) -> None:
        if not isinstance(sampler, Sampler):
            raise ValueError(
                "Expected a sampler of ks.samplers, the name of one that the model "
                f"keeps, or None; received: {sampler!r}"
            )
        if fitted:
            sampler.check_fitted()
        check_codes(self.about(), offers=hasattr(self, "encoder"))
        if sampler.latent_dim != self.latent_dim:
            raise ValueError(
                f"Expected a sampler of codes of {self.latent_dim} dimensions; "
                f"received: {type(sampler).__name__} of {sampler.latent_dim}"
            )

    def about(self) -> dict:
        raise NotImplementedError

    def endpoints(self):
        """See `Game.endpoints`; also `generate_NAME` for each sampler."""
        found, specs = super().endpoints(), self.input_specs()
        for name in self.samplers:
            method = functools.partial(self.generate_pairs, sampler=name)
            found[f"generate_{name}"] = made(method, ["x", "z"], {}, specs)
        return found

    def get_config(self):
        config = super().get_config()
        if self.samplers:
            serialized = keras.saving.serialize_keras_object
            config["samplers"] = [serialized(one) for one in self.samplers.values()]
        return config

    @classmethod
    def from_config(cls, config):
        given = dict(config)
        kept = given.pop("samplers", [])
        model = super().from_config(given)
        for one in kept:
            sampler = keras.saving.deserialize_keras_object(one)
            model._check_sampler(sampler, fitted=False)  # its weights come later
            model._keep_sampler(sampler)
        return model

"""Adversarial domain adaptation, as in On Unifying Deep Generative Models."""

import keras
import tensorflow as tf

from keras_svae.game import checks
from keras_svae.game.critic import Critic
from keras_svae.game.export.endpoints import endpoint
from keras_svae.game.game import Game, Player
from keras_svae.game.once import once
from keras_svae.game.terms import Term, over_data
from keras_svae.models.classes import accuracy, cross_entropy
from keras_svae.noise import Noise, scope
from keras_svae.ratios import as_above, as_below

__all__ = ["AdversarialDomainAdaptation"]


class DomainDraw:
    """Features of both domains in one turn; each computed once, when first asked for.

    Attributes:
        noise: The source of everything random in this turn.
        log: Scalars to log that belong to no loss.
        y: Classes of the source (batch,).
        y_target: Classes of the target, -1 if they are unknown.
    """

    def __init__(self, model, batch, noise: Noise, training: bool):
        self.model, self.noise, self.training = model, noise, training
        (self._source, self.y), (self._target, self.y_target) = batch
        self.log: dict[str, tf.Tensor] = {}

    @once
    def source(self):
        """G(x) of the source, (batch, ...)."""
        return self.model.extractor(self._source, training=self.training)

    @once
    def target(self):
        """G(x) of the target, (batch, ...)."""
        return self.model.extractor(self._target, training=self.training)


@keras.saving.register_keras_serializable(package="keras_svae")
class AdversarialDomainAdaptation(Game):
    """Adversarial domain adaptation, ADA (Ganin et al., 2016; Hu et al., 2018).

    A classifier has to work on a target domain. It learns from the labels of a source
    domain, on features G(x) by which a critic cannot tell the two domains apart. The
    critic minimises, (18),

        E_source softplus(-f(G(x))) + E_target softplus(f(G(x))),

    and `f* = log p(features|source) - log p(features|target)`. Extractor and classifier
    minimise

        E_source [-log q(y|G(x))]  +  lam times the above, the domains swapped,

    (19) and (18). With lam = 0 the critic has no influence.

    It is fitted to pairs of batches, `((x, y), x_target)`. A batch of the target may be
    a pair, too. Its classes are then used only for evaluation.

    Args:
        extractor: G, network from data to features (batch, ...).
        classifier: Network from features to logits (batch, classes).
        critic: Network from features to one unbounded logit, (batch, 1).
        lam: Weight of the adversary, >= 0; 1 in (18).
        **kwargs: `seed`, `turns`, `play`, `name`: see `Game`.

    Raises:
        ValueError: For a negative lam, or networks that do not fit together.

    Example:
        model = ks.AdversarialDomainAdaptation(extractor, classifier, critic)
        model.compile(optimizer="adam", critic_optimizer="adam")
        source = ks.data.load("mnist", labels=True)
        model.fit(tf.data.Dataset.zip(source, target), epochs=10)
        model.classify(x)           # probabilities, (batch, classes)
    """

    players = {
        "critic": Player("critic", optimizer="critic_optimizer"),
        "classifier": Player("extractor classifier"),
    }
    sampled_from = "extractor"
    reads_pairs = True  # in training, of both domains
    weightless = "its data are pairs of two domains' batches"
    f = Critic("critic", "features", above="source", below="target")

    def __init__(self, extractor, classifier, critic, *, lam: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        self.extractor = checks.network("extractor", extractor)
        read = checks.inputs("extractor", extractor, "x", conditional=False)
        self.data_shape, made = tuple(read[0][1:]), extractor.output_shape[1:]
        why = "what the extractor makes"
        self.classifier = checks.classifier("classifier", classifier, made, why=why)
        self.f.use(critic)
        self.classes = classifier.output_shape[-1]
        self.lam = checks.weight("lam", lam)

    def draw(self, batch, noise, training):
        return DomainDraw(self, batch, noise, training)

    def unpack(self, data):
        if not isinstance(data, (tuple, list)) or len(data) != 2:
            raise ValueError(_expected(f"{type(data).__name__} for both"))
        source, target = data
        if not isinstance(source, (tuple, list)) or len(source) != 2:
            raise ValueError(_expected("no y for the source"))
        if not isinstance(target, (tuple, list)):
            target = target, tf.fill(tf.shape(target)[:1], tf.constant(-1, tf.int64))
        return tuple(source), tuple(target)

    def batch_spec(self):
        x = tf.TensorSpec((None, *self.data_shape), tf.float32)
        y = tf.TensorSpec((None,), tf.int64)
        return (x, y), (x, y)

    def check_data(self, batch):
        for (x, y), unlabelled in zip(batch, (False, True), strict=True):
            checks.images(x, self.data_shape, None)
            checks.classes(y, self.classes, x.shape[0], unlabelled)

    def check_inputs(self, inputs):
        checks.images(inputs, self.data_shape, None)

    def log_classes(self, features, training=False) -> tf.Tensor:
        """log q(y|features), (batch, classes)."""
        logits = self.classifier(features, training=training)
        return tf.nn.log_softmax(tf.cast(logits, tf.float32))

    def critic_loss(self, draw):
        """Minus the first of (18)."""
        source, target = (
            self.f(features, training=draw.training)
            for features in (draw.source, draw.target)
        )
        draw.log["symmetric_kl"] = over_data(source) - _over_target(target)
        return over_data(as_above(source)) + _over_target(as_below(target))

    def classifier_loss(self, draw):
        """Minus (19), and minus the second of (18), with the two domains exchanged."""
        log_q = self.log_classes(draw.source, draw.training)
        target = self.f.as_above(draw.target, training=draw.training)
        source = self.f.as_below(draw.source, training=draw.training)
        domain = _over_target(target) + over_data(source)
        return {
            "classification": cross_entropy(log_q, draw.y),
            "domain": self.lam * domain,
        }

    def observe(self, draw):
        return {
            "accuracy_source": accuracy(self.log_classes(draw.source), draw.y),
            "accuracy_target": accuracy(self.log_classes(draw.target), draw.y_target),
        }

    def call(self, inputs, training=False):
        """Classifies data: gives probabilities of classes, as `classify`."""
        features = self.extractor(inputs, training=training)
        return tf.exp(self.log_classes(features, training))

    @endpoint("probabilities")
    def classify(self, x) -> tf.Tensor:
        """The probabilities q(y|G(x)), (batch, classes), of data (batch, ...)."""
        return tf.exp(self.log_classes(self.features(x)))

    @endpoint("features")
    def features(self, x) -> tf.Tensor:
        """G(x), (batch, ...), of data (batch, ...)."""
        x = tf.convert_to_tensor(x)
        if tf.executing_eagerly():
            checks.images(x, self.data_shape, None)
        with scope(Noise(0)):
            return self.extractor(tf.cast(x, tf.float32), training=False)

    def input_specs(self):
        shapes = {
            "x": self.data_shape,
            "features": self.extractor.output_shape[1:],
        }
        specs = {k: tf.TensorSpec([None, *s], tf.float32) for k, s in shapes.items()}
        return {**super().input_specs(), **specs}


def _over_target(values: tf.Tensor) -> Term:
    """The mean over the target's examples, which may be more or fewer."""
    values = tf.squeeze(values, -1)
    return over_data(values, where=tf.ones_like(values, tf.bool))


def _expected(received: str) -> str:
    return (
        "Expected pairs of batches ((x, y), x_target), as "
        "tf.data.Dataset.zip(source, target) gives them of a labelled source and a "
        f"target; received: {received}"
    )

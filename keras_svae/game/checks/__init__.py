"""What a model refuses before training starts, and how it reports this."""

from keras_svae.game.checks.data import (
    batch_norms,
    classes,
    images,
    labels,
    like_spec,
    normalises_examples,
)
from keras_svae.game.checks.laws import (
    explicit,
    in_prior,
    law,
    raw_for,
    raw_output,
    supports,
)
from keras_svae.game.checks.losses import (
    adds_columns,
    has_own_step,
    observed,
    own_name,
    terms,
    without_effect,
)
from keras_svae.game.checks.networks import (
    apart,
    classifier,
    critic,
    functional,
    inputs,
    known_noise,
    known_shapes,
    network,
)
from keras_svae.game.checks.optimizers import (
    check_serves,
    in_scope,
    optimizer_names,
    optimizers,
    spares_weights,
)
from keras_svae.game.checks.values import (
    all_finite,
    choice,
    counts,
    counts_of,
    flag,
    fraction,
    integer,
    new_folder,
    positive,
    reads,
    seed,
    shapes,
    trains_here,
    weight,
    weight_or_pair,
    within,
)
from keras_svae.game.checks.weights import (
    class_weight,
    class_weight_of_batches,
    sample_weight,
)

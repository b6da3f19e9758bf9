"""Data sets that say how many batches they have."""

import tensorflow as tf

from keras_svae.game.feeding.known import Known


def test_parts_of_a_data_set_of_known_length_have_known_lengths():
    data = Known(tf.data.Dataset.range(5).filter(lambda one: one < 4), 4)
    assert int(data.cardinality()) == 4 == len(list(data))
    expected = {data.take(-1): 4, data.take(2): 2, data.take(9): 4, data.skip(3): 1}
    for part, count in expected.items():
        assert int(part.cardinality()) == count == len(list(part))

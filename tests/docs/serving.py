"""What TensorFlow Serving does with JSON, by its documentation and source.

Its REST interface is in `tensorflow_serving/util/json_tensor.cc` and
`tensorflow_serving/g3doc/api_rest.md`. There is no server here.
"""

import numpy as np
import tensorflow as tf


def answer(signatures, request: dict) -> dict:
    """The response to a request of a predict call.

    Raises:
        ValueError: Where the server refuses the request.
    """
    served = signatures[request.get("signature_name", "serving_default")]
    wanted = served.structured_input_signature[1]
    if not wanted:
        raise ValueError("Failed to get input map for signature")
    rows = "instances" in request
    given = _of_rows(request["instances"], wanted) if rows else request["inputs"]
    if not isinstance(given, dict):
        (name,) = wanted  # one input needs no name
        given = {name: given}
    if set(given) != set(wanted):
        raise ValueError(f"keys must be equal to {sorted(wanted)}")
    found = served(**{name: _tensor(given[name], wanted[name]) for name in wanted})
    found = {name: value.numpy().tolist() for name, value in found.items()}
    if not rows:
        return {"outputs": found if len(found) > 1 else next(iter(found.values()))}
    count = len(request["instances"])
    if any(np.ndim(one) == 0 or len(one) != count for one in found.values()):
        raise ValueError("Batch size of outputs does not match")
    if len(found) == 1:
        return {"predictions": next(iter(found.values()))}
    each = [
        dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True)
    ]
    return {"predictions": each}


def _of_rows(rows: list, wanted: dict) -> dict:
    if not isinstance(rows[0], dict):
        (name,) = wanted
        return {name: rows}
    return {name: [row[name] for row in rows] for name in rows[0]}


def _tensor(value, spec: tf.TensorSpec) -> tf.Tensor:
    made = tf.constant(value, spec.dtype)
    if not spec.shape.is_compatible_with(made.shape):
        raise ValueError(f"shape {made.shape} does not match {spec.shape}")
    return made

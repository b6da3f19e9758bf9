"""Random weights of the Inception network of 2015, by the names in its file."""

import numpy as np


def inception(part=1):
    """Weights of the Inception network of 2015, float32.

    NumPy's legacy generator draws them: its numbers never change.

    Args:
        part: The published numbers of channels are divided by this.
    """
    rng = np.random.RandomState(0)
    found = {}

    def add(name, out, into, height, width=None):
        out, width = out // part, width or height
        shape = (out, into, height, width)
        scale = np.sqrt(2 / (into * height * width))
        found[f"{name}.conv.weight"] = scale * rng.standard_normal(shape)
        found[f"{name}.bn.weight"] = 1 + 0.2 * rng.standard_normal(out)
        found[f"{name}.bn.bias"] = 0.2 * rng.standard_normal(out)
        found[f"{name}.bn.running_mean"] = 0.2 * rng.standard_normal(out)
        found[f"{name}.bn.running_var"] = 0.5 + rng.random_sample(out)
        found[f"{name}.bn.num_batches_tracked"] = np.array(7)
        return out

    def chain(name, into, *steps):
        for i, step in enumerate(steps, 1):
            into = add(f"{name}_{i}", step[0], into, *step[1:])
        return into

    x = add("Conv2d_1a_3x3", 32, 3, 3)
    x = add("Conv2d_2a_3x3", 32, x, 3)
    x = add("Conv2d_2b_3x3", 64, x, 3)
    x = add("Conv2d_3b_1x1", 80, x, 1)
    x = add("Conv2d_4a_3x3", 192, x, 3)
    for name, pool in (("Mixed_5b", 32), ("Mixed_5c", 64), ("Mixed_5d", 64)):
        x = (
            add(f"{name}.branch1x1", 64, x, 1)
            + chain(f"{name}.branch5x5", x, (48, 1), (64, 5))
            + chain(f"{name}.branch3x3dbl", x, (64, 1), (96, 3), (96, 3))
            + add(f"{name}.branch_pool", pool, x, 1)
        )
    x += add("Mixed_6a.branch3x3", 384, x, 3) + chain(
        "Mixed_6a.branch3x3dbl", x, (64, 1), (96, 3), (96, 3)
    )
    for name, c in zip("bcde", (128, 160, 160, 192), strict=True):
        name = f"Mixed_6{name}"
        row, column = (c, 1, 7), (c, 7, 1)
        x = (
            add(f"{name}.branch1x1", 192, x, 1)
            + chain(f"{name}.branch7x7", x, (c, 1), row, (192, 7, 1))
            + chain(f"{name}.branch7x7dbl", x, (c, 1), column, row, column, (192, 1, 7))
            + add(f"{name}.branch_pool", 192, x, 1)
        )
    x += chain("Mixed_7a.branch3x3", x, (192, 1), (320, 3)) + chain(
        "Mixed_7a.branch7x7x3", x, (192, 1), (192, 1, 7), (192, 7, 1), (192, 3)
    )
    for name in ("Mixed_7b", "Mixed_7c"):
        one = add(f"{name}.branch3x3_1", 384, x, 1)
        two = chain(f"{name}.branch3x3dbl", x, (448, 1), (384, 3))
        x = (
            add(f"{name}.branch1x1", 320, x, 1)
            + add(f"{name}.branch3x3_2a", 384, one, 1, 3)
            + add(f"{name}.branch3x3_2b", 384, one, 3, 1)
            + add(f"{name}.branch3x3dbl_3a", 384, two, 1, 3)
            + add(f"{name}.branch3x3dbl_3b", 384, two, 3, 1)
            + add(f"{name}.branch_pool", 192, x, 1)
        )
    classes = 1008 // part
    found["fc.weight"] = rng.standard_normal((classes, x)) / np.sqrt(x)
    found["fc.bias"] = rng.standard_normal(classes)
    return {
        name: array.astype(np.float32 if array.dtype.kind == "f" else np.int64)
        for name, array in found.items()
    }

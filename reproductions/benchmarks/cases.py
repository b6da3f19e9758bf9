"""What the benchmark of training times: cases, kinds of blocks, and their turns."""

import dataclasses
import pathlib
from typing import Any

import numpy as np

LAM, LEARNING_RATE = 0.1, 1e-4

# Steps per call of the graph, in the configurations that have several.
STEPS = 16
GRAPH, ALONE = "graph", "our step alone"
# The time of a step's operations, and of Adam's update of all weights in one kernel.
FLOOR, UPDATE = "floor", "the update alone"
# What `compile` is given.
CONFIGURATIONS = {
    GRAPH: {},
    "XLA": {"jit_compile": True},
    f"graph, {STEPS} steps per execution": {"steps_per_execution": STEPS},
    f"XLA, {STEPS} steps per execution": dict(
        jit_compile=True, steps_per_execution=STEPS
    ),
}
# A process of its own, in which operations run side by side, each on one thread.
ONE_THREAD = "1 thread per operation"
EAGER, FUSED = ("torch", "eager"), ("torch", "eager, fused Adam")
COMPILED = ("torch", "compiled, fused Adam")
# Where XLA has run, the same process runs graphs without XLA a quarter slower. So what
# XLA compiles, and Keras's own choice is XLA, has a process of its own.
PLAIN = ("keras_xla", "plain Keras")
PYTHAE = ("pythae", "pythae")
# A model's networks, as far as it has them.
NETWORKS = ("encoder", "decoder", "critic", "critic_pair", "critic_code")
AUTOCAST = ("torch", "eager, fused Adam, autocast")
COMPILED_AUTOCAST = ("torch", "compiled, fused Adam, autocast")


@dataclasses.dataclass(frozen=True)
class Case:
    """What is timed.

    Args:
        batch: Examples of a step.
        steps: Of a block.
        rounds: Blocks of each kind.
        goals: By reference, the largest ratio of our best median to its median.
        references: (worker, name); each but the first stands before each of ours once
            a round, the first before all: A B A B.
        ours: Names of `CONFIGURATIONS`.
        on_one_thread: Those of them that are timed with one thread per operation, too.
        gflop: Of a step, for the floor.
        dtype: What layers compute in; the weights are float32.
    """

    batch: int
    steps: int
    rounds: int
    goals: dict[str, float]
    references: tuple[tuple[str, str], ...] = (EAGER, FUSED, COMPILED, PLAIN)
    ours: tuple[str, ...] = tuple(CONFIGURATIONS)
    on_one_thread: tuple[str, ...] = (GRAPH, f"graph, {STEPS} steps per execution")
    gflop: float | None = None
    dtype: str = "float32"

    @property
    def all_of_ours(self) -> list[str]:
        """The names of our blocks."""
        return [*self.ours, *map(one_thread, self.on_one_thread)]


def one_thread(kind: str) -> str:
    """The name of this configuration's blocks with one thread per operation."""
    return f"{kind}, {ONE_THREAD}"


AGAINST_PYTHAE: dict[str, Any] = {
    "batch": 100, "steps": 12 * STEPS, "rounds": 9, "references": (PYTHAE,),
    "goals": {"pythae": 0.5},
    "ours": (GRAPH, f"graph, {STEPS} steps per execution"),
}  # fmt: skip
WITHOUT_GOALS: dict[str, Any] = {
    "batch": 64, "steps": STEPS, "rounds": 5, "goals": {},
    "references": (FUSED, EAGER, COMPILED), "ours": (GRAPH,), "on_one_thread": (GRAPH,),
}  # fmt: skip
CASES = {
    "mnist": Case(64, STEPS, 9, {"eager": 0.75, "eager, fused Adam": 0.8}, gflop=17.5),
    "mnist_bfloat16": Case(
        64,
        STEPS,
        9,
        {AUTOCAST[1]: 0.65, COMPILED_AUTOCAST[1]: 0.65},
        references=(AUTOCAST, COMPILED_AUTOCAST),
        ours=(GRAPH, f"graph, {STEPS} steps per execution"),
        dtype="bfloat16",
    ),
    "cifar10": Case(**WITHOUT_GOALS),
    "aim_mnist": Case(**WITHOUT_GOALS),
    # Fewer examples and steps: a step of five residual networks takes a second.
    "ijae_cifar10": Case(**WITHOUT_GOALS | {"batch": 16, "steps": 8}),
    "toy": Case(128, 20 * STEPS, 9, {"eager, fused Adam": 0.4}),
    "vae": Case(**AGAINST_PYTHAE),
    "aae": Case(**AGAINST_PYTHAE),
    "wae": Case(**AGAINST_PYTHAE),
}


def usual() -> list[str]:
    """The cases for this processor: bfloat16 where it has instructions for it."""
    flags = pathlib.Path("/proc/cpuinfo")
    known = flags.read_text(encoding="utf-8") if flags.is_file() else ""
    bfloat16 = "avx512_bf16" in known or "amx_bf16" in known
    return [name for name, case in CASES.items() if bfloat16 or case.dtype == "float32"]


def network(case: str) -> str:
    """Whose networks a case has: "mnist", say, or a method of pythae's."""
    return case.removesuffix("_bfloat16")


def batches(case: str, number: int = 16) -> np.ndarray:
    """Batches (number, batch, ...) float32: blobs like strokes, or five Gaussians."""
    generator = np.random.default_rng(0)
    batch = CASES[case].batch
    if case == "toy":
        centers = np.array([[0, 0], [2, 2], [2, -2], [-2, 2], [-2, -2]])
        chosen = centers[generator.integers(5, size=(number, batch))]
        return (chosen + 0.2 * generator.normal(size=chosen.shape)).astype("float32")
    side, channels = (32, 3) if case.endswith("cifar10") else (28, 1)
    rows, columns = np.mgrid[:side, :side]
    centers = generator.uniform(8, 20, size=(number, batch, 2, 1, 1))
    squares = (rows - centers[:, :, 0]) ** 2 + (columns - centers[:, :, 1]) ** 2
    grey = np.exp(-squares / 18)[..., None].astype("float32")
    images = np.repeat(grey, channels, axis=-1)
    return 2 * images - 1 if case.startswith("ijae") else images  # in [-1, 1]


def order(case: Case) -> list[tuple[str, str]]:
    """The turns of a round: the first reference before each other kind, A B A C."""
    first, *others = case.references
    others += [("keras_xla" if "XLA" in n else "keras", n) for n in case.ours]
    others += [("keras_one", one_thread(name)) for name in case.on_one_thread]
    if case.gflop or first is EAGER:
        others += [("keras", ALONE)]
    if case.gflop:
        others += [("keras", FLOOR), ("keras", UPDATE)]
    return [turn for one in others for turn in (first, one)]

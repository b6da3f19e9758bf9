"""On how many devices and machines a run trains: `--strategy` and `--replicas`."""

import functools
import json
import os
from collections.abc import Callable
from typing import Any, TypeVar

import tensorflow as tf

from keras_svae.game.devices import workers

__all__ = ["about", "completed", "first_alone", "strategy"]

resolvers = tf.distribute.cluster_resolver

T = TypeVar("T")
# Where Slurm's workers listen: ports of the job, as several jobs may share a node.
_PORTS = range(20_000, 50_000, 32)


def completed(given: dict) -> dict:
    """Settings with `replicas` and `strategy` as they follow from each other.

    Only `multiworker` stays: any other strategy follows from `replicas`.

    Raises:
        ValueError: If the two contradict each other, or there is no cluster.
    """
    name, replicas = given.get("strategy"), given.get("replicas")
    found = {n: v for n, v in given.items() if n != "strategy"}
    if name == "none" and replicas not in (None, 1):
        raise ValueError(
            f"Expected replicas=1 with strategy=none; received: replicas={replicas}"
        )
    if name == "multiworker":
        there = len(_tasks(cluster())) * max(1, len(_gpus()))
        if replicas not in (None, there):
            raise ValueError(
                f"Expected replicas={there}, those of all workers, or none; received: "
                f"replicas={replicas}"
            )
        found |= {"replicas": there, "strategy": name}
    elif name == "mirrored" and replicas in (None, 1):
        if len(_gpus()) < 2:
            raise ValueError(
                "Expected at least 2 GPUs, or replicas= with the number of logical "
                f"CPUs, with strategy=mirrored; received: {len(_gpus())} GPUs, "
                f"replicas={replicas}"
            )
        found["replicas"] = len(_gpus())
    return found


def _gpus() -> list:
    return tf.config.list_physical_devices("GPU")


def strategy(replicas: int, name: str | None = None) -> tf.distribute.Strategy:
    """How a run is spread: as settings that `completed` gave say it.

    Raises:
        ValueError: If there are too few GPUs, or TensorFlow has started with too few
            logical CPUs, or before it was told of the cluster.
    """
    if name == "multiworker":
        return _multiworker()
    if replicas == 1:
        return tf.distribute.get_strategy()
    if gpus := len(_gpus()):
        if gpus < replicas:
            raise ValueError(
                f"Expected {replicas} GPUs for replicas={replicas}; received: {gpus}"
            )
        return tf.distribute.MirroredStrategy([f"GPU:{i}" for i in range(replicas)])
    cpu = tf.config.list_physical_devices("CPU")[0]
    one = tf.config.LogicalDeviceConfiguration()
    try:
        tf.config.set_logical_device_configuration(cpu, [one] * replicas)
    except RuntimeError as error:  # too late, but there may be enough devices
        if len(tf.config.list_logical_devices("CPU")) < replicas:
            raise ValueError(
                f"Expected {replicas} logical CPUs for replicas={replicas}; "
                "received: a TensorFlow that has started with fewer"
            ) from error
    # TensorFlow numbers the collective reductions of each strategy anew: on CPUs a
    # second strategy in a process would meet the first one's.
    return tf.distribute.MirroredStrategy(
        [f"CPU:{i}" for i in range(replicas)],
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )


@functools.cache  # TensorFlow connects to a cluster once in a process
def _multiworker() -> tf.distribute.Strategy:
    try:
        return tf.distribute.MultiWorkerMirroredStrategy(cluster())
    except RuntimeError as error:
        raise ValueError(
            "Expected a process that connects to its cluster before anything else; "
            "received: a TensorFlow that has started already"
        ) from error


def cluster() -> resolvers.ClusterResolver:
    """The workers of this run and which of them this process is.

    TF_CONFIG says it, or Slurm's variables in a step that `srun` started.

    Raises:
        ValueError: If neither does, or one of them cannot be read.
    """
    if told := os.environ.get("TF_CONFIG"):
        try:
            config = json.loads(told)
            address = config["cluster"][config["task"]["type"]]
            address[int(config["task"]["index"])]
            others = {*config["cluster"]} - {"chief", "worker"}
        except (ValueError, KeyError, TypeError, IndexError):
            others = {"not that"}
        if others:
            raise ValueError(
                'Expected TF_CONFIG={"cluster": {"worker": ["HOST:PORT", ...]}, '
                '"task": {"type": "worker", "index": 0}}, with this process among the '
                f"workers; received: {told}"
            )
        return resolvers.TFConfigClusterResolver()
    if "SLURM_PROCID" in os.environ and "SLURM_STEP_NODELIST" in os.environ:
        return _slurm()
    raise ValueError(
        "Expected TF_CONFIG, or the variables of a step that Slurm's `srun` started, "
        "with strategy=multiworker; received: neither"
    )


def _slurm() -> resolvers.ClusterResolver:
    port = _PORTS[int(os.environ.get("SLURM_JOB_ID", 0)) % len(_PORTS)]
    # `srun --gpus-per-task` says which GPUs a task sees. The resolver's own way fails
    # on nodes without GPUs, so it is given numbers that it does not use.
    resolver = resolvers.SlurmClusterResolver(
        port_base=port,
        gpus_per_node=len(_PORTS),
        gpus_per_task=1,
        auto_set_gpu=False,
    )
    spec, (_, index) = resolver.cluster_spec(), resolver.get_task_info()
    # The resolver sorts nodes by name (node10 before node9), Slurm does not.
    node, place = os.environ.get("SLURMD_NODENAME"), os.environ.get("SLURM_LOCALID")
    addresses = spec.as_dict()["worker"]
    if node is not None and place is not None:
        address = f"{node}:{port + int(place)}"
        index = addresses.index(address) if address in addresses else index
    return resolvers.SimpleClusterResolver(
        spec, task_type="worker", task_id=index, rpc_layer="grpc"
    )


def _tasks(resolver: resolvers.ClusterResolver) -> list[str]:
    return [one for kind in resolver.cluster_spec().as_dict().values() for one in kind]


def about(strategy: tf.distribute.Strategy) -> dict:
    """What a record says of it; nothing of one device."""
    replicas = strategy.num_replicas_in_sync
    several = workers.are_several(strategy)
    if replicas == 1 and not several:
        return {}
    count = len(_tasks(strategy.cluster_resolver)) if several else 1
    name = "multiworker" if several else "mirrored"
    return {"strategy": {"name": name, "replicas": replicas, "workers": count}}


def first_alone(
    strategy: tf.distribute.Strategy, does: Callable[[], T], others: Any = None
) -> T:
    """What the first worker does, while all others wait for it and get `others`.

    Raises:
        ChildProcessError: On the other workers, if the first one has an error.
    """
    if not workers.are_several(strategy):
        return does()
    if not workers.is_first(strategy):
        if any(workers.gathered(strategy, 0)):
            raise ChildProcessError(
                "Expected the first worker to go on; received: an error there, which "
                "its own output shows"
            )
        return others
    try:
        made = does()
    except BaseException:  # the others would wait for ever
        workers.gathered(strategy, 1)
        raise
    workers.gathered(strategy, 0)
    return made

"""Counts the nodes of each method's training step, after TensorFlow's optimisation.

A model is fitted for one step on a `tf.data.Dataset` of batches of 64, as users do.
What `tf.summary.trace_on` and `trace_export` write holds the graph of Keras's train
function as Grappler left it. Most functions are inlined in it, and one that is not
counts at each of its calls. Nodes that compute nothing do not count, see `LEFT_OUT`.

Grappler's rewriting depends on whether oneDNN is on, which TensorFlow decides by the
processor. This command turns it on, so that counts agree between machines; set
TF_ENABLE_ONEDNN_OPTS=0 for those without it.

    python -m reproductions.benchmarks.nodes --methods SVAE sVAE-r --json FILE

A file of another checkout, to compare with:

    PYTHONPATH=CHECKOUT python -P reproductions/benchmarks/nodes.py --json FILE
"""

# ruff: noqa: E402
import argparse
import collections
import os
import pathlib
import tempfile
import time

if __name__ == "__main__":
    # TensorFlow reads it when it is imported. Tests have imported it before.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import keras
import tensorflow as tf

from reproductions.benchmarks.nodes_models import (
    BATCH,
    METHODS,
    MNIST_ONLY,
    NETWORKS,
    SEED,
    batch,
    compiled,
)
from reproductions.engine.files import write_json
from reproductions.engine.results import record

# Arguments, results, and the reading of values; then how a step is handed its batch,
# and how one of Keras's own train function hands back its logs.
LEFT_OUT = frozenset(
    "Const Identity IdentityN NoOp Placeholder ReadVariableOp _Arg _Retval _Send _Recv "
    "VarHandleOp IteratorGetNext OptionalFromValue".split()
)


def traced(run) -> list[tf.compat.v1.GraphDef]:
    """The graphs that TensorFlow has optimised while `run()` ran."""
    with tempfile.TemporaryDirectory() as folder:
        with tf.summary.create_file_writer(folder).as_default():
            tf.summary.trace_on(graph=True, profiler=False)
            try:
                run()
                tf.summary.trace_export("step", step=0)
            finally:
                tf.summary.trace_off()
        (path,) = pathlib.Path(folder).iterdir()
        events = [
            tf.compat.v1.Event.FromString(one.numpy())
            for one in tf.data.TFRecordDataset(str(path))
        ]
    values = [value for event in events for value in event.summary.value]
    (metadata,) = [value.tensor.string_val[0] for value in values]
    found = tf.compat.v1.RunMetadata.FromString(metadata)
    return [one.post_optimization_graph for one in found.function_graphs]


def train_function(graphs: list[tf.compat.v1.GraphDef]) -> tf.compat.v1.GraphDef:
    """The train function: it alone takes a batch from the data and computes.

    Raises:
        ValueError: If there is not exactly one.
    """
    mark = "IteratorGetNext"
    found = [
        graph
        for graph in graphs
        if mark in {node.op for node in graph.node} and count(graph)
    ]
    if len(found) != 1:
        raise ValueError(
            f"Expected one graph with {mark}; received: {len(found)} of {len(graphs)}"
        )
    return found[0]


def count(graph: tf.compat.v1.GraphDef) -> collections.Counter:
    """How many nodes of each kind run, without those of `LEFT_OUT`.

    A node that calls a function of the graph's library counts, and so do the function's
    nodes, at each call. Both branches of a condition count, and a loop's body once.
    """
    functions = {one.signature.name: one.node_def for one in graph.library.function}

    def called(node):
        if node.op in functions:
            yield node.op
        for value in node.attr.values():
            for one in (value.func, *value.list.func):
                if one.name:
                    yield one.name

    def walk(nodes):
        kinds = collections.Counter()
        for node in nodes:
            kinds[node.op] += 1
            for name in called(node):
                if name not in functions:
                    raise ValueError(
                        "Expected the graph's library to hold each function that is "
                        f"called; received: {name!r} of {node.name!r} without one"
                    )
                kinds += walk(functions[name])
        return kinds

    kinds = walk(graph.node)
    return collections.Counter(
        {kind: number for kind, number in kinds.items() if kind not in LEFT_OUT}
    )


def measure(method: str, networks: str) -> dict:
    """A method's row: the total, the kinds by number, and what it took.

    Args:
        method: One of `METHODS`.
        networks: One of `NETWORKS`.
    """
    start = time.perf_counter()
    model = compiled(method, networks)
    data = tf.data.Dataset.from_tensors(batch(model))
    graphs = traced(lambda: model.fit(data, epochs=1, verbose=0))
    kinds = count(train_function(graphs))
    return {
        "nodes": kinds.total(),
        # Of equal numbers in the alphabet's order, so that files compare.
        "kinds": dict(sorted(kinds.items(), key=lambda one: (-one[1], one[0]))),
        "optimizer": type(model.optimizer).__module__.partition(".")[0] + " Adam",
        "seconds": round(time.perf_counter() - start, 1),
    }


def line(method: str, row: dict, largest: int = 6) -> str:
    """A method's row as text, with its largest kinds."""
    kinds = ", ".join(f"{k} {n:,}" for k, n in list(row["kinds"].items())[:largest])
    return f"{method:28}{row['nodes']:7,}   {kinds}"


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m reproductions.benchmarks.nodes",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--methods", nargs="+", choices=METHODS, metavar="METHOD")
    parser.add_argument("--networks", choices=NETWORKS, default="mnist")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    given = parser.parse_args(argv)
    missing = MNIST_ONLY if given.networks != "mnist" else frozenset()
    if given.methods is None:
        given.methods = [name for name in METHODS if name not in missing]
    if refused := sorted(missing & set(given.methods)):
        parser.error(
            f"Expected --networks mnist with {refused}; received: {given.networks}"
        )
    return given


def main(argv: list[str] | None = None) -> None:
    """Counts, prints a line for each method, and writes a record if asked."""
    given = arguments(argv)
    start, rows = time.perf_counter(), {}
    for method in given.methods:
        rows[method] = measure(method, given.networks)
        print(line(method, rows[method]), flush=True)
        keras.backend.clear_session()
        if given.json is None:
            continue
        # After each method: a kill leaves what has been counted.
        report = record(
            seed=SEED,
            networks=given.networks,
            data="uniform in (.05, .95), in the shape of the networks' data",
            N=BATCH,
            steps=1,
            onednn=os.environ.get("TF_ENABLE_ONEDNN_OPTS", "TensorFlow's choice"),
            left_out=sorted(LEFT_OUT),
            seconds=round(time.perf_counter() - start, 1),
            results=rows,
        )
        given.json.parent.mkdir(parents=True, exist_ok=True)
        write_json(given.json, report)
    if given.json is not None:
        print(f"Written: {given.json}")


if __name__ == "__main__":
    main()

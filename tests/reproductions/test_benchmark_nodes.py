"""Nodes are counted in the graph that runs, and the record says of what."""

import json

import pytest
import tensorflow as tf

import keras_svae as ks
from reproductions.benchmarks import nodes


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("nodes") / "new" / "nodes.json"
    methods = ["--methods", "VAE", "GAN"]
    nodes.main([*methods, "--networks", "toy", "--json", str(path)])
    assert list(path.parent.iterdir()) == [path]
    return json.loads(path.read_text())


def test_the_record_says_what_was_counted(report):
    fields = "command seed commit machine seconds data N networks onednn left_out"
    assert set(fields.split()) <= set(report)
    assert report["N"] == 64 and report["networks"] == "toy"
    assert list(report["results"]) == ["VAE", "GAN"]


def test_counts_are_of_what_computes(report):
    for row in report["results"].values():
        kinds = row["kinds"]
        assert not set(kinds) & nodes.LEFT_OUT
        assert row["nodes"] == sum(kinds.values()) > 100
        assert list(kinds.values()) == sorted(kinds.values(), reverse=True)
        # Layers multiply, a step counts itself.
        assert {"MatMul", "Mul", "AssignAddVariableOp"} <= set(kinds)
        assert "Adam" in row["optimizer"]


def test_a_known_graph_has_its_count():
    @tf.function(autograph=False)
    def kept(x):
        return tf.exp(x)

    def body(x):
        # Two calls of one function, one node, and values that do not count.
        return kept(x) + kept(tf.identity(x) * tf.constant([2.0, 3.0]))

    graph = tf.function(body, autograph=False).get_concrete_function(tf.zeros(2)).graph
    kinds = nodes.count(graph.as_graph_def())
    assert kinds.pop("AddV2") == kinds.pop("Mul") == 1
    assert kinds.pop("Exp") == 2
    assert kinds == {"PartitionedCall": 2}


def test_what_runs_is_optimised_and_traced():
    @tf.function(autograph=False)
    def work(x):
        with tf.control_dependencies([tf.sin(x)]):  # nobody needs it
            return tf.exp(x) + tf.cos(tf.constant(0.0)) * x

    graphs = nodes.traced(lambda: work(tf.ones(2)))
    counts = [nodes.count(graph) for graph in graphs]
    (kinds,) = [one for one in counts if "Exp" in one]
    # cos(0) x is x: folded.
    assert kinds == {"Exp": 1, "AddV2": 1}


def test_a_function_that_is_missing_is_not_passed_over():
    graph = tf.compat.v1.GraphDef()
    graph.node.add(name="call", op="PartitionedCall").attr["f"].func.name = "absent"
    with pytest.raises(ValueError, match="received: 'absent'"):
        nodes.count(graph)


def test_one_train_function_is_expected():
    with pytest.raises(ValueError, match="received: 0 of 0"):
        nodes.train_function([])


def test_methods_are_all_that_train():
    trained = {
        name
        for name in ks.__all__
        if isinstance(one := getattr(ks, name), type) and issubclass(one, ks.Game)
    }
    made = {"AdversarialVariationalBayes": "AVB"}
    names = {made.get(name, name) for name in trained - {"Game"}}
    assert names <= set(nodes.METHODS)


def test_the_line_names_the_largest_kinds():
    row = {"nodes": 1234, "kinds": {"Mul": 1000, "Sub": 200, "Exp": 34}}
    line = nodes.line("VAE", row, largest=2)
    assert line.split() == "VAE 1,234 Mul 1,000, Sub 200".split()


@pytest.mark.parametrize("wrong", ["--methods X", "--methods IJAE --networks toy"])
def test_what_is_refused(wrong, capsys):
    with pytest.raises(SystemExit):
        nodes.arguments(wrong.split())
    assert wrong.split()[1] in capsys.readouterr().err

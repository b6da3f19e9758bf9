"""Requests of TensorFlow Serving have the responses that are shown for them.

A few are on the page, one of each other endpoint is in `serving.jsonl`.
"""

import json
import pathlib
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.docs.serving import answer

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "deployment.md"
SECTION = PAGE.read_text().split("\n## TensorFlow Serving\n")[1].split("\n## ")[0]
BLOCKS = re.findall(r"^```json\n(.*)\n(.*)\n```$", SECTION, re.MULTILINE)
SHOWN = [tuple(map(json.loads, block)) for block in BLOCKS]
MORE = pathlib.Path(__file__).with_name("serving.jsonl").read_text().splitlines()
PAIRS = [*SHOWN, *map(tuple, map(json.loads, MORE))]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Signatures of the section's two models, by name."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", SECTION, re.DOTALL | re.MULTILINE)
    folder = tmp_path_factory.mktemp("serving")
    code = code.replace('export("', f'export("{folder}/')
    exec(code, {"keras": keras, "ks": ks})
    return {
        name: tf.saved_model.load(f"{folder}/models/{name}/1").signatures
        for name in ("points", "kinds")
    }


def of(served, request):
    """The model that a request on the page is for."""
    asked = request.get("signature_name", "")
    classes = asked in ("bound", "classify") or "y" in request.get("inputs", {})
    return served["kinds" if classes else "points"]


@pytest.mark.fixed_seed  # the page shows numbers
@pytest.mark.parametrize(("request_", "response"), PAIRS, ids=str)
def test_a_request_has_the_response_that_is_shown(served, request_, response):
    found = answer(of(served, request_), request_)
    assert set(found) == set(response)
    for key, shown in response.items():
        if not isinstance(shown, dict):
            found, shown = {"": found[key]}, {"": shown}
        else:
            found = found[key]
        assert set(found) == set(shown)
        for name, value in shown.items():
            np.testing.assert_allclose(found[name], value, atol=2e-3)


def test_every_endpoint_is_asked(served):
    asked = {request.get("signature_name", "serving_default") for request, _ in PAIRS}
    there = set(served["points"]) | set(served["kinds"])
    assert asked == there - {"about"}
    assert len(SHOWN) == SECTION.count("```json")


def test_what_the_page_says_is_refused(served):
    with pytest.raises(ValueError, match="Failed to get input map"):
        answer(served["points"], {"signature_name": "about", "inputs": {}})
    rows = [{"x": [0.5, -1.0], "seed": 0}, {"x": [0.2, 0.3], "seed": 0}]
    with pytest.raises(ValueError, match=r"shape \(2,\) does not match \(\)"):
        answer(served["points"], {"signature_name": "encode", "instances": rows})

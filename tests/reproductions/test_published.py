"""Every published number stands once, and experiments find it."""

import tomllib

import pytest

from keras_svae.evaluation import MEASURES
from reproductions import methods
from reproductions.engine import published, published_text, results

KEYS = {
    "where": str,
    "row": str,
    "data": str,
    "method": (str, list),
    "measure": str,
    "value": (int, float),
    "spread": (int, float),
    "unit": str,
    "lam": (int, float),
    "share": (int, float),
    "n": int,
    "better": str,
    "quoted_from": str,
    "nets": str,
    "note": str,
}
FILES = sorted((results.ROOT / "reproductions").glob("*/published.toml"))


@pytest.mark.parametrize("path", FILES, ids=[path.parent.name for path in FILES])
def test_entries_have_the_known_keys_and_stand_once(path):
    paper = tomllib.loads(path.read_text())
    assert set(paper) == {"title", "authors", "number"}
    seen = set()
    for one in paper["number"]:
        assert {"where", "row", "data", "measure", "value", "better"} <= set(one)
        assert all(isinstance(value, KEYS[key]) for key, value in one.items())
        assert one["better"] in ("higher", "lower")
        several = one.get("method", [])
        for method in several if isinstance(several, list) else [several]:
            assert hasattr(methods, method)
        # Not by its method: one number of two methods is one entry with both.
        names = ("where", "row", "data", "measure", "lam", "share", "n")
        key = tuple(one.get(name) for name in names)
        assert key not in seen
        seen.add(key)


def test_the_five_papers_are_there():
    assert {path.parent.name for path in FILES} == {
        "aim",
        "as_vae",
        "ijae",
        "svae",
        "unifying",
    }
    assert len(published()) > 130


def test_a_number_of_one_of_several_methods_is_found_by_each():
    number = {"data": "cifar10", "measure": "inception_score", "row": "WAE"}
    found = [published(**number, method=one) for one in ("wae_mmd", "wae_gan")]
    assert found[0] == found[1] == published(**number) and len(found[0]) == 1
    assert not published(**number, method="wae")


def test_a_number_is_found_and_shown():
    found = published(data="cifar10", method="svae", measure="inception_score")
    assert any(one["value"] == 6.96 and one["paper"] == "svae" for one in found)
    (best,) = (one for one in found if one["value"] == 6.96)
    assert published_text(best) == "6.96 +- 0.066 (svae, table 2)"
    # METHODS.md, 1: ALICE at lam 10.
    (alice,) = published(data="toy5", method="alice", lam=10.0, measure="mixture_score")
    assert (alice["value"], alice["spread"]) == (3.336, 0.707)
    names = {one["measure"].partition(".")[0] for one in published()}
    assert {"inception_score", "mse", "lpips", "variational_bound"} <= names & set(
        MEASURES
    )

"""A model card: what a model is, how it was trained, and what was measured."""

import inspect
import json
import math
from typing import Any

__all__ = ["card"]


def card(model, about: dict[str, Any], *, picture: bool, place: str) -> str:
    """The text of `README.md`, with the front matter that Hugging Face reads.

    Args:
        model: The model.
        about: What `measures.json` has.
        picture: Whether there is `samples.png`.
        place: What `ks.hub.load` is given in the example.
    """
    method = type(model).__name__
    name = about.get("name") or method
    parts = [_front_matter(model, about), f"# {name}", _what(model, about)]
    if picture:
        parts.append("![What the model makes](samples.png)")
    parts += [
        "## Use",
        "```python\nimport keras_svae as ks\n\n"
        f"model = ks.hub.load({place!r})\nmodel.generate(64, seed=0)\n```",
        "## Training",
        _training(about),
        "## Measures",
        _measures(about),
    ]
    return "\n\n".join(parts) + "\n"


def _front_matter(model, about: dict) -> str:
    """YAML. Each value is JSON, which YAML contains."""
    method = type(model).__name__
    images = len(getattr(model, "data_shape", ())) == 3
    found: dict[str, Any] = {"library_name": "keras"}
    if about.get("licence"):
        found["license"] = about["licence"]
    found["tags"] = ["keras", "keras_svae", "generative-model", method]
    if images:
        found["pipeline_tag"] = "unconditional-image-generation"
    data = (about.get("data") or {}).get("name")
    if data and about.get("measures"):
        metrics = [
            {"type": name, "name": name, "value": one["value"]}
            for name, one in about["measures"].items()
        ]
        kind = "unconditional-image-generation" if images else "other"
        result = {
            "task": {"type": kind},
            "dataset": {"name": data, "type": data},
            "metrics": metrics,
        }
        name = about.get("name") or method
        found["model-index"] = [{"name": name, "results": [result]}]
    lines = [f"{name}: {json.dumps(value)}" for name, value in found.items()]
    return "\n".join(["---", *lines, "---"])


def _what(model, about: dict) -> str:
    first = inspect.cleandoc(type(model).__doc__ or "").split("\n\n")[0]
    found = [f"A `{type(model).__name__}` of keras_svae: {' '.join(first.split())}"]
    if hasattr(model, "about"):
        told = model.about()
        shape = " x ".join(map(str, told["data_shape"]))
        found.append(
            f"It makes data of shape {shape} from codes of dimension "
            f"{told['latent_dim']}, prior {told['prior']}."
        )
        laws = [f"{k} {told[k]}" for k in ("likelihood", "posterior") if told.get(k)]
        found.append(f"Laws: {', '.join(laws)}.")
        if kept := told["samplers"]:
            names = ", ".join(f"`{name}` ({kind})" for name, kind in kept.items())
            found.append(f"Samplers, for `generate(n, sampler=)`: {names}.")
    weights = sum(math.prod(v.shape) for v in model.trainable_variables)
    found.append(f"It has {weights:,} weights.")
    licence = about.get("licence")
    found.append(f"Licence: {licence}." if licence else "No licence was given.")
    return "\n".join(found)


def _training(about: dict) -> str:
    data = about.get("data") or {}
    lines = {
        "command": about.get("command") and f"`{about['command']}`",
        "data": data.get("name"),
        "training examples": data.get("train examples"),
        "note on the data": data.get("note"),
        "settings": about.get("settings") and _plain(about["settings"]),
        "steps": about.get("steps"),
        "seed": about.get("seed"),
        "seconds": about.get("seconds"),
        "machine": about.get("machine") and _plain(about["machine"]),
        "commit": about.get("commit"),
        "made by": about.get("made_by"),
    }
    told = [f"- {name}: {value}" for name, value in lines.items() if value is not None]
    return "\n".join(one for one in told if not one.endswith(": "))


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {one}" for name, one in value.items())
    return str(value)


def _measures(about: dict) -> str:
    if not about.get("measures"):
        return "Nothing was measured."
    rows = ["| measure | value | spread | depends on |", "|---|---|---|---|"]
    for name, one in about["measures"].items():
        rest = {k: v for k, v in one.items() if k not in ("value", "deviation")}
        spread = one.get("deviation")
        shown = "" if spread is None else f"{spread:.2g}"
        value = one["value"]
        value = f"{value:.6g}" if isinstance(value, float) else value
        rows.append(f"| {name} | {value} | {shown} | {_plain(rest)} |")
    return "\n".join(rows)

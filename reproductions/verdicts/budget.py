"""How a record's budget differs from the paper's, and what the paper's would cost."""

import functools
import re
import shlex
from typing import Any

from reproductions.engine import command
from reproductions.verdicts.claims import Claim, Setting
from reproductions.verdicts.evidence import Absent, Records
from reproductions.verdicts.rule import SEEDS

__all__ = ["cost", "differences", "paper_settings", "paper_steps", "typed"]

# Scores by a classifier. LPIPS has one network, that everybody has.
SCORES = ("inception_score", "class_accuracy")
# Settings that are not compared: they say which run it is, how long it is (which has
# words of its own), and what is written down of it.
LEFT_OUT = (
    "method", "data", "budget", "seed", "examples", "validation", "test_split",
    "epochs", "steps", "steps_per_epoch", "steps_per_execution",
    "measures", "monitor", "choose", "last",
)  # fmt: skip
# Settings of a measure, by a part of its name: they matter to its numbers alone.
OF_MEASURES = {"ais_": "annealed", "importance_samples": "importance"}
# How settings are called in a sentence, where not by their own names.
WORDS = {
    "nets": "networks",
    "latent_dim": "code's dimensions",
    "binarize": "binarised",
    "batch_size": "batch",
    "learning_rate": "rate",
    "critic_learning_rate": "critic's rate",
    "flow_length": "flow's length",
    "logit_batch_norm": "batch normalisation of the critic's features",
    "critic_batch_norm": "the critic's batch normalisation",
    "critic_activation": "the critic's activation",
    "code_stddev": "N(0, s) in the encoder's last layer, s",
    "ais_examples": "examples under AIS",
    "ais_temperatures": "distributions of AIS",
    "labelled_batch": "labelled examples of a batch",
    "dtype": "precision",
    "n": "examples and samples measured",
    "beta_1": "beta_1",
    "beta_2": "beta_2",
}
# Settings that the paper's runs may do without.
OPTIONAL = ("code_stddev",)
# What a setting is that is not given.
DEFAULTS = {"width": 1.0}


@functools.cache
def _settings(paper: str, run: str) -> dict[str, Any]:
    name, *words = shlex.split(run)
    one = command.experiments(paper)[name]
    return one.resolve(**command.parse(one, words))


def paper_settings(claim: Claim) -> dict[str, Any]:
    """The settings of the claim's run at the paper's budget."""
    return _settings(claim.paper, claim.run)


def _steps(settings: dict, examples: int | None) -> int | None:
    if "steps" in settings:  # what trains no model of the package
        return settings["steps"]
    per_epoch = settings.get("steps_per_epoch")
    if per_epoch is None and examples is not None:
        share = settings.get("examples") or 1.0
        kept = examples - (settings.get("validation") or 0)
        kept = share if share > 1 else share * kept
        per_epoch = int(kept) // settings["batch_size"]
    epochs = settings.get("epochs")
    return None if per_epoch is None or epochs is None else epochs * per_epoch


def paper_steps(claim: Claim) -> int | None:
    """Steps of one run at the paper's budget."""
    return _steps(paper_settings(claim), claim.setting.examples)


def typed(claim: Claim) -> str:
    """The command that would decide the claim."""
    line = claim.command or f"python -m reproductions.{claim.paper} {claim.run}"
    scored = any(one["measure"] in SCORES for one in claim.published)
    scored = scored or "inception score" in claim.says
    if scored and claim.setting.backbone and "--backbone" not in line:
        line += f" --backbone {claim.setting.backbone}"
    return line


def _reached(one: dict, settings: dict, records: Records) -> float | None:
    """Steps of our runs: those of the settings, and only without these the record's.

    Early stopping may end a run before. It is a setting itself, and compared as such.
    """
    if (steps := _steps(settings, None)) is not None:
        return steps
    found = records.get(one["record"], one.get("steps", "steps"))
    if isinstance(found, dict):
        found = found["mean"]
    return min(found) if isinstance(found, list) else found


def _concerns(key: str, one: dict) -> bool:
    """Whether a setting matters to what an entry of evidence reads."""
    measures = [name for start, name in OF_MEASURES.items() if key.startswith(start)]
    return not measures or any(name in str(one.get("a")) for name in measures)


def differences(claim: Claim, one: dict, records: Records) -> list[str]:
    """How the runs of an entry of evidence differ from the paper's; empty: not."""
    theirs, whole = paper_settings(claim), records.get(one["record"])
    ours = records.get(one["record"], one["settings"]) if "settings" in one else {}
    found = []
    if "epochs" in one:
        reached, wanted = records.get(one["record"], one["epochs"]), theirs["epochs"]
        unit = "epochs"
    else:
        reached, wanted = _reached(one, ours, records), paper_steps(claim)
        unit = "steps"
    if wanted is not None and reached is not None and reached < wanted:
        found.append(f"{reached:,.0f} of {wanted:,.0f} {unit}")
    data = whole.get("data") if isinstance(whole.get("data"), dict) else {}
    name = data.get("name", ours.get("data", claim.setting.data))
    if name != claim.setting.data:
        found.append(f"other data: {data.get('note') or name}")
    elif claim.setting.examples and "train examples" in data:
        wanted = claim.setting.examples - (theirs.get("validation") or 0)
        if data["train examples"] < wanted:
            found.append(f"{data['train examples']:,} of {wanted:,} examples")
    done = re.fullmatch(r"(\d+) of (\d+)", str(whole.get("runs", "")))
    if done and int(done[1]) < int(done[2]):
        found.append(f"{done[0]} runs of the study")
    for key, mine in ours.items():
        its = theirs.get(key, DEFAULTS.get(key))
        left_out = key in (*LEFT_OUT, *one.get("ignore", ()))
        if left_out or not _concerns(key, one) or mine is None or mine == its:
            continue
        if its is not None or key in OPTIONAL and key in theirs:
            word = WORDS.get(key, key.replace("_", " "))
            found.append(f"{word} {mine} instead of {'none' if its is None else its}")
    return found + [records.filled(text) for text in one.get("differs", ())]


def cost(claim: Claim, records: Records) -> str:
    """What five seeds at the paper's budget would take here, from a record's pace."""
    steps, setting = paper_steps(claim), claim.setting
    if setting.pace is None or steps is None or not records.has(setting.pace["record"]):
        return "not timed"
    seconds, machine = pace(setting, records)
    hours = seconds * steps * SEEDS * claim.runs / 3600
    about = "more than" if setting.pace.get("least") else "about"
    shown = f"{hours:,.0f} h" if hours >= 10 else f"{hours:.1f} h"
    if hours < 0.5:
        shown = f"{60 * hours:.0f} min"
    methods = "" if claim.runs == 1 else f" of {claim.runs} methods"
    return (
        f"{about} {shown} for {SEEDS} seeds{methods}, {steps:,} steps each, by the "
        f"pace of {setting.pace['record']} ({machine['cores']} cores, {machine['cpu']})"
    )


def pace(setting: Setting, records: Records) -> tuple[float, dict]:
    """Seconds of a step, and the machine."""
    assert setting.pace is not None
    name = setting.pace["record"]

    def number(path: str) -> float:
        found = records.get(name, path)
        return found[0] if isinstance(found, list) else found

    machine = records.get(name, "machine")
    if "step" in setting.pace:
        return number(setting.pace["step"]), machine
    steps = number(setting.pace["steps"])
    if not steps:
        raise Absent(f"Expected steps in {name}; received: {steps}")
    return number(setting.pace["seconds"]) / steps, machine

"""From claims and records to verdicts: applies the rule."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from reproductions.engine import statistics
from reproductions.engine.results import value_text
from reproductions.verdicts import budget, rule
from reproductions.verdicts.claims import Claim, claims
from reproductions.verdicts.evidence import Records
from reproductions.verdicts.finding import Finding, find
from reproductions.verdicts.rule import Verdict

__all__ = ["Judged", "counts", "judge"]

TESTED = ("order", "paired", "spread", "trend")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Judged:
    """A claim with its verdict, all in words.

    Attributes:
        claim: The claim.
        finding: What our runs say; None if there are none.
        verdict: The verdict.
        p: Of the claim's test after Holm's correction.
        cost: What the paper's budget would take here.
        tried: What was tried, filled from records.
        cause: The claim's cause, filled from records.
    """

    claim: Claim
    finding: Finding | None
    verdict: Verdict
    p: float | None
    cost: str
    tried: str
    cause: str

    @property
    def published(self) -> str:
        """The paper's number, and the number that the paper compares it with."""
        numbers = self.claim.published
        shown = [value_text(one, "±") for one in numbers]
        if self.claim.kind == "value" and len(shown) > 1:
            return f"{shown[0]} ({numbers[1]['row']}: {shown[1]})"
        return " against ".join(shown)

    @property
    def decided(self) -> bool:
        """Whether p, before the correction, is small. True without a test."""
        return rule.decides(self.finding and self.finding.p)

    @property
    def why(self) -> str:
        """Why the verdict is what it is, in one text."""
        parts = [*self.verdict.why]
        if self.p is not None:
            parts.append(f"p = {self.p:.2g} after Holm's correction")
        if self.verdict.kind == rule.OUT:
            lacking = missing(self.claim)
            parts += [f"missing: {lacking}"] if lacking else []
            parts.append(self.cost)
        text = "; ".join(parts) + "." if parts else ""
        if not text.startswith("p = "):
            text = text[:1].upper() + text[1:]
        return " ".join(one for one in (text, self.cause) if one)

    def asdict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        found, claim = self.finding, self.claim
        return {
            "paper": claim.paper,
            "claim": claim.says,
            "published": self.published,
            "ours": found.text if found else "",
            "budget": budget_text(self),
            "verdict": self.verdict.kind,
            "cause": self.why,
            "command": budget.typed(claim),
            "id": claim.id,
            "where": claim.where,
            "tried": self.tried,
            "differs": list(found.differs) if found else [],
            "data": (found and found.data) or claim.setting.says,
            "backbone": (found and found.classifier) or claim.setting.scores,
            "p": found.p if found else None,
            "p after Holm": self.p,
            "record": found.record if found else "",
            "older": list(found.changed_defaults) if found else [],
        }

    def told(self) -> dict[str, Any]:
        """`asdict` for a reader: what was tried only where the verdict is "not"."""
        tried = self.tried if self.verdict.kind == rule.NOT else ""
        return self.asdict() | {"tried": tried}


def budget_text(one: Judged) -> str:
    """How the runs differ from the paper's, and what the paper does not give."""
    unsaid = one.claim.setting.unsaid
    note = f" (the paper does not give: {unsaid})" if unsaid else ""
    if one.finding is None:
        return "not run" + note
    return ("; ".join(one.finding.differs) or "as in the paper") + note


def _gap(claim: Claim) -> float | None:
    if len(claim.published) < 2:
        return None
    return abs(claim.published[0]["value"] - claim.published[1]["value"])


def verdict(claim: Claim, found: Finding | None, p: float | None) -> Verdict:
    """The rule, applied; p is after Holm's correction."""
    if found is None:
        return Verdict(rule.OUT, ("not run",))
    if claim.kind == "checked":
        assert found.holds is not None
        return rule.checked(found.holds, found.differs)
    if claim.kind in TESTED:
        assert found.direction is not None
        parts = (found.direction, p, found.runs, found.diverged, found.differs)
        return rule.order(*parts, found.p)
    assert found.ours is not None
    if claim.kind == "every":
        threshold = claim.threshold
        if threshold is None:
            threshold = claim.published[0]["value"]
        better = claim.better
        parts = (found.ours.values or (), threshold, better, found.ours.diverged)
        return rule.every(*parts, found.differs)
    number = claim.published[0]
    needed = number["measure"] in budget.SCORES and bool(claim.setting.scores)
    own = needed and found.classifier != claim.setting.scores
    parts = (found.ours, number["value"], _gap(claim), claim.better)
    return rule.value(*parts, found.differs, own)


def judge(paper: str, records: Records | None = None) -> list[Judged]:
    """All claims of a paper with verdicts. Holm's correction is over the paper."""
    records = records or Records()
    every = claims(paper)
    found = [find(claim, records) for claim in every]
    tested = [i for i, one in enumerate(found) if one is not None and one.p is not None]
    ps = dict(zip(tested, statistics.holm([found[i].p for i in tested]), strict=True))
    return [
        Judged(
            claim=claim,
            finding=one,
            verdict=verdict(claim, one, ps.get(i)),
            p=ps.get(i),
            cost=budget.cost(claim, records),
            tried="" if one is None else records.filled(claim.tried),
            cause="" if one is None else records.filled(claim.cause),
        )
        for i, (claim, one) in enumerate(zip(every, found, strict=True))
    ]


def missing(claim: Claim) -> str:
    """What there is not: a value under a classifier needs that very classifier."""
    found = [claim.missing] if claim.missing else []
    of = claim.published[0]["measure"] if claim.published else ""
    if claim.kind == "value" and of in budget.SCORES and claim.setting.scores:
        found.append(f"the weights of {claim.setting.scores}")
    return "; ".join(found)


def counts(judged: Sequence[Judged]) -> dict[str, int]:
    """How many claims have which verdict."""
    found = dict.fromkeys(rule.VERDICTS, 0)
    for one in judged:
        found[one.verdict.kind] += 1
    return found

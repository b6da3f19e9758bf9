"""Verdicts on the papers' claims, by one rule.

`claims` reads what a paper says, `evidence` what our records say, `budget` compares
the two circumstances, `rule` decides, and `judge` puts them together.
"""

from reproductions.verdicts.claims import Claim, claims, papers
from reproductions.verdicts.evidence import Records
from reproductions.verdicts.judge import Judged, counts, judge
from reproductions.verdicts.rule import VERDICTS, Verdict

__all__ = [
    "VERDICTS",
    "Claim",
    "Judged",
    "Records",
    "Verdict",
    "claims",
    "counts",
    "judge",
    "papers",
]

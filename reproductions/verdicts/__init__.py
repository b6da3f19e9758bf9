"""Verdicts on the papers' claims, by one rule.

`claims` reads what a paper says, `evidence` what our records say, `budget` compares
the two circumstances, `rule` decides, and `judge` puts them together.
"""

from reproductions.verdicts.claims import claims, papers
from reproductions.verdicts.evidence import Records
from reproductions.verdicts.judge import counts, judge
from reproductions.verdicts.rule import VERDICTS

__all__ = ["VERDICTS", "Records", "claims", "counts", "judge", "papers"]

"""Which averages batch normalisation should have when a method is tested."""

from reproductions.batch_norm.compare import compare, trained

__all__ = ["compare", "trained"]

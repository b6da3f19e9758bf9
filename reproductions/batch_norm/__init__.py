"""Which averages batch normalisation should use when a method is tested."""

from reproductions.batch_norm.compare import compare, trained

__all__ = ["compare", "trained"]

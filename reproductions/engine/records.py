"""A run's record: its numbers."""

__all__ = ["metric"]


def metric(record: dict, name: str) -> float:
    """A number among a run's metrics, for a summary that needs it of each run.

    Raises:
        ValueError: If it is not there, or was not finite.
    """
    found = record["metrics"].get(name)
    if found is None:
        measure = name.partition(".")[0].partition("[")[0]
        others = record.get("left_out", {}) | record.get("failed", {})
        why = others.get(measure, "there is no such number")
        raise ValueError(
            f"Expected {name} of each run; received: none ({why}) in the run with "
            f"{record['settings']}"
        )
    return found

"""Faults on purpose: `python -m tests.faults`. What happens is counted and recorded."""

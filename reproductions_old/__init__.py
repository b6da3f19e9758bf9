"""The papers' experiments, and the benchmark."""

"""The papers' experiments, and the benchmark: python -m reproductions lists them."""

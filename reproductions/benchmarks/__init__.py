"""Speed: each module is one benchmark, python -m reproductions.benchmarks.NAME."""

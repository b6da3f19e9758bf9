"""Where and how steps run: several in a call, under XLA, on replicas and workers."""

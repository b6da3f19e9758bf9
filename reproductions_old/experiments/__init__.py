"""The papers' experiments as data, a module per paper."""

"""What the user gives to `fit` and its likes, of whatever kind, made into batches."""

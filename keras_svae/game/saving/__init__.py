"""Files of a model, and weights that another model starts from."""

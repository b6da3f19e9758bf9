"""What Keras's own callbacks need of a model that has several optimizers."""

"""Networks that give measures the features of images."""

"""Trained models as folders: `push` writes one with a model card, `load` reads it.

A folder has

    model.keras     the model without optimizers, for `keras.saving.load_model`
    README.md       the model card, with the front matter that Hugging Face reads
    measures.json   what was measured, and how the model was trained
    samples.png     what it makes
    sha256.json     the hashes of the other files but the card
"""

from keras_svae.hub.pull import load
from keras_svae.hub.push import push

__all__ = ["load", "push"]

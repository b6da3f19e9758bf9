import keras

get = keras.optimizers.get
Adam = keras.optimizers.Adam

"""Measures of reconstructions: is an example still itself after x -> z -> x?"""

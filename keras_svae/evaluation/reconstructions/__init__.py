"""Measures of reconstructions: does x -> z -> x keep an example?"""

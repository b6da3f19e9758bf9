"""Measures of likelihood: how probable are held-out data, and are log ratios right?"""

"""Measures of a model's samples: is p(x) like the data?"""

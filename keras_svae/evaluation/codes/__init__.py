"""Measures of codes: what does q(z|x) hold, and is it like the prior?"""

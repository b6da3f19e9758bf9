"""Measures of codes: what does q(z|x) contain, and is it similar to the prior?"""

"""Smaller nets: weights pruned, factorized, quantized; files that other engines run.

Nothing here changes the model it is given: each function returns a new one.
"""

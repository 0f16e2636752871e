"""Matrices for the tests."""

import numpy as np
import scipy.sparse as sp


def grid(width, height):
    """The 5-point Laplacian, in compressed rows."""
    line = lambda n: sp.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(n, n))
    return sp.csr_array(sp.kron(sp.eye_array(height), line(width)) + sp.kron(line(height), sp.eye_array(width)))


def random_spd(n, seed):
    """A diagonally dominant matrix with a random pattern."""
    random = np.random.default_rng(seed)
    half = sp.random_array((n, n), density=4 / n, rng=random, data_sampler=lambda size: random.uniform(-1, 1, size))
    half = sp.csr_array(half)
    both = half + half.T
    return sp.csr_array(both + sp.diags_array(abs(both).sum(axis=1) + random.uniform(0.1, 1, n)))

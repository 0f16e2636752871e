"""Writes the Laplace matrix of linear finite elements on a random mesh, and its graph if asked.

    unstructured.py --dim 3 --rows 500000 --matrix fe.mtx --graph fe.graph

The mesh is the Delaunay triangulation of one random point per cell of a cubic grid, so the points
are spread well but no two of them have the same surroundings. The points of the outermost cells
carry the Dirichlet condition and are eliminated; every other point is a row. The matrix goes out as
Matrix Market (lower triangle), its graph in the format of METIS' gpmetis.

The rows are numbered along the grid, x fastest: neighbours are near each other in memory, as behind
a mesh generator that sorts its nodes. --shuffle numbers them at random instead.
"""

import argparse
import math

import numpy
import scipy.io
import scipy.sparse
import scipy.spatial

# How far a point may lie from the middle of its cell, in cells: less than half keeps points apart.
REACH = 0.4
# Simplices at a time, to bound the memory.
BATCH = 250_000
# A simplex smaller than this share of a cell is flat: its gradients would be rounding errors.
FLAT = 1e-9


def scattered(dim, rows, seed):
    """Points of at least `rows` inner cells, and which of them are inner ones."""
    inside = math.ceil(round(rows ** (1 / dim), 6))
    cells = numpy.indices((inside + 2,) * dim).reshape(dim, -1).T[:, ::-1]
    inner = ((cells > 0) & (cells <= inside)).all(axis=1)
    random = numpy.random.default_rng(seed)
    return cells + random.uniform(-REACH, REACH, cells.shape), inner


def stiffness(points, simplices):
    """The sum over all simplices of volume x (gradient of basis i) . (gradient of basis j)."""
    count, dim = points.shape
    total = scipy.sparse.csr_array((count, count))
    for begin in range(0, len(simplices), BATCH):
        corners = simplices[begin : begin + BATCH]
        edges = points[corners[:, 1:]] - points[corners[:, :1]]
        volumes = numpy.abs(numpy.linalg.det(edges)) / math.factorial(dim)
        corners, edges = corners[volumes > FLAT], edges[volumes > FLAT]
        volumes = volumes[volumes > FLAT]
        gradients = numpy.linalg.inv(edges).transpose(0, 2, 1)
        first = -gradients.sum(axis=1, keepdims=True)  # the basis sums to one
        gradients = numpy.concatenate([first, gradients], axis=1)
        blocks = volumes[:, None, None] * (gradients @ gradients.transpose(0, 2, 1))
        rows = numpy.repeat(corners, dim + 1, axis=1).ravel()
        columns = numpy.tile(corners, (1, dim + 1)).ravel()
        part = scipy.sparse.coo_array((blocks.ravel(), (rows, columns)), total.shape)
        total = total + part.tocsr()
    return total


def write_graph(path, matrix):
    """Line i has the neighbours of row i, numbers from 1."""
    count = matrix.shape[0]
    with open(path, "w", encoding="ascii") as file:
        file.write(f"{count} {(matrix.nnz - count) // 2}\n")
        for row in range(count):
            columns = matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]]
            numbers = (columns[columns != row] + 1).tolist()
            file.write(" ".join(map(str, numbers)) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dim", type=int, choices=(2, 3), default=3)
    parser.add_argument("--rows", type=int, default=500_000, help="at least so many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shuffle", action="store_true", help="number rows at random")
    parser.add_argument("--matrix", required=True, metavar="FILE.mtx")
    parser.add_argument("--graph", metavar="FILE")
    options = parser.parse_args()
    if options.rows < 1:
        parser.error("--rows must be at least 1")

    points, inner = scattered(options.dim, options.rows, options.seed)
    matrix = stiffness(points, scipy.spatial.Delaunay(points).simplices)
    order = numpy.flatnonzero(inner)
    if options.shuffle:
        numpy.random.default_rng(options.seed).shuffle(order)
    matrix = matrix[order][:, order]
    matrix.sort_indices()

    if options.graph:
        write_graph(options.graph, matrix)
    comment = f"linear finite elements on a random mesh, {options.dim}D, seed {options.seed}"
    scipy.io.mmwrite(options.matrix, matrix, comment, symmetry="symmetric")
    print(f"{matrix.shape[0]} rows, {matrix.nnz} nonzeros")


if __name__ == "__main__":
    main()

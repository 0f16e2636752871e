#!/usr/bin/env python3
"""Makes the three small test matrices in this folder, and facts.csv.

    python3 meshes/make.py

Needs numpy and scipy. All seeds are fixed, so a second run writes the same
bytes. The committed files were made with Python 3.11, numpy 2.4.6 and scipy
1.17.1; numpy 1.26.4 with scipy 1.11.4 gave the same bytes. Other versions may
triangulate the plate differently or draw other random numbers; the matrices
then differ, and facts.csv differs with them.
"""

import csv
from pathlib import Path

import numpy as np
import scipy.io
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import eigsh
from scipy.spatial import Delaunay, cKDTree

HERE = Path(__file__).resolve().parent


# --- 1. plate with a hole ---------------------------------------------------

CENTRE = np.array([0.4, 0.55])  # off the middle, so that nothing is symmetric
RADIUS = 0.12
H_HOLE, H_FAR, GROWTH = 0.004, 0.022, 0.045  # mesh sizes, growth per length


def mesh_size(p):
    """Wanted edge length at the points p: small at the hole, growing away."""
    away = np.linalg.norm(p - CENTRE, axis=1) - RADIUS
    return np.minimum(H_FAR, H_HOLE + GROWTH * away)


def plate_boundary():
    """Nodes on the circle and on the four sides, spaced by mesh_size."""
    m = int(np.ceil(2 * np.pi * RADIUS / H_HOLE))
    t = 2 * np.pi * np.arange(m) / m
    parts = [CENTRE + RADIUS * np.column_stack([np.cos(t), np.sin(t)])]
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]], float)
    s = np.linspace(0, 1, 1001)
    for a, b in zip(corners[:-1], corners[1:]):
        # Count edges along the side, then cut it into equal counts.
        rate = 1 / mesh_size(a + s[:, None] * (b - a))
        count = np.append(0, np.cumsum((rate[1:] + rate[:-1]) / 2 * s[1]))
        k = int(round(count[-1]))
        at = np.interp(np.arange(k) / k * count[-1], count, s)
        parts.append(a + at[:, None] * (b - a))
    return np.vstack(parts)


def plate_mesh(rng):
    """Returns (points, triangles, number of boundary nodes, which come first).

    Random points no closer than the mesh size allows, a Delaunay
    triangulation, and a few rounds of smoothing.
    """
    pts = plate_boundary()
    nb = len(pts)
    gap = 0.8  # least distance between points, in mesh sizes
    for _ in range(150):
        c = rng.random((8000, 2))
        c = c[np.linalg.norm(c - CENTRE, axis=1) > RADIUS]
        # Offer more points where the mesh is fine.
        c = c[rng.random(len(c)) < (2 * H_HOLE / mesh_size(c)) ** 2]
        near, _ = cKDTree(pts).query(c)
        c = c[near > gap * mesh_size(c)]
        # Of two new points too close to each other the later one goes.
        pairs = cKDTree(c).query_pairs(gap * H_FAR, output_type="ndarray")
        dist = np.linalg.norm(c[pairs[:, 0]] - c[pairs[:, 1]], axis=1)
        close = pairs[dist < gap * mesh_size(c)[pairs].max(axis=1)]
        pts = np.vstack([pts, np.delete(c, close.max(axis=1), axis=0)])

    for _ in range(4):
        tri = triangulate(pts)
        e = tri[:, [0, 1, 1, 2, 2, 0, 1, 0, 2, 1, 0, 2]].reshape(-1, 2)
        adj = sp.csr_matrix((np.ones(len(e)), e.T), shape=(len(pts),) * 2)
        adj.data[:] = 1  # an inner edge was counted twice
        mean = (adj @ pts) / adj.sum(axis=1).reshape(-1, 1)
        pts[nb:] = np.asarray(mean)[nb:]

    # Six decimals, so that the last bits of sin or sqrt on some machine do
    # not reach the file.
    pts = pts.round(6)
    return pts, triangulate(pts), nb


def triangulate(pts):
    """Delaunay triangles of pts without those that fill the hole."""
    tri = Delaunay(pts).simplices
    mid = pts[tri].mean(axis=1)
    return tri[np.linalg.norm(mid - CENTRE, axis=1) > RADIUS]


def stiffness(pts, tri):
    """P1 stiffness matrix of -Laplace(u), nothing held: row sums are zero."""
    p = pts[tri]
    # Side k lies opposite corner k; the gradient of hat function k is that
    # side turned by 90 degrees over twice the area, so the element matrix is
    # (side_i . side_j) / (4 area).
    side = p[:, [2, 0, 1]] - p[:, [1, 2, 0]]
    twice = np.abs(side[:, 0, 0] * side[:, 1, 1] - side[:, 0, 1] * side[:, 1, 0])
    ke = np.einsum("tik,tjk->tij", side, side) / (2 * twice)[:, None, None]
    rows = np.repeat(tri, 3, axis=1).ravel()
    cols = np.tile(tri, (1, 3)).ravel()
    return sp.csr_matrix((ke.ravel(), (rows, cols)), shape=(len(pts),) * 2)


def plate_hole():
    rng = np.random.default_rng(101)
    pts, tri, nb = plate_mesh(rng)
    # The boundary nodes come first and are held at zero: drop them. Shuffle
    # the others, for the numbering must say nothing about the place.
    keep = nb + rng.permutation(len(pts) - nb)
    return stiffness(pts, tri)[keep][:, keep]


# --- 2. anisotropic diffusion with a jump -----------------------------------

NX, NY = 100, 80


def anisotropic():
    """Five-point finite volumes on NX x NY unit cells, x fastest."""
    x, y = np.meshgrid(np.arange(NX) + 0.5, np.arange(NY) + 0.5)
    # The inclusion is a tilted ellipse, so that its edge cuts rows and columns.
    u = 0.8 * (x - 62) + 0.6 * (y - 34)
    v = 0.8 * (y - 34) - 0.6 * (x - 62)
    c = np.where((u / 24) ** 2 + (v / 11) ** 2 < 1, 1000.0, 1.0)
    kx, ky = 100 * c, c

    number = np.arange(NX * NY).reshape(NY, NX)
    diag = np.zeros((NY, NX))
    rows, cols, vals = [], [], []
    lo, hi = np.s_[:-1], np.s_[1:]
    for k, a, b in [(kx, np.s_[:, lo], np.s_[:, hi]), (ky, np.s_[lo, :], np.s_[hi, :])]:
        # Harmonic mean: the flux through a face is that of two half cells in
        # series.
        g = 2 * k[a] * k[b] / (k[a] + k[b])
        diag[a] += g
        diag[b] += g
        rows.append(number[b].ravel())
        cols.append(number[a].ravel())
        vals.append(-g.ravel())
    # u = 0 on all four sides, half a cell from the outer cell centres.
    diag[:, 0] += 2 * kx[:, 0]
    diag[:, -1] += 2 * kx[:, -1]
    diag[0, :] += 2 * ky[0, :]
    diag[-1, :] += 2 * ky[-1, :]
    lower = sp.csr_matrix(
        (np.concatenate(vals), (np.concatenate(rows), np.concatenate(cols))),
        shape=(NX * NY,) * 2,
    )
    return lower + lower.T + sp.diags(diag.ravel())


# --- 3. circuit -------------------------------------------------------------

SIDE, HUBS, LONG, GROUNDED, MISSING = 70, 6, 400, 40, 0.2


def circuit():
    """Conductance matrix of a torn grid with long wires and a few hubs."""
    rng = np.random.default_rng(303)

    def conductances(m):
        # Log-uniform from 1e-2 to 1e2, to four digits as on a parts list.
        return np.array([float(f"{g:.4g}") for g in 10 ** rng.uniform(-2, 2, m)])

    number = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    grid = np.vstack([
        np.column_stack([number[:, :-1].ravel(), number[:, 1:].ravel()]),
        np.column_stack([number[:-1].ravel(), number[1:].ravel()]),
    ])
    grid = grid[rng.random(len(grid)) > MISSING]
    wires = rng.integers(0, SIDE * SIDE, (LONG, 2))
    wires = wires[wires[:, 0] != wires[:, 1]]
    parts = [grid, wires]
    # The hubs are numbered last, as supply nodes at the end of a netlist.
    for k in range(HUBS):
        ends = rng.choice(SIDE * SIDE, rng.integers(120, 260), replace=False)
        parts.append(np.column_stack([ends, np.full(len(ends), SIDE * SIDE + k)]))
    edges = np.vstack(parts)

    # Keep the largest connected piece and close up the numbering.
    n = SIDE * SIDE + HUBS
    graph = sp.csr_matrix((np.ones(len(edges)), edges.T), shape=(n, n))
    _, label = connected_components(graph, directed=False)
    inside = label == np.bincount(label).argmax()
    new = np.cumsum(inside) - 1
    edges = new[edges[inside[edges[:, 0]]]]
    n = int(inside.sum())

    g = conductances(len(edges))
    diag = np.zeros(n)
    np.add.at(diag, edges.ravel(), np.repeat(g, 2))
    # The ground makes the Laplacian definite. It is not on the hubs.
    ground = rng.choice(n - HUBS, GROUNDED, replace=False)
    diag[ground] += conductances(GROUNDED)
    upper = sp.csr_matrix((-g, edges.T), shape=(n, n))  # parallel wires add
    return (upper + upper.T + sp.diags(diag)).tocsr()


# --- files and facts --------------------------------------------------------

def write(path, a, comment):
    """Lower triangle, column by column, each value as its shortest repr."""
    low = sp.tril(a).tocsc()
    low.sum_duplicates()
    low.sort_indices()
    cols = np.repeat(np.arange(low.shape[1]), np.diff(low.indptr))
    lines = ["%%MatrixMarket matrix coordinate real symmetric"]
    lines += ["% " + s for s in comment]
    lines.append(f"{a.shape[0]} {a.shape[1]} {low.nnz}")
    lines += [
        f"{i + 1} {j + 1} {v!r}"
        for i, j, v in zip(low.indices.tolist(), cols.tolist(), low.data.tolist())
    ]
    path.write_bytes(("\n".join(lines) + "\n").encode("ascii"))


def ends(a):
    """Smallest and largest eigenvalue."""
    v0 = np.random.default_rng(7).standard_normal(a.shape[0])
    small = eigsh(a.tocsc(), k=1, sigma=0, which="LM", v0=v0)[0][0]
    large = eigsh(a, k=1, which="LA", v0=v0, ncv=60)[0][0]
    return small, large


def cg(a, b, inv_diag=None, tol=1e-8):
    """Textbook CG from x = 0; iterations until ||r|| <= tol ||b||, and x."""
    x = np.zeros_like(b)
    r = b.copy()
    z = r if inv_diag is None else inv_diag * r
    p = z.copy()
    rz = r @ z
    stop = tol * np.linalg.norm(b)
    its = 0
    while np.linalg.norm(r) > stop:
        q = a @ p
        alpha = rz / (p @ q)
        x += alpha * p
        r -= alpha * q
        z = r if inv_diag is None else inv_diag * r
        rz, old = r @ z, rz
        p = z + (rz / old) * p
        its += 1
    return its, x


def facts(path):
    """Read the file back, so that the facts are those of the file."""
    a = sp.csr_matrix(scipy.io.mmread(path))
    n = a.shape[0]
    d = a.diagonal()
    s = sp.diags(1 / np.sqrt(d))
    small, large = ends(a)
    small_j, large_j = ends((s @ a @ s).tocsr())
    b = a @ np.full(n, 1 / np.sqrt(n))
    return {
        "file": path.name,
        "n": n,
        "nnz": a.nnz,
        "stored": (a.nnz + n) // 2,
        "lambda_min": f"{small:.6g}",
        "lambda_max": f"{large:.6g}",
        "condition": f"{large / small:.5g}",
        "condition_jacobi": f"{large_j / small_j:.5g}",
        "iterations_none": cg(a, b)[0],
        "iterations_jacobi": cg(a, b, 1 / d)[0],
    }


INPUTS = [
    ("plate_hole.mtx", plate_hole, [
        "P1 finite elements for -Laplace(u) on the unit square with a round hole",
        f"of radius {RADIUS} at ({CENTRE[0]}, {CENTRE[1]}); triangles finer near the hole.",
        "u = 0 on the sides and on the hole; those nodes are eliminated.",
        "The nodes are numbered in random order. Made by meshes/make.py.",
    ]),
    ("anisotropic.mtx", anisotropic, [
        f"Five-point diffusion on {NX} x {NY} unit cells, x fastest, u = 0 all round.",
        "Conductivity 100 along x and 1 along y, 1000 times as much of both inside",
        "a tilted ellipse; harmonic means on the faces. Made by meshes/make.py.",
    ]),
    ("circuit.mtx", circuit, [
        "Conductance matrix of a made-up circuit: a grid with missing edges, long",
        f"wires between random nodes, and {HUBS} hubs of degree above 100 (the last rows).",
        f"Conductances log-uniform in 0.01 .. 100; {GROUNDED} nodes are grounded.",
        "Made by meshes/make.py.",
    ]),
]


def main():
    table = []
    for name, build, comment in INPUTS:
        path = HERE / name
        write(path, build(), comment)
        table.append(facts(path))
        print(f"{name}: {path.stat().st_size / 1000:.0f} kB")
        for key, value in list(table[-1].items())[1:]:
            print(f"    {key:<18} {value}")
    with open(HERE / "facts.csv", "w", newline="") as f:
        out = csv.DictWriter(f, table[0].keys(), lineterminator="\n")
        out.writeheader()
        out.writerows(table)


if __name__ == "__main__":
    main()

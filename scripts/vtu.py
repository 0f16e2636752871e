"""Reads what --vtu wrote with meshio and with VTK, and compares it with the mesh, with the solution, and with a residual
computed here.

    python vtu.py HALOCG

Each mesh is solved on three ranks, as threads. meshio reads the .msh file too, so that no reader of halocg has a say.
"""

import pathlib
import subprocess
import sys
import tempfile

import meshio
import numpy

try:
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy
except ImportError:
    vtk = None
    print("vtk is not installed: the files are read by meshio only")

ROOT = pathlib.Path(__file__).resolve().parent.parent
RANKS = 3
# Without conditions the whole boundary is held at 0, and the source is 1.
PROBLEMS = {
    "plate.msh": {"dirichlet": {"left": 20}, "held": ["left"], "neumann": {"right": 1.5, "hole": -0.5}},
    "lshape.msh": {"held": ["corner", "outside"], "source": 1},
    "bracket.msh": {"dirichlet": {"bolts": 20}, "held": ["bolts"], "neumann": {"eye": 1}},
}


def read_by_meshio(path):
    read = meshio.read(path)
    [block] = read.cells
    return read.points, block.data, read.point_data, {name: data[0] for name, data in read.cell_data.items()}


def read_by_vtk(path):
    reader = vtk.vtkXMLUnstructuredGridReader()
    reader.SetFileName(str(path))
    reader.Update()
    assert reader.GetErrorCode() == 0, reader.GetErrorCode()
    grid = reader.GetOutput()
    corners = grid.GetCell(0).GetNumberOfPoints()
    cells = vtk_to_numpy(grid.GetCells().GetConnectivityArray()).reshape(-1, corners)
    named = lambda data: {data.GetArrayName(k): vtk_to_numpy(data.GetArray(k)) for k in range(data.GetNumberOfArrays())}
    return vtk_to_numpy(grid.GetPoints().GetData()), cells, named(grid.GetPointData()), named(grid.GetCellData())


def stiffness(points, cells):
    """The gradients of the linear functions of each cell, and its area or volume."""
    dim = cells.shape[1] - 1
    edges = points[cells[:, 1:], :dim] - points[cells[:, :1], :dim]
    # The gradients of all functions but the first are dual to the edges.
    others = numpy.linalg.inv(edges).transpose(0, 2, 1)
    gradients = numpy.concatenate([-others.sum(axis=1, keepdims=True), others], axis=1)
    return gradients, abs(numpy.linalg.det(edges)) / [1, 1, 2, 6][dim]


def residual(points, cells, sides, problem, u):
    """f - A u by numpy, 0 where u is held: linear elements once more, without anything of halocg."""
    gradients, sizes = stiffness(points, cells)
    flux = numpy.einsum("cid,cd->ci", gradients, numpy.einsum("cid,ci->cd", gradients, u[cells]))
    of_cells = (problem.get("source", 0) / cells.shape[1] - flux) * sizes[:, None]
    total = numpy.bincount(cells.ravel(), of_cells.ravel(), len(points))
    for group, value in problem.get("neumann", {}).items():
        corners = sides(group)
        edges = points[corners[:, 1:]] - points[corners[:, :1]]
        lengths = numpy.linalg.norm(edges[:, 0] if edges.shape[1] == 1 else numpy.cross(edges[:, 0], edges[:, 1]) / 2, axis=1)
        shares = numpy.repeat(value * lengths / corners.shape[1], corners.shape[1])
        total += numpy.bincount(corners.ravel(), shares, len(points))
    for group in problem["held"]:
        total[sides(group)] = 0
    return total


def check(halocg, mesh, problem, folder):
    vtu, output = folder / "u.vtu", folder / "u.mtx"
    path = ROOT / "meshes" / mesh
    conditions = [f"--{option}={group}={value}" for option in ("dirichlet", "neumann") for group, value in problem.get(option, {}).items()]
    # So early that there is a residual to speak of.
    how = ["--threads", str(RANKS), "--rtol", "1e-3", "--vtu", vtu, "--output", output]
    subprocess.run([halocg, "solve", path, *conditions, *how], check=True, stdout=subprocess.DEVNULL)
    u = numpy.array([float(line) for line in output.read_text().splitlines()[2:]])
    original = meshio.read(path)
    dim = max(block.dim for block in original.cells)
    in_file = numpy.vstack([block.data for block in original.cells if block.dim == dim])
    # Nodes that no cell has are left out; the others keep their order.
    used = numpy.unique(in_file)
    wanted = numpy.searchsorted(used, in_file)

    def sides(group):
        number = original.field_data[group][0]
        of_group = [b.data[n == number] for b, n in zip(original.cells, original.cell_data["gmsh:physical"]) if b.dim == dim - 1]
        return numpy.searchsorted(used, numpy.vstack(of_group))

    readers = [("meshio", read_by_meshio)] + ([("VTK", read_by_vtk)] if vtk else [])
    for name, reader in readers:
        points, cells, of_nodes, of_cells = reader(vtu)
        assert numpy.array_equal(points, original.points[used]), f"{mesh}, {name}: points"
        assert numpy.array_equal(numpy.sort(cells, axis=1), numpy.sort(wanted, axis=1)), f"{mesh}, {name}: cells"
        assert numpy.array_equal(of_nodes["u"], u), f"{mesh}, {name}: u"
        own = residual(points, cells, sides, problem, u)
        far = abs(own - of_nodes["residual"]).max() / abs(own).max()
        assert far < 1e-9, f"{mesh}, {name}: the residual is {far} away"
        assert set(of_cells["rank"]) == set(range(RANKS)), f"{mesh}, {name}: ranks"
        print(f"{mesh}: {len(points)} points, {len(cells)} cells, u, residual and ranks as they should be, read by {name}")
    if vtk and dim == 3:
        quality = vtk.vtkCellSizeFilter()
        source = vtk.vtkXMLUnstructuredGridReader()
        source.SetFileName(str(vtu))
        quality.SetInputConnection(source.GetOutputPort())
        quality.Update()
        volumes = vtk_to_numpy(quality.GetOutput().GetCellData().GetArray("Volume"))
        assert (volumes > 0).all(), f"{mesh}: a tetrahedron is inside out"
        print(f"{mesh}: every tetrahedron is the right way round, {volumes.sum():.6g} in all")


def main():
    halocg = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for mesh, problem in PROBLEMS.items():
            check(halocg, mesh, problem, folder)


main()

#!/bin/sh
# Makes the meshes of this folder from their geometries, and the small ones that tests/data/meshes holds in every
# format. Needs Gmsh (Debian: apt-get install gmsh). The committed files were made with version 4.8.4; another version
# may place its nodes elsewhere.
set -eu
cd "$(dirname "$0")"
command -v gmsh >/dev/null || { echo "make.sh: gmsh is not installed (Debian: apt-get install gmsh)" >&2; exit 1; }

mesh() { gmsh -v 2 -nt 1 "$@"; }
mesh -2 -format msh41 plate.geo -o plate.msh
mesh -2 -format msh22 lshape.geo -o lshape.msh
mesh -3 -format msh41 bracket.geo -o bracket.msh

data=../tests/data/meshes
mkdir -p "$data"
for format in 22 41; do
    mesh -2 -format "msh$format" -clscale 6 plate.geo -o "$data/plate$format.msh"
    mesh -2 -format "msh$format" -bin -clscale 6 plate.geo -o "$data/plate$format-binary.msh"
    mesh -3 -format "msh$format" -clscale 3 bracket.geo -o "$data/bracket$format.msh"
    mesh -3 -format "msh$format" -bin -clscale 3 bracket.geo -o "$data/bracket$format-binary.msh"
done

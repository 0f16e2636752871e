#!/usr/bin/env bash
# Builds halocg, solves a real matrix and a problem on a mesh on NP ranks (default 4) under mpirun, and draws a picture.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PATH:${CARGO_HOME:-${HOME:-}/.cargo}/bin   # rustup's shell setup may not have run
np=${NP:-4}

scripts/install-deps.sh

# Each MPI has its own target folder: the binding to MPI is not rebuilt when MPICC changes.
if command -v mpicc.openmpi >/dev/null; then
    suffix=.openmpi target=target
elif command -v mpicc.mpich >/dev/null; then
    suffix=.mpich target=target/mpich
else
    suffix='' target=target
fi
export MPICC=mpicc$suffix CARGO_TARGET_DIR=$target
mpirun=("mpirun$suffix")
if [[ $("${mpirun[0]}" --version 2>&1) =~ OpenRTE|Open\ MPI ]]; then
    # Four ranks on fewer cores: allow it, and do not pin them onto each other.
    mpirun+=(--oversubscribe --bind-to none)
    [ "$(id -u)" -ne 0 ] || mpirun+=(--allow-run-as-root)
    # Containers often forbid the system call behind single-copy messages; the demo does not need it.
    export OMPI_MCA_btl_vader_single_copy_mechanism=${OMPI_MCA_btl_vader_single_copy_mechanism:-none}
fi

# A dot per crate; anything else cargo has to say in full.
echo "Building halocg with $MPICC (some minutes the first time)"
${CARGO:-cargo} build --release 2>&1 | {
    dots=
    while IFS= read -r line; do
        case $line in
            *Compiling* | *Download* | *Updating* | *Locking* | *Adding* | *Blocking*) printf . && dots=1 ;;
            *) printf '%s%s\n' "${dots:+$'\n'}" "$line" && dots= ;;
        esac
    done
}

out=$target/demo
mkdir -p "$out"
halocg=$target/release/halocg
command=("${mpirun[@]}" -n "$np" "$halocg" solve meshes/plate_hole.mtx --pc jacobi --rtol 1e-10 --rhs A1
    --output "$out/x.mtx" --history "$out/history.csv" --json "$out/run.json")
printf '\n$ %s\n\n' "${command[*]}"
"${command[@]}"

command=("${mpirun[@]}" -n "$np" "$halocg" solve meshes/plate.msh --pc jacobi --dirichlet hole=100 --dirichlet left=20
    --conductivity copper=400 --conductivity steel=50 --png "$out/u.png" --png-partition "$out/ranks.png" --vtu "$out/u.vtu")
printf '\n$ %s\n\n' "${command[*]}"
"${command[@]}" | sed -n '1,/^residual/p'

cat <<END

Written: $out/x.mtx (the solution), history.csv (the residuals), run.json (all of the first summary for programs);
of the mesh $out/u.png (a picture of the solution: look at it), ranks.png (who owns what), u.vtu (for ParaView).
Try next:
  $halocg solve meshes/plate_hole.mtx --pc jacobi --rhs A1 --threads 2     the same without mpirun
  ${mpirun[*]} -n $np $halocg poisson --dim 3 --n 64
  $halocg compare model -n 1024
  $halocg --help
END

#!/bin/bash
# A long solve under PBS that no time limit can lose: halocg ends itself two minutes before the limit with code 4 and its
# state saved, and the job submits its continuation.
#
#   qsub -v matrix=A.mtx examples/pbs.sh
#
#PBS -N halocg
#PBS -l select=4:ncpus=32:mpiprocs=32
#PBS -l walltime=01:00:00
# What PBS runs is a copy of its own, wherever this file lies.
script=$(realpath "$0")
cd "$PBS_O_WORKDIR" || exit 1
matrix=${matrix:?"name a matrix: qsub -v matrix=A.mtx"}
state=${matrix%.mtx}.checkpoint

restart=()
if [ -e "$state" ]; then restart=(--restart "$state"); fi

mpirun halocg solve "$matrix" --pc bjacobi --rtol 1e-8 --max-seconds 3480 \
    --checkpoint "$state" --checkpoint-every 600s "${restart[@]}" \
    --output "${matrix%.mtx}.x.mtx" --json "${matrix%.mtx}.json"
code=$?
# 4: a limit or a signal. Any other code is an answer, or an error that another turn would meet again.
case $code in
    0) rm -f "$state" ;;
    4) qsub -v "matrix=$matrix" < "$script" ;;
esac
exit "$code"

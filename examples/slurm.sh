#!/bin/bash
# A long solve under Slurm that no time limit can lose: two minutes before the limit, Slurm sends SIGUSR1 to the ranks,
# halocg saves its state and ends with code 4, and the job asks for another turn.
#
#   sbatch examples/slurm.sh A.mtx
#
#SBATCH --job-name=halocg
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=32
#SBATCH --time=01:00:00
#SBATCH --signal=USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
matrix=${1:?"name a matrix"}
state=${matrix%.mtx}.checkpoint

restart=()
if [ -e "$state" ]; then restart=(--restart "$state"); fi

# One rank per core: the ranks do not start threads of their own. Where Slurm's default is another: srun --mpi=pmix.
srun --cpu-bind=cores halocg solve "$matrix" --pc bjacobi --rtol 1e-8 \
    --checkpoint "$state" --checkpoint-every 600s "${restart[@]}" \
    --output "${matrix%.mtx}.x.mtx" --json "${matrix%.mtx}.json"
code=$?
# 4: a limit or a signal. Any other code is an answer, or an error that another turn would meet again.
case $code in
    0) rm -f "$state" ;;
    4) scontrol requeue "$SLURM_JOB_ID" ;;
esac
exit "$code"

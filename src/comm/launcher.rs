//! What the launcher (`mpirun`, `srun`) announced to this process before MPI is initialised.

use crate::error::{Error, Result};

/// Variables in which launchers announce the number of ranks and this process's rank.
const ANNOUNCEMENTS: [(&str, &str); 3] = [
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"), // Open MPI's mpirun
    ("PMI_SIZE", "PMI_RANK"),                         // MPICH's mpirun and its relatives, Slurm's pmi2
    ("SLURM_NTASKS", "PMIX_RANK"),                    // Slurm's pmix
];

/// The size and rank that the launcher announced, if this process was started by one.
pub fn announced() -> Option<(usize, usize)> {
    ANNOUNCEMENTS.iter().find_map(|(size, rank)| Some((number(size)?, number(rank)?)))
}

fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.parse().ok()
}

/// What a shell has to be told before the program to start as many ranks again, by the launcher that started these, as far as
/// that can be known: `mpirun -n 4`.
pub fn words() -> Option<String> {
    let processors = sysinfo::System::physical_core_count().unwrap_or(usize::MAX);
    let is_root = is_root();
    announced().map(|(ranks, _)| words_for(ranks, processors, is_root, |name| std::env::var(name).ok()))
}

#[cfg(unix)]
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    // What a process is shown of itself belongs to its user.
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

fn words_for(ranks: usize, processors: usize, is_root: bool, variable: impl Fn(&str) -> Option<String>) -> String {
    // Under Slurm an mpirun may start its own processes by srun; the ranks have its variables then.
    let is_mpirun = ["OMPI_COMM_WORLD_SIZE", "MPI_LOCALNRANKS"].into_iter().any(|name| variable(name).is_some());
    let tasks = variable("SLURM_STEP_NUM_TASKS").and_then(|tasks| tasks.parse().ok());
    if !is_mpirun && tasks == Some(ranks) {
        return format!("srun -n {ranks}");
    }
    // Open MPI's ranks know how many they are here; it counts a slot for each core.
    let on_this_machine = variable("OMPI_COMM_WORLD_LOCAL_SIZE").and_then(|size| size.parse::<usize>().ok());
    let is_crowded = on_this_machine.is_some_and(|ranks| ranks > processors);
    let is_openmpi = variable("OMPI_COMM_WORLD_SIZE").is_some();
    let needs_leave = is_root && is_openmpi && variable("OMPI_ALLOW_RUN_AS_ROOT").is_none();
    let leave = if needs_leave { " --allow-run-as-root" } else { "" };
    format!("mpirun{leave}{} -n {ranks}", if is_crowded { " --oversubscribe" } else { "" })
}

/// The number of tasks that srun started and this task's own, where it told them nothing that MPI could find its ranks by
/// (Slurm calls that PMI), and there are several: to MPI each is alone.
///
/// Only srun sets the size of a step. The shell of a batch job knows the size of the job at most, and ranks that some
/// mpirun starts by way of srun have an announcement.
pub fn lone_task() -> Option<(usize, usize)> {
    let tasks = number("SLURM_STEP_NUM_TASKS").filter(|&tasks| tasks > 1 && announced().is_none())?;
    Some((tasks, number("SLURM_PROCID").unwrap_or(0)))
}

/// Refuses to be one of several such tasks, each of which would solve the whole problem and write the same files.
///
/// # Errors
/// When this process is one.
pub fn refuse_lone_task() -> Result<()> {
    let Some((tasks, _)) = lone_task() else { return Ok(()) };
    Err(Error::usage(if cfg!(feature = "mpi") {
        format!(
            "srun started {tasks} tasks but no MPI between them, so each would solve the whole problem: use srun \
             --mpi=pmix or --mpi=pmi2 (or --engine mpi if MPI needs neither, --engine alone if each is meant to)"
        )
    } else {
        format!(
            "srun started {tasks} tasks, each of which would solve the whole problem, as this halocg was built without \
             MPI: start one task and use --threads, or build it with the feature `mpi` (or --engine alone if each is meant to)"
        )
    }))
}

/// Compares what the launcher announced with the world that `library` found.
///
/// # Errors
/// When they differ: a program built for one MPI library under the launcher of another runs as
/// many separate jobs of one rank, each of which would solve the whole problem.
pub fn check(announced: Option<(usize, usize)>, world: usize, library: &str) -> Result<()> {
    match announced {
        Some((size, _)) if size != world => Err(Error::usage(format!(
            "the launcher started {size} ranks but this program's MPI library ({library}) sees {world}: \
             use the mpirun that belongs to that library, or build halocg for the launcher's MPI (MPICC=...)"
        ))),
        _ => Ok(()),
    }
}

/// True if a launcher started this process.
pub fn is_launched() -> bool {
    announced().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_launcher_is_the_one_that_started_the_ranks() {
        for (set, words) in [
            (&["PMI_SIZE=4", "MPI_LOCALNRANKS=4"][..], "mpirun -n 4"),
            (&["OMPI_COMM_WORLD_SIZE=4", "SLURM_STEP_NUM_TASKS=4"], "mpirun -n 4"),
            (&["MPI_LOCALNRANKS=2", "SLURM_STEP_NUM_TASKS=2"], "mpirun -n 4"),
            (&["OMPI_COMM_WORLD_SIZE=4", "OMPI_COMM_WORLD_LOCAL_SIZE=4"], "mpirun --oversubscribe -n 4"),
            (&["OMPI_COMM_WORLD_SIZE=4", "OMPI_COMM_WORLD_LOCAL_SIZE=2"], "mpirun -n 4"),
            (&["PMI_SIZE=4", "SLURM_STEP_NUM_TASKS=4"], "srun -n 4"),
        ] {
            let variable =
                |name: &str| set.iter().find_map(|set| Some(set.strip_prefix(name)?.strip_prefix('=')?.into()));
            assert_eq!(words_for(4, 2, false, variable), words, "{set:?}");
        }
        // Open MPI asks who the user is.
        for (set, words) in [
            (&["OMPI_COMM_WORLD_SIZE=4"][..], "mpirun --allow-run-as-root -n 4"),
            (&["OMPI_COMM_WORLD_SIZE=4", "OMPI_ALLOW_RUN_AS_ROOT=1"], "mpirun -n 4"),
            (&["PMI_SIZE=4", "MPI_LOCALNRANKS=4"], "mpirun -n 4"),
        ] {
            let variable =
                |name: &str| set.iter().find_map(|set| Some(set.strip_prefix(name)?.strip_prefix('=')?.into()));
            assert_eq!(words_for(4, 8, true, variable), words, "{set:?}");
        }
    }
}

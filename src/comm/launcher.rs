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
    let number = |name| std::env::var(name).ok()?.parse().ok();
    ANNOUNCEMENTS.iter().find_map(|(size, rank)| Some((number(size)?, number(rank)?)))
}

/// Compares what the launcher announced with the world that `library` found.
///
/// # Errors
/// When they differ: a program built for one MPI library under the launcher of another runs as
/// many separate jobs of one rank, each of which would solve the whole problem.
pub fn check(world: usize, library: &str) -> Result<()> {
    match announced() {
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

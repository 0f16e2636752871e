//! Times the reading of one Matrix Market file: `input READER FILE TIMES` prints a line of seconds, READER being `halocg` (on
//! one rank, or on those of an `mpirun`) or `sprs`. `make bench-input` calls it in turn with other readers.

use halocg::comm::{Comm, Op};
use halocg::memory::HugePages;
use halocg::problem::{self, Problem, Source};
use std::path::Path;

#[global_allocator]
static ALLOCATOR: HugePages = HugePages;

fn main() {
    // `cargo bench` adds an option of its own.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let [reader, file, times] = &words[..] else {
        println!("usage: input halocg|sprs FILE TIMES (make bench-input runs it)");
        return;
    };
    let times = times.parse().expect("TIMES is a number");
    let seconds: Vec<f64> = match reader.as_str() {
        "halocg" => {
            let comm = comm();
            let seconds = (0..times).map(|_| halocg_seconds(&comm, file)).collect();
            if !comm.is_root() {
                return;
            }
            seconds
        }
        "sprs" => (0..times).map(|_| sprs_seconds(file)).collect(),
        other => panic!("no reader is called {other}"),
    };
    println!("{}", seconds.iter().map(f64::to_string).collect::<Vec<_>>().join(" "));
}

fn comm() -> Comm {
    #[cfg(feature = "mpi")]
    if halocg::comm::launcher::is_launched() {
        return Comm::mpi().expect("MPI starts");
    }
    Comm::alone()
}

/// The slowest rank's, from a common start to the rows in even shares, checked.
fn halocg_seconds(comm: &Comm, file: &str) -> f64 {
    comm.reduced(Op::Max, 0);
    let start = comm.clock_seconds();
    let problem = problem::load(comm, &Source::File(file.into())).expect("a symmetric matrix");
    let mut seconds = [comm.clock_seconds() - start];
    comm.reduce_f64(Op::Max, &mut seconds);
    assert!(matches!(problem, Problem::Matrix(n, _) if n > 0));
    seconds[0]
}

fn sprs_seconds(file: &str) -> f64 {
    let start = std::time::Instant::now();
    let triplets = sprs::io::read_matrix_market::<f64, usize, _>(Path::new(file)).expect("a matrix");
    let seconds = start.elapsed().as_secs_f64();
    assert!(triplets.nnz() > 0);
    seconds
}

//! The program: start the ranks, run the task on each, end with one exit code.

use halocg::cli::{self, Cli, Engine, Task};
use halocg::comm::{self, Comm, launcher};
use halocg::error::{Error, ExitCode, Result};
use halocg::{pipeline, report, signals};
use std::io::Write as _;
use std::process::exit;

#[global_allocator]
static ALLOCATOR: halocg::memory::HugePages = halocg::memory::HugePages;

fn main() {
    abort_on_panic();
    // Without it, an allocation that fails ends the process by a signal.
    let _ = signals::exit_on_abort(ExitCode::Internal as i32);
    let launched = launcher::announced();
    let is_first = launched.or(launcher::lone_task()).is_none_or(|(_, rank)| rank == 0);
    let cli = Cli::from_arguments(std::env::args_os()).unwrap_or_else(|instead| {
        say_once(is_first, || instead.print());
        exit(instead.exit_code())
    });
    let code = run(cli, launched.map_or(1, |(size, _)| size)).unwrap_or_else(|error| {
        say_once(is_first, || print_error(&error));
        error.exit_code()
    });
    exit(code as i32)
}

/// Lets the first rank speak before any rank ends: launchers may end a job as soon as one rank has failed.
fn say_once(is_first: bool, speak: impl FnOnce()) {
    #[cfg(feature = "mpi")]
    if launcher::is_launched()
        && let Ok(comm) = Comm::mpi()
    {
        if comm.is_root() {
            speak();
        }
        comm.reduced(comm::Op::Max, 0); // nobody leaves before the root has spoken
        return;
    }
    // Without a common MPI the ranks cannot wait for each other.
    if is_first {
        speak();
    } else {
        std::thread::sleep(std::time::Duration::from_secs(3));
    }
}

fn run(cli: Cli, launched: usize) -> Result<ExitCode> {
    let (threads, engine) = (cli.threads, cli.engine);
    let task = cli.into_task()?;
    if let Task::Run(_) = task {
        signals::listen()
            .map_err(|cause| Error::new(ExitCode::Internal, format!("cannot listen to signals: {cause}")))?;
    }
    if engine == Engine::Auto {
        launcher::refuse_lone_task()?;
    }
    if let Some(ranks) = threads {
        if engine == Engine::Mpi {
            return Err(Error::usage("--threads and --engine mpi exclude each other"));
        }
        if launched > 1 {
            return Err(Error::usage("--threads is for one process; under mpirun the ranks are processes"));
        }
        return Ok(Comm::try_threads(ranks.into(), |comm| perform(comm, &task))?[0]);
    }
    match engine {
        Engine::Auto if !launcher::is_launched() => Ok(perform(&Comm::alone(), &task)),
        Engine::Alone if launched == 1 => Ok(perform(&Comm::alone(), &task)),
        Engine::Alone => Err(Error::usage("--engine alone under mpirun would solve the problem once per rank")),
        Engine::Auto | Engine::Mpi => over_mpi(&task, launched, engine),
    }
}

#[cfg(feature = "mpi")]
fn over_mpi(task: &Task, _: usize, _: Engine) -> Result<ExitCode> {
    // The communicator is dropped, and MPI finalised, before the process exits.
    Ok(perform(&Comm::mpi()?, task))
}

#[cfg(not(feature = "mpi"))]
fn over_mpi(task: &Task, launched: usize, engine: Engine) -> Result<ExitCode> {
    if launched > 1 || engine == Engine::Mpi {
        return Err(Error::usage(
            "this halocg was built without MPI: use --threads, or build it with the feature `mpi`",
        ));
    }
    Ok(perform(&Comm::alone(), task))
}

/// The task on one rank; errors are printed once.
fn perform(comm: &Comm, task: &Task) -> ExitCode {
    let done = match task {
        Task::Run(job) => pipeline::run(comm, job),
        Task::SideBySide(jobs) => pipeline::side_by_side(comm, jobs),
        Task::Survey(survey) => pipeline::survey(comm, survey),
        Task::Convert(conversion) => pipeline::convert(comm, conversion),
        Task::Info(job) => pipeline::info(comm, job),
        Task::Partition(job) => pipeline::partition(comm, job),
        Task::Predict(job) => pipeline::predict(comm, job),
        Task::Machine(effort, json) => pipeline::machine(comm, *effort, json.as_deref()),
        Task::Completions(_) | Task::ManualPages(_) if !comm.is_root() => Ok(ExitCode::Converged),
        Task::Completions(shell) => print_bytes(&cli::completions(*shell)),
        Task::ManualPages(folder) => cli::write_manual_pages(folder)
            .and_then(|()| print_bytes(report::written_line(&[folder.display().to_string()]).as_bytes())),
    };
    done.unwrap_or_else(|error| {
        if comm.is_root() {
            print_error(&error);
        }
        error.exit_code()
    })
}

/// Where nobody listens, the exit code has to do.
fn print_error(error: &Error) {
    let _ = std::io::stderr().write_all(format!("halocg: error: {error}\n").as_bytes());
}

fn print_bytes(text: &[u8]) -> Result<ExitCode> {
    pipeline::print(text).map(|()| ExitCode::Converged)
}

/// A panic is a bug: it ends the whole job at once. Unwinding would finalise MPI on one rank and
/// leave the others waiting.
fn abort_on_panic() {
    std::panic::set_hook(Box::new(|info| {
        let rank = launcher::announced().map_or(String::new(), |(_, rank)| format!(" on rank {rank}"));
        // In one piece, which the lines of other ranks cannot cut in two.
        let message = format!(
            "halocg: internal error{rank}: {info}\nThis is a bug; please report it with the command line and this message.\n"
        );
        let _ = std::io::stderr().write_all(message.as_bytes());
        comm::abort_job(ExitCode::Internal as i32)
    }));
}

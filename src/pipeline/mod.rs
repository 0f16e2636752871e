//! The one-way flow of a run: problem → partition → distribute → solve → report.

mod compare;
mod convert;
mod fields;
mod info;
mod keeper;
mod machine;
mod outcome;
mod outputs;
mod page;
mod partition;
mod predict;
mod vectors;

use crate::binned::MOST_TERMS;
use crate::comm::measure::{SumChoice, choose_sum};
use crate::comm::{Comm, Op, Phase};
use crate::distributed::{Layout, rows_to_owners};
use crate::error::{Error, ExitCode, Result};
use crate::faults;
use crate::files::write_file;
use crate::krylov::{self, Outcome, Replacement, Settings, StopOn};
use crate::operator::{DenseColumns, DistMatrix, MatrixOptions, Operator};
use crate::partition::{Message, Partition, assign};
use crate::performance::{Cut, choose, measure_parts, preconditioning};
use crate::preconditioner;
use crate::problem::{self, FileFormat, Loaded, Problem, Reading, Source};
use crate::report::{self, *};
use keeper::Keeper;
use outcome::{error_norms, outcome_facts};
use outputs::Results;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
use std::time::Instant;
use vectors::{initial_guess, refuse_singular, right_hand_side};

pub use compare::{Protocol, Survey, survey};
pub use convert::{Conversion, convert};
pub use info::{InfoJob, info};
pub use keeper::{Checkpointing, Every};
pub use machine::machine;
pub use partition::{PartitionJob, partition};
pub use predict::{PredictJob, predict};
pub use vectors::RightHandSide;

/// A solve, as asked for.
#[derive(Clone)]
pub struct Job {
    /// The matrix.
    pub source: Source,
    /// How files are read.
    pub reading: Reading,
    /// How global sums travel.
    pub sum: SumChoice,
    /// The right-hand side.
    pub rhs: RightHandSide,
    /// File with the initial guess; zero without one.
    pub x0: Option<PathBuf>,
    /// Who owns what.
    pub partition: Partition,
    /// How the matrix is kept and swept.
    pub matrix: MatrixOptions,
    /// The same bits whatever the ranks, the partition and how the matrix is kept and swept.
    pub reproducible: bool,
    /// The method; without one the performance model chooses it.
    pub solver: Option<&'static krylov::Kind>,
    /// The preconditioner.
    pub preconditioner: &'static preconditioner::Kind,
    /// Its options.
    pub preconditioning: preconditioner::Options,
    /// When to stop.
    pub settings: Settings,
    /// Checkpoints and the time limit.
    pub checkpointing: Checkpointing,
    /// Print every iterate.
    pub monitor: bool,
    /// Show how far the solve is.
    pub progress: ProgressLine,
    /// Print how the run was set up.
    pub view: bool,
    /// Measure the machine's bandwidth beside the solve, and print where the time went.
    pub log_view: bool,
    /// Files to write.
    pub files: Files,
    /// What the command line and its file of options came to, for the record.
    pub options: Options,
}

/// Files a run writes, if named.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// The solution, in original row order.
    pub output: Option<(PathBuf, FileFormat)>,
    /// The convergence history.
    pub history: Option<PathBuf>,
    /// The run as JSON.
    pub json: Option<PathBuf>,
    /// The folder for the run as a page, and as JSON beside it.
    pub report: Option<PathBuf>,
    /// The picture of who sends how many words to whom.
    pub comm_matrix: Option<PathBuf>,
    /// The picture of the solution.
    pub png: Option<PathBuf>,
    /// The picture of who owns what.
    pub png_partition: Option<PathBuf>,
    /// Solution, residual and owners on a mesh.
    pub vtu: Option<PathBuf>,
    /// The matrix itself (generated problems).
    pub matrix: Option<(PathBuf, FileFormat)>,
}

/// Runs a job, prints the summary, writes the files. Collective.
///
/// # Errors
/// Whatever went wrong before or after the solve; the same on every rank. A solve that does not
/// converge is not an error: its exit code is returned.
pub fn run(comm: &Comm, job: &Job) -> Result<ExitCode> {
    let _folders = outputs::check(comm, job)?;
    let mut results = Results::new(comm);
    let executed = execute(comm, job, &mut results);
    if executed.is_err() {
        let _ = results.tell();
    }
    let Executed { run, outcome, mut pictures, layout, places, residual, failure } = executed?;
    let shown = show(comm, || {
        let view = if job.view { report::view(&run) } else { String::new() };
        let log_view = if job.log_view { report::log_view(&run) } else { String::new() };
        format!("{}{view}{log_view}", report::summary(&run))
    });
    faults::enter(comm.rank(), "output");
    let files = &job.files;
    if let Some((path, format)) = &files.output {
        results.by_all(Some(path), |path| problem::write_vector(comm, &layout.to_even(&outcome.x), path, *format));
    }
    results
        .by_all(files.vtu.as_deref(), |path| fields::write_vtu(path, places.as_ref(), &layout, &outcome.x, &residual));
    results.by_root(files.history.as_deref(), |path| {
        write_file(path, report::history_csv(&outcome, &job.settings, !job.reproducible).as_bytes())
    });
    results.by_root(files.json.as_deref(), |path| write_file(path, report::to_json(&run).as_bytes()));
    // Last, since rank 0 needs memory for what it draws.
    let drawn = fields::draw(files, &run.problem.name, places.as_ref(), &layout, &outcome.x);
    for (path, picture) in [(&files.png, &drawn.solution), (&files.png_partition, &drawn.owners)] {
        results.by_root(path.as_deref(), |path| picture.as_ref().map_or(Ok(()), |png| write_file(path, png)));
    }
    drawn.add_to(&mut pictures);
    if let Some(folder) = &files.report {
        let [page, for_programs] = page::FILES.map(|name| folder.join(name));
        results.by_root(Some(&page), |path| write_file(path, report::page(&run, &outcome, &pictures).as_bytes()));
        results.by_root(Some(&for_programs), |path| write_file(path, report::to_json(&run).as_bytes()));
    }
    results.finish(shown)?;
    // Nothing else is lost, but there is no going on either.
    failure.map_or(Ok(()), Err)?;
    Ok(outcome.reason.exit_code())
}

/// Solves the same problem in several ways, each with a title, and prints them side by side. Collective.
///
/// # Errors
/// As for [`run`].
pub fn side_by_side(comm: &Comm, jobs: &[(&str, Job)]) -> Result<ExitCode> {
    let json = jobs[0].1.files.json.as_deref();
    outputs::check_files(comm, &[], &[("--json", json)])?;
    let mut results = Results::new(comm);
    let mut runs = Vec::new();
    let mut outcomes = Vec::new();
    for (title, job) in jobs {
        let Executed { run, outcome, .. } = execute(comm, job, &mut results)?;
        runs.push((*title, run));
        outcomes.push(outcome);
    }
    let worst = outcomes.iter().map(|outcome| outcome.reason.exit_code()).max_by_key(|&code| code as u8);
    let differences = outcomes.iter().map(|outcome| history_difference(&outcomes[0], outcome)).fold(0.0, f64::max);
    let shown = show(comm, || report::side_by_side(&runs, differences));
    results.by_root(json, |path| {
        let all: Vec<String> = runs.iter().map(|(_, run)| report::to_json(run)).collect();
        write_file(path, format!("[{}]\n", all.join(",")).as_bytes())
    });
    results.finish(shown)?;
    Ok(worst.unwrap_or(ExitCode::Internal))
}

/// Root prints a result.
///
/// # Errors
/// When root cannot [`print`] it. The other ranks are still to be told.
fn show(comm: &Comm, text: impl FnOnce() -> String) -> Result<()> {
    if comm.is_root() { print(text().as_bytes()) } else { Ok(()) }
}

/// Prints a result.
///
/// # Errors
/// When it cannot be written, as on a full disk; that nobody reads on is no error.
pub fn print(text: &[u8]) -> Result<()> {
    let mut stdout = std::io::stdout();
    match stdout.write_all(text).and_then(|()| stdout.flush()) {
        Err(cause) if cause.kind() != ErrorKind::BrokenPipe => {
            Err(Error::new(ExitCode::Internal, format!("standard output: cannot write the result: {cause}")))
        }
        _ => Ok(()),
    }
}

/// Largest |‖r_k‖ − ‖r'_k‖| / ‖r_k‖ over the iterates that both have.
fn history_difference(one: &Outcome, other: &Outcome) -> f64 {
    let pairs = one.history.iter().zip(&other.history);
    pairs.map(|(a, b)| (a.residual - b.residual).abs() / a.residual.abs().max(f64::MIN_POSITIVE)).fold(0.0, f64::max)
}

/// What a job led to.
struct Executed {
    run: Run,
    outcome: Outcome,
    /// For the page, if there is to be one; on the root.
    pictures: Pictures,
    layout: Layout,
    /// Where the rows lie, if a file wants to know.
    places: Option<Problem>,
    /// b - A x, if a file wants it; else empty.
    residual: Vec<f64>,
    /// Why the last checkpoint could not be written.
    failure: Option<Error>,
}

/// Everything but the output. Collective.
fn execute(comm: &Comm, job: &Job, results: &mut Results) -> Result<Executed> {
    let begin = Instant::now();
    let clock = || comm.clock_seconds();
    let sum = choose_sum(comm, job.sum)?;
    let start = clock();
    let command: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let origin = if comm.is_root() { Origin::here(&command) } else { Origin::default() };
    faults::enter(comm.rank(), "load");
    let Loaded { problem, duplicates } = problem::load_with(comm, &job.source, &job.reading)?;
    let comm = &if job.reproducible { comm.reproducible() } else { comm.clone() };
    if job.reproducible && problem.n() > MOST_TERMS {
        return Err(Error::usage(format!("--reproducible serves up to {MOST_TERMS} rows, not {}", problem.n())));
    }
    fields::check(&job.files, &job.source, &problem)?;
    if let Some((path, format)) = &job.files.matrix {
        problem::write_matrix(comm, &problem, path, *format)?;
        results.note(path);
    }
    let loaded = clock();
    let Distributed { mut a, facts, messages, partitioned } =
        distribute(comm, &job.source, &problem, &job.partition, &job.matrix)?;
    let a = a.as_mut();
    if let (Some(path), Some((partition, _))) = (&job.files.comm_matrix, &facts) {
        let title = format!("{}, {}", describe(&job.source), partition.method);
        partition::draw(comm, &messages, comm.size(), &title, path)?;
        results.note(path);
    }
    let distributed = clock();
    faults::enter(comm.rank(), "preconditioner");
    check_diagonal(a, &job.source)?;
    let mut m = job.preconditioner.build_with(a, &job.preconditioning)?;
    let prepared = clock();

    faults::enter(comm.rank(), "vectors");
    let (b, solution) = right_hand_side(&job.rhs, &problem, a)?;
    if matches!((&job.rhs, &problem), (RightHandSide::A1 | RightHandSide::Own, Problem::Matrix(..))) {
        refuse_singular(a, &b, || describe(&job.source))?;
    }
    let x0 = initial_guess(job, &problem, a.layout())?;
    let choosing = clock();
    let choice = job.solver.is_none().then(|| {
        let parts = measure_parts(a, m.as_mut());
        let cut = if a.one_sweep().is_some() { Cut::OneSweep } else { Cut::Passes };
        choose(&parts, preconditioning(m.as_ref()), cut)
    });
    let solver = choice.as_ref().map(|choice| choice.kind).or(job.solver).expect("without a method one was chosen");
    let choosing = clock() - choosing;
    let reference = krylov::norm(a, &b);
    let mut keeper = Keeper::new(job, solver, a.layout(), &problem, &b, reference, begin);
    let begin = keeper.begin(a.layout(), x0.as_deref())?;
    let filled = clock();
    let (seconds_before, counts_before) = (comm.profile().seconds(), comm.profile().counts());
    let hidden_before = comm.profile().hidden_sum_seconds();
    let preconditioner_before = m.counts();
    let outcome = krylov::solve_watched(a, m.as_mut(), &b, begin, solver, &job.settings, &mut keeper)
        .ok_or_else(|| keeper.misfit())?;
    let (checkpoint, failure) = keeper.done(outcome.reason);
    let hidden_sum_seconds = Spread::over(comm, comm.profile().hidden_sum_seconds() - hidden_before);
    let counts = comm.profile().counts().since(&counts_before);
    let with = preconditioning(m.as_ref());
    let sweeps = a.one_sweep().is_some() && Cut::OneSweep.sweeps(solver, with);
    let spent = std::array::from_fn(|phase| comm.profile().seconds()[phase] - seconds_before[phase]);
    let phases = PhaseSeconds::new(comm, &spent, |phase| match phase {
        Phase::Product => counts.product_bytes,
        Phase::Sweep => counts.sweep_bytes,
        Phase::Vectors if !sweeps => {
            let words = u64::from(solver.cost.vector_words(with)) * a.layout().len() as u64;
            size_of::<f64>() as u64 * words * outcome.iterations_here()
        }
        _ => 0,
    });
    let vectors = 1 + solver.cost.vectors(with, sweeps);
    let memory = MemoryFacts::new(comm, a.bytes_per_pass(0), vectors, a.layout().len());
    let bandwidth = (job.log_view || job.files.report.is_some()).then(|| BandwidthFacts::measured(comm, &memory));
    let preconditioner_counts = m.counts().since(&preconditioner_before);

    let slowest = |seconds: f64| Spread::over(comm, seconds).max;
    let run = Run {
        schema: report::SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        command,
        options: job.options.clone(),
        origin,
        machine: Machine { ranks: comm.size(), engine: comm.describe() },
        sum,
        problem: ProblemFacts {
            name: describe(&job.source),
            rows: problem.n(),
            nonzeros: comm.reduced(Op::Sum, a.stored_entries()),
            duplicates,
            rhs: job.rhs.describe(&problem),
            mesh: job.rhs.mesh_facts(&job.source, &problem),
        },
        storage: facts.as_ref().map(|(_, storage)| StorageFacts {
            schedule: solver.sweeps.then_some(if sweeps { "one-sweep" } else { "overlap" }),
            ..storage.clone()
        }),
        partition: facts.map(|(partition, _)| partition),
        method: MethodFacts {
            solver: solver.name,
            choice: choice.as_ref().map(|choice| ChoiceFacts::new(choice, slowest(choosing))),
            reproducible: job.reproducible,
            preconditioner: job.preconditioner.name,
            sub_preconditioner: (job.preconditioner.name == "bjacobi").then_some(job.preconditioning.sub_pc.name),
            preconditioner_note: m.note(),
            rtol: job.settings.rtol,
            atol: job.settings.atol,
            divtol: job.settings.divtol,
            max_iterations: job.settings.max_iterations,
            stop_on: match job.settings.stop_on {
                StopOn::Residual => "residual",
                StopOn::ErrorA => "error-a",
            },
            replace_every: match job.settings.replacement {
                Replacement::Every(period) => Some(period),
                Replacement::WhenNeeded | Replacement::Never => None,
            },
            check_health: job.settings.check_health,
        },
        outcome: outcome_facts(
            &outcome,
            &job.settings,
            slowest(outcome.seconds),
            slowest(outcome.seconds_per_iteration()),
            solution.map(|(against, x)| error_norms(a, against, &outcome.x, &x)),
        ),
        setup_seconds: SetupSeconds {
            load: slowest(loaded - start),
            partition: slowest(partitioned - loaded),
            distribute: slowest(distributed - partitioned),
            preconditioner: slowest(prepared - distributed),
            vectors: slowest(filled - prepared - choosing),
        },
        traffic: Traffic::new(comm, &counts, &preconditioner_counts, outcome.iterations_here(), &phases),
        phases,
        memory,
        bandwidth,
        checkpoint,
        hidden_sum_seconds,
    };
    let pictures = match &job.files.report {
        Some(_) => page::pictures(comm, &problem, &messages, &run.problem.name),
        None => Pictures::default(),
    };
    let residual = if job.files.vtu.is_some() { krylov::residual(a, &b, &outcome.x) } else { Vec::new() };
    let places = job.files.draws().then_some(problem);
    Ok(Executed { run, outcome, pictures, layout: a.layout().clone(), places, residual, failure })
}

/// A problem on its owners.
struct Distributed {
    a: Box<dyn Operator>,
    /// None of the dense problem.
    facts: Option<(PartitionFacts, StorageFacts)>,
    /// What this rank sends in an exchange.
    messages: Vec<Message>,
    /// When the partition was decided.
    partitioned: f64,
}

/// The problem to its owners. Collective.
fn distribute(
    comm: &Comm,
    source: &Source,
    problem: &Problem,
    choice: &Partition,
    options: &MatrixOptions,
) -> Result<Distributed> {
    if let Problem::Dense(spectrum) = problem {
        let a = Box::new(DenseColumns::new(comm, spectrum));
        return Ok(Distributed { a, facts: None, messages: Vec::new(), partitioned: comm.clock_seconds() });
    }
    faults::enter(comm.rank(), "partition");
    let owners = assign(comm, problem, choice)?;
    faults::enter(comm.rank(), "distribute");
    let partitioned = comm.clock_seconds();
    let matrix = match source {
        Source::PoissonMatrixFree(stencil) => DistMatrix::matrix_free(comm, stencil, &owners, options.schedule),
        _ => DistMatrix::with_options(comm, problem.n(), rows_to_owners(comm, problem, &owners), &owners, options)?,
    };
    let facts = (PartitionFacts::new(choice, &matrix), StorageFacts::new(&matrix));
    let (from, send) = (comm.rank() as u32, &matrix.plan().send);
    let message = |(to, rows): &(usize, Vec<u32>)| Message { from, to: *to as u32, rows: rows.len() as u64 };
    let messages = send.iter().map(message).collect();
    Ok(Distributed { a: Box::new(matrix), facts: Some(facts), messages, partitioned })
}

/// A positive definite matrix has a positive diagonal: the cheapest test there is.
fn check_diagonal(a: &dyn Operator, source: &Source) -> Result<()> {
    let diagonal = a.diagonal();
    let bad = diagonal.iter().zip(a.layout().rows()).find(|(entry, _)| entry.is_nan() || **entry <= 0.0);
    a.layout().comm().agree(match bad {
        None => Ok(()),
        Some((entry, row)) => Err(Error::not_spd(format!(
            "{}: A({row},{row}) = {entry}: a positive definite matrix has a positive diagonal",
            describe(source),
            row = row + 1
        ))),
    })
}

fn describe(source: &Source) -> String {
    match source {
        Source::File(path) | Source::Mesh(path, _) => path.display().to_string(),
        Source::Poisson(stencil) | Source::PoissonMatrixFree(stencil) => {
            let points: Vec<String> = stencil.points[..stencil.dim].iter().map(u64::to_string).collect();
            let coefficients = match stencil.coefficients {
                [1.0, 1.0, 1.0] => String::new(),
                along => format!(" with coefficients {:?}", &along[..stencil.dim]),
            };
            format!(
                "Poisson {}D, {} points, {}-point stencil{coefficients}, {}",
                stencil.dim,
                points.join(" x "),
                stencil.size(),
                if matches!(source, Source::Poisson(_)) { "assembled" } else { "matrix-free" }
            )
        }
        Source::ModelDense(spectrum) | Source::ModelSparse(spectrum) => {
            let stored = if matches!(source, Source::ModelDense(_)) { "dense" } else { "sparse" };
            format!(
                "diagonal model problem, n = {}, kappa = {:e}, rho = {}, stored {stored}",
                spectrum.n, spectrum.kappa, spectrum.rho
            )
        }
    }
}

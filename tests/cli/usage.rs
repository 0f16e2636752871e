//! The command line: what is refused, what is suggested instead, and the launchers.

use crate::common::{Finished, HAS_MPI, Launch, finish, halocg};
use crate::support::{Folder, Sparse, both, run};
use halocg::{krylov, preconditioner};

/// Refused in the same way whatever the ranks: the arguments, and a part of the message.
const REFUSED: &[(&str, &str)] = &[
    ("", "Usage: halocg"),
    ("solv a.mtx", "similar subcommand exists: 'solve'"),
    ("solve", "arguments were not provided:\n  <MATRIX>"),
    ("solve a.mtx b.mtx", "unexpected argument 'b.mtx'"),
    ("solve a.mtx --solvr hs-cg", "a similar argument exists: '--solver'"),
    ("solve a.mtx --solver hscg", "a similar value exists: 'hs-cg'"),
    ("solve a.mtx --pc jacoby", "a similar value exists: 'jacobi'"),
    ("solve a.mtx --pc", "a value is required for '--pc <PC>'"),
    ("solve a.mtx --ksp-typ cg", "a similar argument exists: '--ksp-type'"),
    ("solve a.mtx --partition metus", "metis"),
    ("solve a.mtx --partition file:", "file:PATH"),
    ("solve a.mtx --rtol x", "must be a "),
    ("solve a.mtx --rtol nan", "must be a "),
    ("solve a.mtx --rtol inf", "must be a "),
    ("solve a.mtx --rtol=-1", "must be a "),
    ("solve a.mtx --rtol -1", "must be a "),
    ("solve a.mtx --atol=-1e-9", "must be a "),
    ("solve a.mtx --divtol big", "must be a "),
    ("solve a.mtx --max-it 1.5", "'--max-it <MAX_IT>'"),
    ("solve a.mtx --max-it=-1", "'--max-it <MAX_IT>'"),
    ("solve a.mtx --rhs random:x", "the seed must be a whole number"),
    ("solve a.mtx --threads 0", "0 is not in 1..="),
    ("solve a.mtx --threads two", "'--threads <P>'"),
    ("solve a.mtx --threads 1000000", "'--threads <P>'"),
    ("solve a.mtx --threads 2 --engine mpi", "exclude each other"),
    ("solve a.mtx --stop-on error", "a similar value exists: 'error-a'"),
    ("solve a.mtx --lambda-min 0", "must be a "),
    ("solve a.mtx --replace-every 0", "0 is not in 1.."),
    ("poisson", "arguments were not provided:\n  --n <N>"),
    ("poisson --n 0", "0 is not in 1.."),
    ("poisson --n 4 --dim 4", "4 is not in 2..=3"),
    ("poisson --n 4,5 --dim 3", "--n names 2 axes, but --dim is 3"),
    ("poisson --n 4,5,6", "--n names 3 axes, but --dim is 2"),
    ("poisson --n 4 --stencil 7", "use --stencil 5 or 9"),
    ("poisson --n 4 --dim 3 --stencil 9", "use --stencil 7 or 27"),
    ("poisson --n 4 --coefficients 1,2,3", "--coefficients names 3 axes, but --dim is 2"),
    ("poisson --n 4 --coefficients 1,0", "must be a "),
    ("poisson --n 4 --stencil 9 --coefficients 1,2", "--coefficients belongs to --stencil 5 and 7"),
    ("poisson --n 4000000000", "2^62 points"),
    ("poisson --n 4 --matrix-free --format csr", "cannot be used with"),
    ("solve a.mtx --format ellpack", "'--format <FORMAT>'"),
    ("solve a.mtx --sum recursive-doublin", "a similar value exists: 'recursive-doubling'"),
    ("poisson --n 9 --sum recursive-doubling", "start halocg with mpirun"),
    ("poisson --n 9 --threads 2 --sum recursive-doubling", "start halocg with mpirun"),
    ("compare poisson --n 9 --sum recursive-doubling", "start halocg with mpirun"),
    ("solve a.mtx --schedule onesweep", "a similar value exists: 'one-sweep'"),
    ("solve a.mtx --schedule one-sweep --pc ssor", "--schedule one-sweep needs"),
    ("solve a.mtx --schedule one-sweep --solver hs-cg", "--schedule one-sweep needs"),
    ("solve a.mtx --schedule one-sweep --solver auto --pc ssor", "--schedule one-sweep needs"),
    ("solve a.mtx --solver auto --restart a.ckpt", "name it with --solver, instead of auto"),
    ("solve a.mtx --solver aut", "a similar value exists: 'auto'"),
    ("compare a.mtx --schedule one-sweep --solvers hs-cg,gv-cg", "--schedule one-sweep needs"),
    ("solve a.mtx --sub-pc ic0", "--sub-pc belongs to --pc bjacobi"),
    ("solve a.mtx --pc bjacobi --sub-pc ilu", "'--sub-pc <SUB_PC>'"),
    ("solve a.mtx --pc jacobi --chebyshev-degree 3", "--chebyshev-degree belongs to --pc chebyshev"),
    ("poisson --n 9 --matrix-free --ordering rcm", "cannot be used with"),
    ("model -n 9 --format csr", "--format, --ordering and --schedule do not apply"),
    ("model", "arguments were not provided:\n  --n <N>"),
    ("model -n 0", "0 is not in 1..="),
    ("model -n 9 --kappa 0.5", "must be a "),
    ("model -n 9 --rho 0", "must be a "),
    ("model -n 9 --rho 1.1", "must be a "),
    ("model -n 9 --partition metis", "--partition does not apply"),
    ("compare", "arguments were not provided:\n  <MATRICES>"),
    ("compare a.mtx --solvers hs-cg,pipe", "`pipe` is not one of"),
    ("compare a.mtx --pc jacoby", "`jacoby` is not one of"),
    ("compare a.mtx --protocol papr", "a similar value exists: 'paper'"),
    ("compare a.mtx --protocol paper", "--protocol paper needs --iterations"),
    ("compare a.mtx --iterations 9", "--iterations belongs to --protocol paper"),
    ("compare poisson --n 4 --stencil 7", "use --stencil 5 or 9"),
    ("solve a.mtx -ksp_type cg", "-ksp_type: long options begin with two dashes: --solver, or --ksp_type"),
    ("solve a.mtx -options_left", "-options_left: long options begin with two dashes"),
    ("solve a.mtx --progress always", "[possible values: auto, on, off]"),
    ("solve a.mtx --pc_type icc", "tip: --pc bjacobi --sub-pc ic0"),
    ("solve a.mtx --report a.html", "it names a folder"),
    ("solve -f a.mtx", "the file of the matrix is named without an option"),
    ("compare model -n 9 --output x.mtx", "unexpected argument '--output'"),
    ("compare model -n 9 --history x.csv", "unexpected argument '--history'"),
];

/// How often `part` occurs in what was said to the user.
fn count(finished: &Finished, part: &str) -> usize {
    finished.stderr.matches(part).count()
}

/// What is wrong with the refusal of these arguments.
fn complaint(how: Launch, args: &str, says: &str) -> Option<String> {
    let finished = run(how, &args.split_whitespace().collect::<Vec<_>>());
    let said_once = count(&finished, says) == 1 && count(&finished, "error:") <= 1;
    let good = finished.code == Some(2) && said_once && finished.stdout.is_empty() && count(&finished, "panicked") == 0;
    (!good).then(|| format!("\n* {how:?} {args}\n  wanted {says:?} once, got {finished:?}"))
}

fn refused<'a>(how: Launch, cases: impl IntoIterator<Item = &'a (&'a str, &'a str)>) {
    let complaints: String = cases.into_iter().filter_map(|(args, says)| complaint(how, args, says)).collect();
    assert!(complaints.is_empty(), "{complaints}");
}

#[test]
fn what_cannot_be_done_is_refused_with_advice() {
    refused(Launch::Alone, REFUSED);
}

#[test]
#[cfg(feature = "mpi")]
fn refusals_are_printed_once_under_mpirun() {
    let parts = ["--solvr", "--rtol x", "poisson --n 4 --stencil", "--output", "--threads 0"];
    refused(Launch::Mpirun(3), REFUSED.iter().filter(|(args, _)| parts.iter().any(|part| args.contains(part))));
    let more = [
        ("poisson --n 5 --threads 2", "under mpirun the ranks are processes"),
        ("poisson --n 5 --engine alone", "once per rank"),
    ];
    refused(Launch::Mpirun(3), &more);
}

#[test]
fn boxes_need_a_grid() {
    let folder = Folder::new("boxes");
    let matrix = folder.write("a.mtx", Sparse::network(9).text());
    for how in both(3) {
        let finished = run(how, &["solve", &matrix, "--partition", "boxes"]);
        let said = count(&finished, "halocg: error: --partition boxes needs a structured grid");
        assert_eq!((finished.code, said, finished.stdout.as_str()), (Some(2), 1, ""), "{how:?} {finished:?}");
    }
}

/// Launchers may end a job as soon as one rank has failed: the rank that speaks must come first.
#[test]
#[cfg(feature = "mpi")]
fn a_refusal_is_not_lost_when_the_first_rank_starts_last() {
    let folder = Folder::new("late first rank");
    let script = "[ \"${OMPI_COMM_WORLD_RANK:-$PMI_RANK}\" = 0 ] && sleep 2\nexec \"$@\"\n";
    let script = folder.write("late.sh", script);
    for (args, says) in [
        ("solve a.mtx --solvr hs-cg", "a similar argument exists: '--solver'"),
        ("model -n 9 --partition metis", "--partition does not apply"),
        ("--threads 2 solve a.mtx", "under mpirun the ranks are processes"),
        ("solve no-such-file.mtx", "cannot read it"),
    ] {
        let mut command = Launch::Mpirun(3).command("/bin/sh".as_ref());
        command.arg(&script).arg(halocg()).args(args.split_whitespace());
        let finished = finish(command);
        assert_eq!(count(&finished, says), 1, "{args}: {finished:?}");
    }
}

#[test]
#[cfg(feature = "mpi")]
fn a_launcher_of_another_mpi_is_refused() {
    let Some(mut command) = crate::common::foreign_mpirun(3) else { return };
    command.arg(halocg()).args(["poisson", "--n", "5"]);
    let finished = finish(command);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert_eq!(
        count(&finished, "halocg: error: the launcher started 3 ranks but this program's MPI library"),
        1,
        "{finished:?}"
    );
    assert!(!finished.stdout.contains("result"), "{finished:?}");
}

#[test]
#[cfg(not(feature = "mpi"))]
fn a_build_without_mpi_does_not_solve_once_per_rank() {
    for variables in
        [[("OMPI_COMM_WORLD_SIZE", "3"), ("OMPI_COMM_WORLD_RANK", "0")], [("PMI_SIZE", "3"), ("PMI_RANK", "0")]]
    {
        let mut command = Launch::Alone.command(halocg());
        command.args(["poisson", "--n", "5"]).envs(variables);
        let finished = finish(command);
        assert_eq!((finished.code, count(&finished, "built without MPI")), (Some(2), 1), "{finished:?}");
    }
    refused(Launch::Alone, &[("poisson --n 5 --engine mpi", "built without MPI")]);
}

/// What srun sets where it has no PMI: a step of several tasks, and nothing of MPI.
#[test]
fn tasks_of_srun_without_mpi_are_refused() {
    let folder = Folder::new("srun");
    let start = |args: &[&str], procid: &str, tasks: &str| {
        let mut command = Launch::Alone.command(halocg());
        command.args(["poisson", "--n", "5"]).args(args).current_dir(folder.path(""));
        command.envs([("SLURM_STEP_NUM_TASKS", tasks), ("SLURM_PROCID", procid), ("SLURM_NTASKS", "128")]);
        finish(command)
    };
    for args in [&["--json", "run.json"][..], &["--threads", "2"], &["--engine", "mpi"]] {
        let finished = start(args, "0", "128");
        let remedy = if HAS_MPI { "use srun --mpi=pmix or --mpi=pmi2" } else { "without MPI" };
        assert_eq!((finished.code, count(&finished, remedy)), (Some(2), 1), "{finished:?}");
        assert!(finished.stdout.is_empty() && finished.stderr.lines().count() == 1, "{finished:?}");
    }
    assert_eq!(folder.names(), [""; 0]);
    let finished = start(&[], "5", "128");
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(2), ""), "only the first task speaks");
    // A step of one task, a batch job's own shell, and who asks for it.
    assert_eq!(start(&[], "0", "1").code, Some(0));
    assert_eq!(start(&["--engine", "alone"], "5", "128").code, Some(0));
    let mut command = Launch::Alone.command(halocg());
    command.args(["poisson", "--n", "5"]).envs([("SLURM_PROCID", "0"), ("SLURM_NTASKS", "128")]);
    assert_eq!(finish(command).code, Some(0));
}

/// Ranks of mpirun are told who they are, whatever the job's launcher sets for mpirun's own helpers.
#[test]
#[cfg(feature = "mpi")]
fn ranks_of_mpirun_in_a_step_are_not_refused() {
    let mut command = Launch::Mpirun(1).command("env".as_ref());
    command.args(["SLURM_STEP_NUM_TASKS=3", "SLURM_PROCID=1"]).arg(halocg()).args(["poisson", "--n", "5"]);
    let finished = finish(command);
    assert_eq!(finished.code, Some(0), "{finished:?}");
}

/// Under a launcher standard error is a pipe.
#[test]
fn progress_is_shown_in_a_pipe_if_asked_for() {
    for how in [vec![Launch::Alone], both(2)].concat() {
        let lines = |args: &[&str]| {
            let finished = run(how, &[&["poisson", "-n", "30"], args].concat());
            assert_eq!(finished.code, Some(0), "{finished:?}");
            assert!(!finished.stderr.contains(['\r', '\x1b']), "{finished:?}");
            finished.stderr.lines().filter(|line| line.starts_with("iteration ")).count()
        };
        assert_eq!(lines(&["--progress", "on"]), 1, "{how:?}");
        assert_eq!(lines(&["--progress", "on", "--monitor"]), 1, "{how:?}");
        assert_eq!((lines(&["--progress", "off"]), lines(&[])), (0, 0), "{how:?}");
    }
}

#[test]
fn help_and_version_are_printed_once_and_succeed() {
    let version = format!("halocg {}\n", env!("CARGO_PKG_VERSION"));
    for how in [Launch::Alone, Launch::Mpirun(3)].into_iter().take(1 + usize::from(HAS_MPI)) {
        for flag in ["--version", "-V"] {
            let finished = run(how, &[flag]);
            assert_eq!((finished.code, finished.stdout.as_str()), (Some(0), version.as_str()), "{finished:?}");
        }
        let finished = run(how, &["--help"]);
        assert_eq!(
            (finished.code, finished.stdout.matches("Exit codes: 0 converged").count()),
            (Some(0), 1),
            "{finished:?}"
        );
    }
}

#[test]
fn help_names_every_command_method_preconditioner_and_exit_code() {
    let help = |args: &[&str]| {
        let finished = run(Launch::Alone, args);
        assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""), "{args:?}");
        finished.stdout
    };
    let all = help(&["--help"]);
    for word in ["solve", "poisson", "model", "compare", "--threads", "0 converged", "2 usage", "3 bad input"] {
        assert!(all.contains(word), "{word} is not in {all}");
    }
    assert!(all.lines().count() <= 36, "one screen: {all}");
    // An option by itself, and a subcommand, wherever it stands.
    let rtol = help(&["solve", "--help", "ksp_rtol"]);
    assert!(rtol.starts_with("--rtol <RTOL>, --ksp-rtol: ") && rtol.contains("[default: "), "{rtol}");
    assert_eq!(help(&["--help", "rtol"]), rtol);
    assert!(help(&["poisson", "--help", "--n"]).starts_with("-n, --n <N>: "));
    assert!(help(&["solve", "--help", "dirichlet"]).starts_with("--dirichlet <GROUP=VALUE>: "));
    assert!(help(&["solve", "--help", "MATRIX"]).starts_with("<MATRIX>: "));
    for (typed, plain) in [
        (&["solve", "--help", "o"][..], &["solve", "--help", "output"][..]),
        (&["solve", "--help", "-o"], &["solve", "--help", "output"]),
        (&["poisson", "--help", "-n"], &["poisson", "--help", "n"]),
        (&["solve", "--help=ksp_rtol"], &["solve", "--help", "rtol"]),
        (&["solve", "--help=-o"], &["solve", "--help", "output"]),
        (&["solve", "--help", "poisson"], &["poisson", "--help"]),
    ] {
        assert_eq!(help(typed), help(plain), "{typed:?}");
    }
    assert!(help(&["poisson", "--help", "n"]).starts_with("-n, --n <N>: "));
    let flag = help(&["solve", "--help", "monitor"]);
    assert!(flag.starts_with("--monitor") && !flag.contains("default"), "{flag}");
    assert!(help(&["poisson", "--help", "solver"]).contains("\n\n  pipe-pr-cg  "));
    let all = help(&["solve", "--help"]);
    assert_eq!(help(&["--help", "solve"]), all);
    // What is no name gets all there is, and what may have been meant.
    for (args, end) in [
        (&["solve", "--help", "solvr"][..], "There is nothing about solvr; there is --solver.\n"),
        (&["--help", "slove"], "There is nothing about slove; there is solve.\n"),
        (&["poisson", "--help", "xyzzy"], "There is nothing about xyzzy.\n"),
        (&["solve", "a.mtx", "-h", "-o", "x"], ""),
        (&["solve", "--help", "A.mtx"], "A.mtx.\n"),
    ] {
        let text = help(args);
        assert!(text.contains("Usage: halocg") && text.ends_with(end), "{args:?}: {text}");
    }
    for command in ["solve", "poisson", "model"] {
        for flag in ["--help", "-h"] {
            let text = help(&[command, flag]);
            let methods = krylov::TABLE.iter().map(|kind| kind.name);
            let options = ["--rtol", "--max-it", "--rhs", "--output", "--history", "--json", "--threads"];
            for word in methods.chain(preconditioner::TABLE.iter().map(|kind| kind.name)).chain(options) {
                assert!(text.contains(word), "{word} is not in the help of {command:?}: {text}");
            }
        }
    }
}

/// Where memory is limited, threads are as well.
#[cfg(target_os = "linux")]
#[test]
fn threads_that_cannot_be_started_are_one_error() {
    let program = crate::common::halocg().display().to_string();
    // Whatever is left when the last thread that can be has its stack.
    for limit in (600_000..604_000).step_by(200) {
        let mut command = crate::common::limited();
        let script = format!("ulimit -v {limit}; exec \"$0\" poisson -n 20 --threads 600");
        command.args(["sh", "-c", &script, &program]);
        let finished = crate::common::finish(command);
        let errors: Vec<&str> = finished.stderr.lines().collect();
        assert!(errors.len() == 1 && errors[0].contains("cannot start 600 ranks as threads, only"), "{finished:?}");
        assert_eq!(finished.code, Some(1), "{finished:?}");
    }
}

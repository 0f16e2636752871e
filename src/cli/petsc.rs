//! Habits of PETSc's users: its options begin with one dash.

use super::Cli;
use super::config::is_called;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory, Error};
use std::ffi::OsString;

/// How options of PETSc's begin that have no other name here.
const BEGINNINGS: [&str; 14] = [
    "da_", "ksp_", "pc_", "sub_", "mat_", "vec_", "dm_", "snes_", "tao_", "log_", "options_", "malloc_", "memory_",
    "info:",
];

/// Options of PETSc's for what goes another way here, or without one.
const OTHERWISE: [(&str, &str); 6] = [
    ("ksp_converged_reason", "every summary says why its solve ended, so leave it out"),
    (
        "ksp_monitor_true_residual",
        "--monitor shows the residual of the recurrence; the true one is checked at the end, and where there is doubt",
    ),
    (
        "ksp_norm_type",
        "the norm is that of the residual without preconditioner, so leave it out; --stop-on error-a stops on the error",
    ),
    ("ksp_view_solution", "--output FILE writes the solution"),
    ("options_file", "--config FILE takes options from a TOML file"),
    ("f", "the file of the matrix is named without an option: halocg solve FILE"),
];

/// Refuses words such as `-ksp_type`. Read letter by letter some would be understood, but not as they were meant:
/// `-options_left` as an output file.
///
/// # Errors
/// When there is one, which says what to write instead.
pub(super) fn refuse(arguments: &[OsString]) -> Result<(), Error> {
    let words = || arguments.iter().skip(1).take_while(|word| *word != "--").filter_map(|word| word.to_str());
    // With one dash and a value it might be a value itself: --source -f=3.
    let named = |word: &str| {
        Some(word.strip_prefix("--").or(word.strip_prefix('-').filter(|name| !name.contains('=')))?.to_string())
    };
    let unusual = words().find_map(|word| Some((word, otherwise(&named(word)?)?)));
    if let Some((word, advice)) = unusual {
        return Err(Error::raw(ErrorKind::UnknownArgument, format!("{}: {advice}\n", word.escape_debug())));
    }
    let is_strange = |word: &str| single_dash(word).is_some() || of_petsc(word).is_some();
    if !words().any(is_strange) {
        return Ok(());
    }
    let mut cli = Cli::command();
    cli.build();
    let mut command: &Command = &cli;
    for word in words() {
        command = command.find_subcommand(word).unwrap_or(command);
    }
    let unknown = words().find_map(|word| {
        let name = of_petsc(word)?;
        let is_ours = command.get_arguments().any(|argument| is_called(argument, name));
        if is_ours { None } else { Some(format!("{}: {}", word.escape_debug(), advice(command, name)?)) }
    });
    if let Some(said) = unknown {
        return Err(Error::raw(ErrorKind::UnknownArgument, said + "\n"));
    }
    let all: Vec<String> = words()
        .filter_map(|word| Some(format!("{}: {}", word.escape_debug(), advice(command, single_dash(word)?)?)))
        .collect();
    match &all[..] {
        [] => Ok(()),
        [one] => {
            let said = one.replacen(": ", ": long options begin with two dashes: ", 1);
            Err(Error::raw(ErrorKind::UnknownArgument, said + "\n"))
        }
        all => {
            let said = format!("long options begin with two dashes:\n  {}\n", all.join("\n  "));
            Err(Error::raw(ErrorKind::UnknownArgument, said))
        }
    }
}

/// What to do instead of an option of this name.
fn otherwise(name: &str) -> Option<&'static str> {
    let name = name.split('=').next()?.replace('-', "_");
    OTHERWISE.iter().find(|(known, _)| *known == name).map(|(_, advice)| *advice)
}

/// Values of PETSc's options that are none here, and what to do instead.
type Advice = [(&'static [&'static str], &'static str)];

const METHODS: &Advice = &[
    (&["groppcg", "pipecg2", "pipelcg", "pipefcg"], "gv-cg is PETSc's pipecg, pipe-pr-cg its pipeprcg"),
    (
        &["gmres", "fgmres", "bcgs", "bicg", "minres", "symmlq", "cr", "fcg", "preonly", "richardson", "chebyshev"],
        "every method here is conjugate gradients, for symmetric positive definite matrices",
    ),
];

const PRECONDITIONERS: &Advice = &[
    (&["icc", "ilu"], "--pc bjacobi --sub-pc ic0 is incomplete Cholesky of each rank's block"),
    (&["cholesky", "lu"], "--pc bjacobi --sub-pc cholesky is exact on each rank's block, and on one rank of all"),
    (&["asm", "gasm"], "--pc bjacobi has blocks without overlap"),
    (&["eisenstat"], "--pc ssor is the preconditioner of that trick"),
    (
        &["gamg", "mg", "hypre", "ml", "bddc"],
        "there is no multigrid here: --pc bjacobi and --pc chebyshev come nearest",
    ),
];

const OF_BLOCKS: &Advice = &[
    (&["ilu"], "ic0 is the incomplete factorisation of a symmetric matrix"),
    (&["lu"], "cholesky is the exact factorisation of a symmetric matrix"),
];

/// Options whose values are looked at.
const ADVICE: [(&str, &Advice); 4] =
    [("--solver ", METHODS), ("--solvers ", METHODS), ("--pc ", PRECONDITIONERS), ("--sub-pc ", OF_BLOCKS)];

/// The error, with what to write instead if a value of PETSc's is to blame, be it one of a list.
pub(super) fn advised(mut error: Error) -> Error {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(&text[..]),
        _ => None,
    };
    let advice = || {
        let (argument, values) = (text(ContextKind::InvalidArg)?, text(ContextKind::InvalidValue)?);
        let (_, table) = ADVICE.iter().find(|(option, _)| argument.starts_with(option))?;
        let (_, advice) = table.iter().find(|(names, _)| values.split(',').any(|value| names.contains(&value)))?;
        Some(*advice)
    };
    if let Some(advice) = advice().or_else(|| misplaced(&error)) {
        error.remove(ContextKind::SuggestedValue);
        error.remove(ContextKind::SuggestedArg);
        error.remove(ContextKind::SuggestedSubcommand);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![advice.into()]));
    }
    error
}

/// What to write instead of words that stand in the place of others.
fn misplaced(error: &Error) -> Option<&'static str> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(&text[..]),
        _ => None,
    };
    let is_file = |word: &str| word.contains(['.', '/']) && !word.starts_with('-');
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let word = text(ContextKind::InvalidSubcommand)?;
            is_file(word).then_some("halocg solve FILE solves with a matrix, or on a mesh")
        }
        ErrorKind::UnknownArgument => match text(ContextKind::InvalidArg)? {
            "--ranks" | "--np" | "-n" | "--n" => Some(
                "ranks are given by mpirun -n P halocg ..., or by --threads P; the size of a problem by -n behind poisson or model",
            ),
            word if is_file(word) => Some("--rhs FILE names a right-hand side, --x0 FILE an initial guess"),
            word if word.parse::<u64>().is_ok() => Some("the size of a problem is given by -n"),
            _ => None,
        },
        _ => None,
    }
}

/// What to write instead, if this looks like an option.
fn advice(command: &Command, name: &str) -> Option<String> {
    let option = command.get_arguments().find(|argument| is_called(argument, name));
    let is_petsc = || name == "info" || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning));
    match option.and_then(|found| found.get_long()) {
        // Help comes of it: -h.
        Some("help") => None,
        Some(long) if long == name.replace('_', "-") => Some(format!("--{long}")),
        Some(long) => Some(format!("--{long}, or --{name}")),
        None => is_petsc().then(|| {
            let name = command.get_bin_name().unwrap_or("halocg solve");
            format!("{name} --help lists what there is; this one of PETSc's is not among them")
        }),
    }
}

/// The name behind two dashes, if it is one of PETSc's by its beginning.
fn of_petsc(word: &str) -> Option<&str> {
    let name = word.strip_prefix("--")?.split('=').next()?;
    BEGINNINGS.iter().any(|beginning| name.starts_with(beginning)).then_some(name)
}

/// The name behind a single dash, of two letters or more.
fn single_dash(word: &str) -> Option<&str> {
    let name = word.strip_prefix('-')?.split('=').next()?;
    let is_name = name.len() > 1 && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-:".contains(c));
    (is_name && name.starts_with(|c: char| c.is_ascii_alphabetic())).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{krylov, preconditioner};

    fn said(line: &str) -> Option<String> {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        refuse(&words).err().map(|error| error.to_string())
    }

    #[test]
    fn a_single_dash_is_answered_with_two() {
        for (line, advice) in [
            (
                "halocg solve A.mtx -ksp_type cg",
                "-ksp_type: long options begin with two dashes: --solver, or --ksp_type",
            ),
            (
                "halocg solve A.mtx -ksp_rtol=1e-3",
                "-ksp_rtol=1e-3: long options begin with two dashes: --rtol, or --ksp_rtol",
            ),
            ("halocg solve A.mtx -log_view", ": --log-view"),
            ("halocg solve A.mtx -rtol 1", ": --rtol"),
            ("halocg compare poisson -n 9 -solvers all", ": --solvers"),
            ("halocg solve A.mtx -options_left", "this one of PETSc's is not among them"),
            ("halocg solve A.mtx -info", "not among them"),
            ("halocg solve A.mtx -ksp_converged_reason", "every summary says why its solve ended, so leave it out"),
            ("halocg solve A.mtx --ksp-converged-reason", "every summary says why its solve ended, so leave it out"),
            ("halocg solve -f A.mtx", "the file of the matrix is named without an option"),
            ("halocg solve A.mtx --options_file=a.opts", "--config FILE"),
            ("halocg solve A.mtx -da_refine 2", "not among them"),
            (
                "halocg solve A.mtx -ksp_type cg -ksp_rtol=1",
                "dashes:\n  -ksp_type: --solver, or --ksp_type\n  -ksp_rtol=1: --rtol, or --ksp_rtol\n",
            ),
            ("halocg partition A.mtx -ksp_type cg -k 2", "halocg partition --help lists what there is"),
            ("halocg solve A.mtx --pc_factor_levels 2", "--pc_factor_levels: halocg solve --help lists what there is"),
            ("halocg compare A.mtx -ksp_type cg", "two dashes: --solvers, or --ksp_type"),
        ] {
            let said = said(line).unwrap_or_else(|| panic!("{line} is let pass"));
            assert!(said.contains(advice), "{line}: {said}");
        }
    }

    #[test]
    fn values_of_petsc_are_answered_with_ones_from_here() {
        let said = |line: &str| {
            let error = Cli::command().try_get_matches_from(line.split(' ')).expect_err(line);
            advised(error).to_string()
        };
        for (line, advice) in [
            ("halocg solve A.mtx --pc_type icc", "'icc' for '--pc <PC>'"),
            ("halocg solve A.mtx --pc_type icc", "tip: --pc bjacobi --sub-pc ic0"),
            ("halocg poisson -n 9 --pc gamg", "tip: there is no multigrid here"),
            ("halocg solve A.mtx --ksp-type gmres", "tip: every method here is conjugate gradients"),
            ("halocg solve A.mtx --pc bjacobi --sub-pc-type lu", "tip: cholesky is the exact"),
            ("halocg compare poisson -n 9 --pc none,icc", "tip: --pc bjacobi --sub-pc ic0"),
            ("halocg compare poisson -n 9 --solvers cg,minres", "tip: every method here is"),
            ("halocg spd.mtx", "tip: halocg solve FILE"),
            ("halocg solve A.mtx b.mtx", "tip: --rhs FILE names a right-hand side"),
            ("halocg solve A.mtx --ranks 4", "tip: ranks are given by mpirun -n P"),
            ("halocg poisson 100 -n 3", "tip: the size of a problem is given by -n"),
        ] {
            assert!(said(line).contains(advice), "{line}: {}", said(line));
        }
        // Others are as they were, and no name of ours is in a list.
        assert!(said("halocg solve A.mtx --pc jacoby").contains("similar value exists: 'jacobi'"));
        let none = |table: &Advice, is_ours: &dyn Fn(&str) -> bool| {
            !table.iter().flat_map(|(names, _)| *names).any(|name| is_ours(name))
        };
        assert!(none(METHODS, &|name| krylov::Kind::named(name).is_some()));
        assert!(none(PRECONDITIONERS, &|name| preconditioner::Kind::named(name).is_some()));
        assert!(none(OF_BLOCKS, &|name| preconditioner::SubKind::named(name).is_some()));
    }

    #[test]
    fn other_words_pass() {
        for line in [
            "halocg poisson -n 9 -o x.mtx",
            "halocg poisson -n9 -ox.mtx --rhs=-ones",
            "halocg solve A.mtx --dirichlet left=-1 --source -1e-3",
            "halocg solve A.mtx -x",
            "halocg solve A.mtx --ksp_type cg -h",
            "halocg compare A.mtx --ksp_type cg --pc_type jacobi",
            "halocg solve A.mtx --sub_pc_type ic0 --log_view",
            "halocg solve -help",
            "halocg solve -- -ksp_type",
        ] {
            assert_eq!(said(line), None, "{line}");
        }
    }
}

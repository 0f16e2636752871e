//! Valid files, damaged at random: whatever is in a file, the program ends, on all ranks, with one sentence at most.
//!
//! HALOCG_MUTANTS says how many. Starting ranks under mpirun takes most of the time, so a test run tries few of them
//! there, more on threads, and `make mutants` five hundred.
//!
//! A mutant need not be bad: a digit of a value may have changed, and the file holds another problem, which is solved,
//! or not positive definite, or slow. So every documented code of an outcome will do, and 0 and 3 are by far the most;
//! what will not do is 1 (a bug), 2 (the command line is good), a death by signal, or the time limit.

use crate::common::{HAS_MPI, Launch};
use crate::support::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::BTreeMap;

const INPUT: i32 = 3;

struct Random(ChaCha8Rng);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        (self.0.next_u64() % bound.max(1) as u64) as usize
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// One change somewhere in a file of any kind.
fn change_bytes(random: &mut Random, bytes: &mut Vec<u8>) {
    let at = random.below(bytes.len());
    let end = (at + 1 + random.below(12)).min(bytes.len());
    match random.below(7) {
        0 if at < end => bytes[at] ^= 1 << random.below(8),
        1 if at < end => bytes[at] = random.one_of(&[0, b'\n', b' ', b'-', b'9', b'.', b'e', b'%', 0x7f, 0xff]),
        2 => bytes.truncate(at),
        3 => drop(bytes.drain(at..end)),
        4 => drop(bytes.splice(at..at, bytes[at..end].to_vec())),
        5 => drop(bytes.splice(at..at, (at..end).map(|_| random.below(256) as u8).collect::<Vec<_>>())),
        _ => {
            // A number of a binary file.
            let word = random.one_of(&[0, 1, i64::MAX, -1, i32::MAX.into(), 1 << 32, 1 << 40]);
            let at = at / 4 * 4;
            let end = (at + random.one_of(&[4, 8])).min(bytes.len());
            let word = if random.below(2) == 0 { word.to_le_bytes() } else { word.to_be_bytes() };
            bytes[at..end].copy_from_slice(&word[word.len() - (end - at)..]);
        }
    }
}

/// One change of a line of a text.
fn change_lines(random: &mut Random, bytes: &mut Vec<u8>) {
    let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
    let line = random.below(lines.len());
    match random.below(4) {
        0 => drop(lines.remove(line)),
        1 => lines.insert(line, lines[line].clone()),
        2 => {
            let other = random.below(lines.len());
            lines.swap(line, other);
        }
        _ => {
            let words =
                ["0", "-1", "nan", "1e999", "1e-320", "4294967296", "99999999999999999999", "1d2", "", "%", "2 2"];
            let mut parts: Vec<&[u8]> = lines[line].split(|&byte| byte == b' ').collect();
            let part = random.below(parts.len());
            parts[part] = random.one_of(&words).as_bytes();
            lines[line] = parts.join(&b' ');
        }
    }
    *bytes = lines.concat();
}

/// The files of a solve, each of them valid; what may be damaged, and whether it is text.
struct Good {
    folder: Folder,
    files: Vec<(&'static str, String, bool)>,
}

impl Good {
    fn new(how: Launch) -> Good {
        let folder = Folder::new(&format!("mutants {how:?}"));
        let a = folder.write("a.mtx", Sparse::network(30).text());
        let b = folder.write("b.mtx", vector_text(&ramp(30)));
        let owners: String = (0..30).map(|row| format!("{}\n", row * row % 4)).collect();
        let mut files = vec![
            ("matrix", a.clone(), true),
            ("rhs", b.clone(), true),
            ("partition", folder.write("owners", format!("# by hand\n{owners}")), true),
            ("matrix", folder.write("a.mtx.gz", gzip(read(&a))), false),
        ];
        for format in ["hcg", "petsc", "petsc64"] {
            for (what, from) in [("matrix", &a), ("rhs", &b)] {
                let to = folder.path(&format!("{what}.{format}"));
                assert_eq!(run(Launch::Alone, &["convert", from, &to]).code, Some(0));
                files.push((what, to, false));
            }
        }
        let checkpoint = folder.path("checkpoint");
        let good = Good { folder, files };
        let args = good.solve(&[], &["--checkpoint", &checkpoint, "--max-it", "3"]);
        assert_eq!(run(Launch::Threads(4), &args.iter().map(String::as_str).collect::<Vec<_>>()).code, Some(4));
        let files = [&good.files[..], &[("restart", checkpoint, false)]].concat();
        Good { files, ..good }
    }

    /// The command line of a solve from the first file of each kind, with some replaced.
    fn solve(&self, replaced: &[(&str, &str)], more: &[&str]) -> Vec<String> {
        let file = |what: &str| {
            let replaced = replaced.iter().find(|(replaced, _)| *replaced == what).map(|(_, path)| path.to_string());
            replaced.or_else(|| self.files.iter().find(|file| file.0 == what).map(|file| file.1.clone()))
        };
        let mut args = vec!["solve".into(), file("matrix").expect("a matrix"), "--rhs".into(), file("rhs").expect("b")];
        args.extend(["--partition".into(), format!("file:{}", file("partition").expect("owners"))]);
        if replaced.iter().any(|(what, _)| *what == "restart") {
            args.extend(["--restart".into(), file("restart").expect("a checkpoint")]);
        }
        args.extend(more.iter().map(|word| word.to_string()));
        args
    }
}

/// The exit code, and our line on standard error if there is one; or what is wrong.
fn outcome(how: Launch, file: &str, args: &[String]) -> Result<(i32, String), String> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let finished = run(how, &args);
    let ours: Vec<&str> = finished.stderr.lines().filter(|line| line.starts_with("halocg: ")).collect();
    let line = ours.first().copied().unwrap_or_default().to_string();
    let is_refusal = finished.code == Some(INPUT);
    let names_it = line.starts_with(&format!("halocg: error: {file}")) && finished.stdout.is_empty();
    let bug = ["panicked", "internal error", "RUST_BACKTRACE"].iter().any(|word| finished.stderr.contains(word));
    match finished.code {
        Some(code @ (0 | 3..=7)) if ours.len() <= 1 && !bug && (names_it || !is_refusal) => match left_over(file) {
            0 => Ok((code, line)),
            left => Err(format!("{left} processes are left: {args:?}")),
        },
        _ => Err(format!("{how:?} {args:?}: {}", format!("{finished:?}").chars().take(1500).collect::<String>())),
    }
}

/// How many processes still have the file on their command line, a while after the launcher has gone.
fn left_over(file: &str) -> usize {
    let names_it = |folder: &std::fs::DirEntry| {
        let line = std::fs::read(folder.path().join("cmdline")).unwrap_or_default();
        line.split(|&byte| byte == 0).any(|word| String::from_utf8_lossy(word).ends_with(file))
    };
    // Empty where there is no /proc.
    let processes = || std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let count = || processes().filter(&names_it).count();
    for _ in 0..100 {
        if count() == 0 {
            return 0;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    count()
}

#[test]
fn damaged_files_end_every_rank_with_one_sentence() {
    let wanted = std::env::var("HALOCG_MUTANTS").map(|count| count.parse().expect("HALOCG_MUTANTS is a number"));
    let count = wanted.unwrap_or(if HAS_MPI { 20 } else { 200 });
    println!("{count} mutants: exit codes {:?}", mutate(count));
}

/// Runs so many mutants, on four ranks under mpirun if the build can, and as threads; panics if one of them did not end as
/// it should. Returns how often each exit code came.
pub fn mutate(count: u64) -> BTreeMap<i32, u64> {
    let how = if HAS_MPI { Launch::Mpirun(4) } else { Launch::Threads(4) };
    let good = Good::new(how);
    let (mut codes, mut complaints) = (BTreeMap::new(), Vec::new());
    for seed in 0..count {
        let mut random = Random(ChaCha8Rng::seed_from_u64(seed));
        let (what, path, is_text) = &good.files[seed as usize % good.files.len()];
        let mut bytes = std::fs::read(path).expect("a good file");
        for _ in 0..1 + random.below(3) {
            let change = if *is_text && random.below(2) == 0 { change_lines } else { change_bytes };
            change(&mut random, &mut bytes);
        }
        let mutant = good.folder.write(&format!("mutant {seed}"), &bytes);
        let args = good.solve(&[(what, &mutant)], &["--max-it", "60"]);
        let on_threads = outcome(Launch::Threads(4), &mutant, &args);
        let as_launched = if HAS_MPI { outcome(how, &mutant, &args) } else { on_threads.clone() };
        match (as_launched, on_threads) {
            (Ok((code, line)), Ok(threads)) => {
                *codes.entry(code).or_insert(0) += 1;
                // Sums may differ in their last bits, and so what becomes of a bad problem; refusals may not.
                if (code == INPUT || threads.0 == INPUT) && (code, &line) != (threads.0, &threads.1) {
                    complaints.push(format!("\n* {seed} {path}: {code} {line}\n  on threads: {threads:?}"));
                }
            }
            (Err(what), _) | (_, Err(what)) => complaints.push(format!("\n* {seed} {path}: {what}")),
        }
    }
    assert!(complaints.is_empty(), "{} of {count} mutants:{}", complaints.len(), complaints.concat());
    assert!(count < 20 || codes.get(&INPUT) > codes.get(&0), "most mutants are bad: {codes:?}");
    codes
}

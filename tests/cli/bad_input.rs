//! Every way a file can be wrong, for every reader: one message that names the file and the line,
//! the right exit code, nothing else printed, nobody left waiting.

use crate::common::Launch;
use crate::support::{Folder, both, gzip, run};

const S: &str = "%%MatrixMarket matrix coordinate real symmetric\n";
const G: &str = "%%MatrixMarket matrix coordinate real general\n";
const P: &str = "%%MatrixMarket matrix coordinate pattern general\n";
const A: &str = "%%MatrixMarket matrix array real general\n";

/// A good matrix of three rows.
const GOOD: &str = "%%MatrixMarket matrix coordinate real symmetric\n3 3 4\n1 1 2\n2 1 -1\n2 2 2\n3 3 1\n";

const IO: i32 = 1;
const INPUT: i32 = 3;
const NOT_SPD: i32 = 7;

/// A file's bytes; None for one that does not exist.
type Bytes = Option<Vec<u8>>;

/// What is in the file, the exit code, and how the message goes on after the file's name.
struct Case(Bytes, i32, &'static str);

fn text(text: impl AsRef<str>, code: i32, says: &'static str) -> Case {
    Case(Some(text.as_ref().into()), code, says)
}

/// Bytes of all kinds, control characters of terminals among them.
fn junk() -> Vec<u8> {
    (0..5000u64).map(|k| (k.wrapping_mul(6364136223846793005) >> 32) as u8 ^ (k % 27) as u8).collect()
}

fn bad_matrices() -> Vec<Case> {
    let mut cases = vec![
        // Not such a file at all.
        text("", INPUT, ":1: not a Matrix Market"),
        text("\n", INPUT, ":1: not a Matrix Market"),
        text("hello\n", INPUT, ":1: not a Matrix Market"),
        text("\x1b[2J\rhalocg: error: none\n", INPUT, ":1: not a Matrix Market"),
        text("1 1 1\n1 1 2\n", INPUT, ":1: not a Matrix Market"),
        text(format!("\n{GOOD}"), INPUT, ":1: not a Matrix Market"),
        text(GOOD.replace("matrix", "vector"), INPUT, ":1: not a Matrix Market"),
        text(GOOD.replace(" symmetric", ""), INPUT, ":1: not a Matrix Market"),
        Case(Some(junk()), INPUT, ":1: not a Matrix Market"),
        Case(Some(GOOD.encode_utf16().flat_map(u16::to_le_bytes).collect()), INPUT, ":1: not a Matrix Market"),
        // Of a kind that has no place here.
        text(GOOD.replace("real", "complex"), INPUT, ":1: the file is complex"),
        text(A.replace("real", "complex"), INPUT, ":1: the file is complex"),
        text(GOOD.replace("real symmetric", "complex hermitian"), INPUT, ":1: the "),
        text(GOOD.replace("symmetric", "hermitian"), INPUT, ":1: the matrix is Hermitian"),
        text(GOOD.replace("symmetric", "skew-symmetric"), INPUT, ":1: the matrix is skew-symmetric"),
        text(GOOD.replace("real", "quaternion"), INPUT, ":1: unknown field `quaternion`"),
        text(GOOD.replace("coordinate", "sparse"), INPUT, ":1: unknown layout `sparse`"),
        text(GOOD.replace("symmetric", "lower"), INPUT, ":1: unknown symmetry `lower`"),
        text(A.replace("real", "pattern") + "1 1\n1\n", INPUT, ":1: "),
        // The size line.
        text(S, INPUT, ":1: the file ends before its size line"),
        text(S.trim_end(), INPUT, ":1: the file ends before its size line"),
        text(format!("{S}% words\n\n% words\n"), INPUT, ":4: the file ends before its size line"),
        text(format!("{S}2 2\n"), INPUT, ":2: the size line must hold 3 whole numbers"),
        text(format!("{S}2 2 two\n"), INPUT, ":2: the size line must hold 3 whole numbers"),
        text(format!("{S}2 2 -2\n1 1 2\n2 2 2\n"), INPUT, ":2: the size line must hold 3 whole numbers"),
        text(format!("{S}2 2 2.5\n1 1 2\n2 2 2\n"), INPUT, ":2: the size line must hold 3 whole numbers"),
        text(format!("{S}1 1 99999999999999999999\n1 1 1\n"), INPUT, ":2: the size line must hold 3 whole numbers"),
        text(format!("{S}2 2 2 2\n1 1 2\n2 2 2\n"), INPUT, ":2: unexpected `2`"),
        text(format!("{S}2 3 2\n1 1 2\n2 2 2\n"), INPUT, ":2: the matrix is 2 x 3"),
        text(format!("{G}3 2 3\n1 1 2\n2 2 2\n3 1 1\n"), INPUT, ":2: the matrix is 3 x 2"),
        text(format!("{S}0 0 0\n"), INPUT, ":2: the matrix has no rows"),
        text(format!("{S}1 1 18446744073709551615\n1 1 1\n"), INPUT, ":2: the size line announces"),
        text(format!("{S}4000000000 4000000000 1\n1 1 1\n"), INPUT, ":2: 4000000000 rows but only 1 entries"),
        text(format!("{S}5000000000 5000000000 5000000000\n1 1 1\n"), INPUT, ":2: more than 4 294 967 295 rows"),
        text(format!("{S}2 2 1\n1 1 2\n"), INPUT, ":2: 2 rows but only 1 entries"),
        // Counts that lie, files that end early.
        text(format!("{S}2 2 3\n1 1 2\n2 2 2\n"), INPUT, ":4: the file ends after 2 of 3"),
        text(format!("{S}2 2 3\n1 1 2\n2 2 2\n\n% no more\n"), INPUT, ":6: the file ends after 2 of 3"),
        text(format!("{S}2 2 900\n1 1 2\n2 2 2\n"), INPUT, ":2: the size line announces 900 entries"),
        text(&GOOD[..GOOD.len() - 3], INPUT, ":6: "),
        text(format!("{S}2 2 2\n1 1 2\n2 2 1e"), INPUT, ":4: `1e` is not a finite number"),
        text(format!("{S}1 1 1\n1 1 1\n1 1 1\n"), INPUT, ":4: `1 1 1` follows the 1 announced"),
        text(format!("{S}2 2 2\n1 1 2\n2 2 2\n\n% words\nrubbish\n"), INPUT, ":7: `rubbish` follows the 2 announced"),
        // Indices.
        text(format!("{S}2 2 2\n1 1 2\n0 2 2\n"), INPUT, ":4: row 0 is outside 1 ... 2"),
        text(format!("{S}2 2 2\n1 1 2\n2 0 2\n"), INPUT, ":4: column 0 is outside 1 ... 2"),
        text(format!("{S}2 2 2\n3 1 2\n2 2 2\n"), INPUT, ":3: row 3 is outside 1 ... 2"),
        text(format!("{S}2 2 2\n1 4294967297 2\n2 2 2\n"), INPUT, ":3: column 4294967297 is outside 1 ... 2"),
        text(
            format!("{S}2 2 2\n1 18446744073709551617 2\n2 2 2\n"),
            INPUT,
            ":3: `18446744073709551617` is not a column",
        ),
        text(format!("{S}2 2 2\n-1 1 2\n2 2 2\n"), INPUT, ":3: `-1` is not a row number"),
        text(format!("{S}2 2 2\n1.0 1 2\n2 2 2\n"), INPUT, ":3: `1.0` is not a row number"),
        text(format!("{P}2 2 2\n1 1\n2 3\n"), INPUT, ":4: column 3 is outside 1 ... 2"),
        text(format!("{S}2 2 2\n1 1 2\n0 2 2\n").replace('\n', "\r\n"), INPUT, ":4: row 0 is outside"),
        text(format!("{S}% words\n\n2 2 2\n% words\n1 1 2\n\n2 5 2\n"), INPUT, ":8: column 5 is outside"),
        // Symmetry.
        text(format!("{G}2 2 4\n1 1 2\n2 2 2\n2 1 1\n1 2 3\n"), NOT_SPD, ":6: the matrix is not symmetric: A(1,2) = 3"),
        text(format!("{P}3 3 4\n1 1\n2 2\n3 1\n3 3\n"), NOT_SPD, ":5: the matrix is not symmetric: A(3,1) = 1"),
        text(
            format!("{P}3 3 6\n1 1\n2 2\n3 3\n1 2\n2 1\n3 1\n"),
            NOT_SPD,
            ":8: the matrix is not symmetric: A(3,1) = 1",
        ),
        text(
            format!("{S}2 2 4\n1 1 2\n2 1 1\n1 2 3\n2 2 2\n"),
            NOT_SPD,
            ":5: the file says `symmetric` but stores both",
        ),
        text(format!("{A}2 2\n2\n\n1 3\n2\n"), NOT_SPD, ":5: the matrix is not symmetric"),
        text(format!("{G}1 1 2\n1 1 1e308\n1 1 1e308\n"), INPUT, ":"), // their sum is infinite
        // Arrays.
        text(format!("{A}2\n"), INPUT, ":2: the size line must hold 2 whole numbers"),
        text(format!("{A}2 3\n1\n0\n0\n1\n0\n0\n"), INPUT, ":2: the matrix is 2 x 3"),
        text(format!("{A}2 2\n1\n0\n0\n"), INPUT, ":5: the file ends after 3 of 4 values"),
        text(format!("{A}2 2\n1\n0\n0\n1\n5\n"), INPUT, ":7: `5` follows the 4 announced"),
        text(format!("{A}2 2\n1 nan\n0 1\n"), INPUT, ":3: `nan` is not a finite number"),
        text(format!("{A}4000000000 4000000000\n1\n"), INPUT, ":2: the size line announces"),
        text(A.replace("general", "symmetric") + "2 2\n1\n0\n", INPUT, ":4: the file ends after 2 of 3 values"),
        // Well-formed, but of no use.
        text(GOOD.replace("3 3 1\n", "3 3 0\n"), NOT_SPD, ":6: A(3,3) = 0"),
        text(GOOD.replace("3 3 1\n", "3 3 -1\n"), NOT_SPD, ":6: A(3,3) = -1"),
        text(GOOD.replace("3 3 1\n", "3 2 1\n"), NOT_SPD, ": A(3,3) = 0"),
        text(format!("{A}2 2\n1\n0\n0\n0\n"), NOT_SPD, ": A(2,2) = 0, and row 2 is empty"),
        text(format!("{S}3 3 3\n1 1 1\n1 1 1\n3 3 1\n"), NOT_SPD, ": A(2,2) = 0, and row 2 is empty"),
    ];
    for (value, says) in BAD_VALUES {
        cases.push(text(format!("{S}2 2 2\n1 1 2\n2 2 {value}\n"), INPUT, says));
    }
    cases.push(text(format!("{P}1 1 1\n1 1 2\n"), INPUT, ":3: unexpected `2`"));
    cases
}

/// Values that are none, for a file's fourth line.
const BAD_VALUES: [(&str, &str); 11] = [
    ("nan", ":4: `nan` is not a finite number"),
    ("-NaN", ":4: `-NaN` is not a finite number"),
    ("inf", ":4: `inf` is not a finite number"),
    ("-Infinity", ":4: `-Infinity` is not a finite number"),
    ("1e400", ":4: `1e400` is not a finite number"),
    ("-1.0D+400", ":4: `-1.0D+400` is not a finite number"),
    ("1,5", ":4: `1,5` is not a finite number"),
    ("0x10", ":4: `0x10` is not a finite number"),
    ("two", ":4: `two` is not a finite number"),
    ("2\0", ":4: "),
    ("2 2", ":4: "),
];

/// Of three rows.
fn bad_vectors() -> Vec<Case> {
    let mut cases = vec![
        text("", INPUT, ":1: not a Matrix Market"),
        text("1\n2\n3\n", INPUT, ":1: not a Matrix Market"),
        Case(Some(junk()), INPUT, ":1: not a Matrix Market"),
        text(A.replace("real", "complex") + "3 1\n1 0\n1 0\n1 0\n", INPUT, ":1: the file is complex"),
        text(A.replace("general", "symmetric") + "3 1\n1\n2\n3\n", INPUT, ":1: a vector cannot be `symmetric`"),
        text(A.replace("general", "skew-symmetric") + "3 1\n1\n2\n3\n", INPUT, ":1: "),
        text(A, INPUT, ":1: the file ends before its size line"),
        text(format!("{A}3\n1\n2\n3\n"), INPUT, ":2: the size line must hold 2 whole numbers"),
        text(format!("{A}4 1\n1\n2\n3\n4\n"), INPUT, ":2: expected a vector of 3 values (3 x 1), found 4 x 1"),
        text(format!("{A}2 1\n1\n2\n"), INPUT, ":2: expected a vector of 3 values (3 x 1), found 2 x 1"),
        text(format!("{A}1 3\n1\n2\n3\n"), INPUT, ":2: expected a vector of 3 values (3 x 1), found 1 x 3"),
        text(format!("{A}3 2\n1\n2\n3\n1\n2\n3\n"), INPUT, ":2: expected a vector of 3 values (3 x 1), found 3 x 2"),
        text(format!("{A}3 1\n"), INPUT, ":2: the file ends after 0 of 3 values"),
        text(format!("{A}3 1\n1\n2\n"), INPUT, ":4: the file ends after 2 of 3 values"),
        text(format!("{A}3 1\n1\n2\n3\n4\n"), INPUT, ":6: `4` follows the 3 announced"),
        text(format!("{A}3 1\n1\nx\n3\n").replace('\n', "\r\n"), INPUT, ":4: `x` is not a finite number"),
        text(format!("{G}3 3 1\n1 1 5\n"), INPUT, ":2: expected a vector of 3 values (3 x 1), found 3 x 3"),
        text(format!("{G}3 1 2\n1 1 5\n"), INPUT, ":3: the file ends after 1 of 2"),
        text(format!("{G}3 1 99\n1 1 5\n"), INPUT, ":2: the size line announces 99"),
        text(format!("{G}3 1 1\n1 1 5\n2 1 5\n"), INPUT, ":4: `2 1 5` follows the 1 announced"),
        text(format!("{G}3 1 1\n0 1 5\n"), INPUT, ":3: row 0 is outside"),
        text(format!("{G}3 1 1\n4 1 5\n"), INPUT, ":3: row 4 is outside"),
        text(format!("{G}3 1 1\n1 0 5\n"), INPUT, ":3: column 0 "),
        text(format!("{G}3 1 2\n1 1 5\n1 2 5\n"), INPUT, ":4: column 2 "),
        text(format!("{G}3 1 2\n1 1 5\n1 4 5\n"), INPUT, ":4: column 4 "),
        text(format!("{G}3 1 1\n1 1 nan\n"), INPUT, ":3: `nan` is not a finite number"),
    ];
    for (value, says) in BAD_VALUES.iter().take(9) {
        cases.push(text(format!("{A}3 1\n1\n{value}\n3\n"), INPUT, says));
    }
    cases
}

/// Of three rows, for four ranks.
fn bad_partitions() -> Vec<Case> {
    vec![
        text("", INPUT, ": 0 owners for 3 rows"),
        text("% words\n\n# words\n", INPUT, ": 0 owners for 3 rows"),
        text("0\n1\n", INPUT, ": 2 owners for 3 rows"),
        text("0\n1\n2\n3\n", INPUT, ": 4 owners for 3 rows"),
        text("0\n4\n1\n", INPUT, ":2: owner 4, but this run has ranks 0 ... 3"),
        text("# words\n\n0\n1\n99\n", INPUT, ":5: owner 99, but this run has ranks 0 ... 3"),
        text("0\n1\n4294967296\n", INPUT, ":3: `4294967296` is not a rank number"),
        text("0\n-1\n2\n", INPUT, ":2: `-1` is not a rank number"),
        text("0\r\n1.5\r\n2\r\n", INPUT, ":2: `1.5` is not a rank number"),
        text("0 1 2\n", INPUT, ":1: `0 1 2` is not a rank number"),
        text("0\n\x1b[2J\rone\n2\n", INPUT, ":2: "),
        text("0\n1\n".to_string() + &"x".repeat(100_000), INPUT, ":3: "),
        text(GOOD.trim_start_matches(S), INPUT, ":1: `3 3 4` is not a rank number"),
        Case(Some(junk()), INPUT, ":1: "),
    ]
}

/// With the files that any reader may be given; and damaged gzip, made of good text. `junk` and `nothing` are what is said
/// of gzip in gzip and of nothing in gzip.
fn and_unreadable(mut cases: Vec<Case>, good: &str, junk: &'static str, nothing: &'static str) -> Vec<Case> {
    cases.push(Case(None, IO, ": cannot read it: No such file"));
    let whole = gzip(good.repeat(20));
    let (mut sum, mut middle) = (whole.clone(), whole.clone());
    let length = whole.len();
    sum[length - 8] ^= 1;
    middle[length / 2] ^= 0xff;
    let trailing = [&whole[..], b"and more"].concat();
    for bytes in [&whole[..2], &whole[..10], &whole[..length / 2], &whole[..length - 3], &sum, &middle, &trailing] {
        cases.push(Case(Some(bytes.to_vec()), INPUT, ": damaged gzip file"));
    }
    cases.push(Case(Some(gzip(&whole)), INPUT, junk));
    cases.push(Case(Some(gzip("")), INPUT, nothing));
    cases
}

const NO_MATRIX: &str = ":1: not a Matrix Market";

/// What is wrong with a run that was given a bad file.
fn complaint(how: Launch, file: &str, Case(_, code, says): &Case, args: &[&str]) -> Option<String> {
    let finished = run(how, args);
    let message = format!("halocg: error: {file}{says}");
    let (ours, others): (Vec<&str>, Vec<&str>) =
        finished.stderr.lines().partition(|line| line.starts_with("halocg: error:"));
    // The launcher has something to say about an exit code.
    let noise = !matches!(how, Launch::Mpirun(_)) && !others.is_empty();
    let bug = ["panicked", "internal error", "backtrace"].iter().any(|word| finished.stderr.contains(word));
    let good = finished.code == Some(*code)
        && matches!(ours[..], [line] if line.starts_with(&message) && line.len() < file.len() + 300 && !line.contains(char::is_control))
        && !(noise || bug)
        && finished.stdout.is_empty();
    let got = format!("{finished:?}").chars().take(1000).collect::<String>();
    (!good).then(|| format!("\n* {how:?} {args:?}\n  wanted code {code}, {message:?}\n  got {got}"))
}

/// Runs all cases through `args`, which are made from the bad file's path. With `zipped`, each also compressed.
fn refuse(how: Launch, name: &str, cases: &[Case], zipped: bool, args: impl Fn(&str) -> Vec<String>) {
    let folder = Folder::new(&format!("{name} {how:?}"));
    let mut complaints = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        for zip in [false, true] {
            let path = folder.path(&format!("{number}{}", if zip { ".gz" } else { "" }));
            match &case.0 {
                None if zip => continue,
                None => (),
                Some(bytes) if zip && (!zipped || bytes.starts_with(&[0x1f])) => continue,
                Some(bytes) => {
                    std::fs::write(&path, if zip { gzip(bytes) } else { bytes.clone() }).expect("a bad file")
                }
            }
            let args = args(&path);
            complaints.extend(complaint(how, &path, case, &args.iter().map(String::as_str).collect::<Vec<_>>()));
        }
    }
    let directory = folder.path("");
    let args = args(&directory);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    complaints.extend(complaint(how, &directory, &Case(None, IO, ": cannot read it: Is a directory"), &args));
    assert!(complaints.is_empty(), "{} of {} cases:{}", complaints.len(), cases.len(), complaints.concat());
}

fn matrices(how: Launch, pc: &str) {
    let cases = and_unreadable(bad_matrices(), GOOD, NO_MATRIX, NO_MATRIX);
    let zipped = matches!(how, Launch::Threads(_));
    refuse(how, &format!("bad matrices {pc}"), &cases, zipped, |path| words(&["solve", path, "--pc", pc]));
}

fn vectors(how: Launch, option: &str) {
    let folder = Folder::new(&format!("good matrix {option} {how:?}"));
    let good = folder.write("good.mtx", GOOD);
    let mut cases = and_unreadable(bad_vectors(), "1\n", NO_MATRIX, NO_MATRIX);
    let zipped = matches!(how, Launch::Threads(_));
    if how == Launch::Mpirun(4) && option == "--x0" {
        // The right-hand side's reader: a sample does.
        cases = cases.into_iter().step_by(4).collect();
    }
    refuse(how, &format!("bad {option}"), &cases, zipped, |path| words(&["solve", &good, option, path]));
}

fn partitions(how: Launch) {
    let folder = Folder::new(&format!("good matrix partition {how:?}"));
    let good = folder.write("good.mtx", GOOD);
    let cases = and_unreadable(bad_partitions(), "1\n", ":1: ", ": 0 owners for 3 rows");
    refuse(how, "bad partition", &cases, matches!(how, Launch::Threads(_)), |path| {
        words(&["solve", &good, "--partition", &format!("file:{path}")])
    });
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| word.to_string()).collect()
}

#[test]
fn bad_matrices_are_refused_by_threads() {
    matrices(Launch::Threads(4), "none");
}

#[test]
fn bad_matrices_are_refused_with_jacobi() {
    matrices(Launch::Threads(4), "jacobi");
}

#[test]
#[cfg(feature = "mpi")]
fn bad_matrices_are_refused_under_mpirun() {
    matrices(Launch::Mpirun(4), "jacobi");
}

#[test]
fn a_comparison_refuses_what_a_solve_refuses() {
    let bad = [text(S, INPUT, ":1: the file ends before its size line")];
    for how in both(4) {
        refuse(how, "bad comparison", &bad, false, |path| words(&["compare", path, "--solvers", "hs-cg"]));
    }
}

#[test]
fn bad_vectors_are_refused_by_threads() {
    vectors(Launch::Threads(4), "--rhs");
    vectors(Launch::Threads(4), "--x0");
}

#[test]
#[cfg(feature = "mpi")]
fn bad_right_hand_sides_are_refused_under_mpirun() {
    vectors(Launch::Mpirun(4), "--rhs");
}

#[test]
#[cfg(feature = "mpi")]
fn bad_initial_guesses_are_refused_under_mpirun() {
    vectors(Launch::Mpirun(4), "--x0");
}

#[test]
fn bad_partitions_are_refused_by_threads() {
    partitions(Launch::Threads(4));
}

#[test]
#[cfg(feature = "mpi")]
fn bad_partitions_are_refused_under_mpirun() {
    partitions(Launch::Mpirun(4));
}

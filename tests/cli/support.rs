//! Files to run the program on, and small matrices whose solutions are known without it.
#![allow(dead_code)] // each test binary uses a part of this

use crate::common::{Finished, HAS_MPI, Launch, halocg, launch};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A folder of one test, with a blank in its name; removed afterwards.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name} {}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Folder(path)
    }

    /// The path of the file called `name`.
    pub fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("UTF-8").to_string()
    }

    /// Writes a file; returns its path.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, bytes).expect("a file for the test");
        path
    }

    /// The names of the files there are, sorted.
    pub fn names(&self) -> Vec<String> {
        let files = std::fs::read_dir(&self.0).expect("the folder exists");
        let mut names: Vec<String> =
            files.map(|file| file.expect("a file").file_name().into_string().expect("UTF-8")).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A file of the meshes folder.
pub fn mesh(name: &str) -> String {
    format!("{}/meshes/{name}", env!("CARGO_MANIFEST_DIR"))
}

pub fn run(how: Launch, args: &[&str]) -> Finished {
    launch(how, halocg(), args)
}

/// Runs with `--json`; the run must end with `code`. Returns what the file says.
pub fn run_json(how: Launch, args: &[&str], code: i32) -> Value {
    let folder = Folder::new(&unique("json"));
    let path = folder.path("run.json");
    let finished = run(how, &[args, &["--json", &path]].concat());
    assert_eq!(finished.code, Some(code), "{how:?} {args:?}: {finished:?}");
    json(&path)
}

pub fn json(path: &str) -> Value {
    serde_json::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The number at a JSON pointer; panics if there is none.
pub fn number(value: &Value, at: &str) -> f64 {
    value.pointer(at).and_then(Value::as_f64).unwrap_or_else(|| panic!("no number at {at} in {value:#}"))
}

pub fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A name that no other call in this process was given.
pub fn unique(name: &str) -> String {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("{name} {}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// `ranks` as threads and, if this build can, under mpirun.
pub fn both(ranks: usize) -> Vec<Launch> {
    [Launch::Threads(ranks), Launch::Mpirun(ranks)][..1 + usize::from(HAS_MPI)].to_vec()
}

pub fn gzip(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes.as_ref()).expect("writing to memory succeeds");
    encoder.finish().expect("writing to memory succeeds")
}

/// A symmetric matrix: its lower triangle, counted from 0.
pub struct Sparse {
    pub n: usize,
    pub lower: BTreeMap<(usize, usize), f64>,
}

impl Sparse {
    /// The Laplacian of a weighted graph plus one half: symmetric positive definite.
    pub fn laplacian(n: usize, edges: impl IntoIterator<Item = (usize, usize)>) -> Sparse {
        let mut lower: BTreeMap<_, _> = (0..n).map(|i| ((i, i), 0.5)).collect();
        for (i, j) in edges.into_iter().filter(|(i, j)| i != j) {
            let weight = 1.0 + ((7 * i + 3 * j) % 10) as f64 / 10.0;
            *lower.entry((i.max(j), i.min(j))).or_default() -= weight;
            for end in [i, j] {
                *lower.entry((end, end)).or_default() += weight;
            }
        }
        Sparse { n, lower }
    }

    /// A ring with long links: no numbering of it is a band.
    pub fn network(n: usize) -> Sparse {
        Sparse::laplacian(n, (0..n).flat_map(|i| [(i, (i + 1) % n), (i, (i * i + 7) % n)]))
    }

    /// The lower triangle in a symmetric Matrix Market file.
    pub fn text(&self) -> String {
        let mut text =
            format!("%%MatrixMarket matrix coordinate real symmetric\n{0} {0} {1}\n", self.n, self.lower.len());
        for ((i, j), value) in &self.lower {
            writeln!(text, "{} {} {value:?}", i + 1, j + 1).expect("writing to memory succeeds");
        }
        text
    }

    /// Reads a coordinate file that stores the lower triangle.
    pub fn read(path: &str) -> Sparse {
        let text = read(path);
        let mut lines = text.lines().filter(|line| !line.starts_with('%'));
        let mut words = || lines.next().map(|line| line.split_whitespace().map(str::to_string).collect::<Vec<_>>());
        let n = words().expect("a size line")[0].parse().expect("a size");
        let mut lower = BTreeMap::new();
        while let Some(entry) = words() {
            let index = |k: usize| entry[k].parse::<usize>().expect("an index") - 1;
            lower.insert((index(0), index(1)), entry[2].parse().expect("a value"));
        }
        Sparse { n, lower }
    }

    pub fn times(&self, x: &[f64]) -> Vec<f64> {
        let mut y = vec![0.0; self.n];
        for (&(i, j), value) in &self.lower {
            y[i] += value * x[j];
            if i != j {
                y[j] += value * x[i];
            }
        }
        y
    }
}

/// A vector whose entries are all different.
pub fn ramp(n: usize) -> Vec<f64> {
    (0..n).map(|i| 1.0 + i as f64 + (i as f64).sin()).collect()
}

pub fn vector_text(x: &[f64]) -> String {
    let values: String = x.iter().map(|value| format!("{value:?}\n")).collect();
    format!("%%MatrixMarket matrix array real general\n{} 1\n{values}", x.len())
}

pub fn read_vector(path: &str) -> Vec<f64> {
    let text = read(path);
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("%%MatrixMarket matrix array real general"));
    let size = lines.next().expect("a size line").to_string();
    let x: Vec<f64> = lines.map(|line| line.parse().expect("a number")).collect();
    assert_eq!(size, format!("{} 1", x.len()));
    x
}

/// max |xᵢ − yᵢ| / max |yᵢ|; infinite if the lengths differ.
pub fn distance(x: &[f64], y: &[f64]) -> f64 {
    if x.len() != y.len() {
        return f64::INFINITY;
    }
    let max = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, |max: f64, value| max.max(value.abs()));
    max(&mut x.iter().zip(y).map(|(x, y)| x - y)) / max(&mut y.iter().copied())
}

/// ‖x‖₂.
pub fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

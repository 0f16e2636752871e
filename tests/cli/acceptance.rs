//! The runs by which the program is accepted.

use crate::common::{HAS_MPI, Launch, matrices};
use crate::support::*;

#[test]
fn a_stiffness_matrix_on_seven_ranks_and_two_threads() {
    let Some(matrices) = matrices() else { return };
    let folder = Folder::new("stiffness");
    let (output, json_path) = (folder.path("x.mtx"), folder.path("run.json"));
    let matrix = matrices.join("bcsstk15.mtx");
    let options = ["--pc", "jacobi", "--rtol", "1e-10", "--rhs", "A1", "--output", &output, "--json", &json_path];
    let args = [&["solve", matrix.to_str().expect("UTF-8")], &options[..]].concat();
    for how in [Launch::Threads(2), Launch::Mpirun(7)].into_iter().take(1 + usize::from(HAS_MPI)) {
        let finished = run(how, &args);
        assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""), "{how:?}: {}", finished.stdout);
        assert!(finished.stdout.contains("CONVERGED_RTOL"), "{}", finished.stdout);
        let run = json(&json_path);
        assert!(number(&run, "/outcome/true_relative_residual") <= 1.1e-10);
        let x = read_vector(&output);
        let far = distance(&x, &vec![1.0 / (x.len() as f64).sqrt(); 3948]);
        assert!(far < 1e-4, "{how:?}: {far:e} away");
    }
}

/// From where double precision gives more to where it does not.
#[test]
fn no_solve_of_a_real_matrix_finds_a_corrupted_vector() {
    let Some(matrices) = matrices() else { return };
    let folder = Folder::new("false alarms");
    let names = ["494_bus", "685_bus", "bcsstk03", "bcsstm19", "bcsstm21", "bcsstm23", "bcsstm24", "model_48_8_3"];
    let names = names.into_iter().chain(["nos1", "nos4", "nos7", "poisson_ca"]);
    let mut files: Vec<String> =
        names.map(|name| matrices.join(format!("{name}.mtx")).to_str().expect("UTF-8").to_string()).collect();
    files.extend(["anisotropic", "circuit", "plate_hole"].map(|name| mesh(&format!("{name}.mtx"))));
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let csv = folder.path("rows.csv");
    for rtol in ["1e-6", "1e-10", "1e-14"] {
        let options = ["--pc", "none,jacobi,ssor,chebyshev", "--rtol", rtol, "--max-it", "400", "--csv", &csv];
        let finished = run(Launch::Alone, &[&["compare"], &files[..], &options].concat());
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let table = read(&csv);
        assert!(
            table.lines().count() > 9 * 4 * 10 && table.lines().next().expect("a head").ends_with(",corrupted_vectors")
        );
        for row in table.lines().skip(1) {
            assert!(row.ends_with(",0"), "{rtol}: {row}");
        }
    }
}

#[test]
fn the_dense_model_problem() {
    for how in both(4) {
        let run = run_json(how, &["model", "-n", "500"], 0);
        let error = number(&run, "/outcome/error/relative_2_norm");
        assert!(number(&run, "/outcome/true_relative_residual") <= 1.1e-8 && error < 1e-3, "{how:?}: {error:e}");
    }
}

#[test]
fn poisson_in_three_dimensions() {
    for how in both(4) {
        let run = run_json(how, &["poisson", "--dim", "3", "--n", "32"], 0);
        let error = number(&run, "/outcome/error/relative_2_norm");
        assert!(error < 1e-3, "{how:?}: {error:e}");
        assert_eq!((number(&run, "/problem/rows"), number(&run, "/problem/nonzeros")), (32768.0, 223232.0));
        assert_eq!(run["partition"]["method"], "boxes");
    }
}

#[test]
fn dense_and_sparse_side_by_side() {
    let folder = Folder::new("compare");
    let json_path = folder.path("runs.json");
    for how in [&[Launch::Alone][..], &both(2)].concat() {
        let finished = run(how, &["compare", "model", "-n", "256", "--json", &json_path]);
        assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""), "{how:?}: {finished:?}");
        let runs = json(&json_path);
        let runs = runs.as_array().expect("one run per column");
        assert_eq!(runs.len(), 2);
        let of_both = |at: &str| [number(&runs[0], at), number(&runs[1], at)];
        let [dense, sparse] = of_both("/outcome/iterations");
        assert_eq!(dense, sparse, "{}", finished.stdout);
        assert_eq!(of_both("/problem/nonzeros"), [65536.0, 256.0]);
        assert!(of_both("/outcome/true_relative_residual").iter().all(|residual| *residual <= 1.1e-8));
        // Two products and four inner products in one sum against the inner products alone.
        let [dense, sparse] = of_both("/traffic/sum_words_per_iteration");
        assert!(dense >= 516.0 && (4.0..9.0).contains(&sparse), "{dense} {sparse}");
        let row = |name: &str| {
            let line = finished.stdout.lines().find(|line| line.trim_start().starts_with(name));
            line.unwrap_or_else(|| panic!("no {name:?} in {}", finished.stdout)).to_string()
        };
        for name in [
            "result",
            "true ||b - Ax||",
            "time per iteration",
            "product",
            "exchange",
            "sum",
            "vectors",
            "words reduced",
        ] {
            row(name);
        }
        let difference = row("largest relative difference of the residual histories");
        let difference: f64 = difference.split(": ").nth(1).expect("a number").parse().expect("a number");
        assert!(difference < 1e-3, "{difference}");
    }
}

//! A look at a matrix.

use crate::common::Launch;
use crate::support::*;
use serde_json::Value;

fn look(how: Launch, what: &[&str]) -> Value {
    run_json(how, &[&["info"], what].concat(), 0)
}

/// Two neighbours with −1 each and 2 on the diagonal: everything is known.
#[test]
fn figures_of_a_known_matrix_are_right_on_any_ranks() {
    const N: u64 = 400;
    let folder = Folder::new("info");
    let entries: String = (1..=N)
        .map(|i| format!("{i} {i} 2\n") + &if i > 1 { format!("{i} {} -1\n", i - 1) } else { String::new() })
        .collect();
    let header = format!("%%MatrixMarket matrix coordinate real symmetric\n{N} {N} {}\n", 2 * N - 1);
    let file = folder.write("line.mtx", header + &entries);
    for how in [vec![Launch::Alone], both(2), both(3), both(7)].concat() {
        // As many iterations as there are rows see the whole spectrum.
        let info = look(how, &[&file, "--iterations", "400"]);
        assert_eq!(info["schema"], "halocg-info/1");
        let at = |at: &str| number(&info, at);
        assert_eq!((at("/rows"), at("/nonzeros")), (N as f64, (3 * N - 2) as f64));
        assert_eq!((at("/row_entries/0"), at("/row_entries/2"), at("/bandwidth")), (2.0, 3.0, 1.0));
        assert_eq!((at("/diagonal/0"), at("/diagonal/1")), (2.0, 2.0));
        assert_eq!((at("/dominant_rows"), at("/positive_off_diagonal")), (N as f64, 0.0));
        assert_eq!((at("/magnitudes/0"), at("/magnitudes/1")), (1.0, 2.0));
        assert_eq!((at("/gershgorin/0"), at("/gershgorin/1")), (0.0, 4.0));
        assert!(info["asymmetry"].is_null());
        let theta = std::f64::consts::PI / (2.0 * (N + 1) as f64);
        let condition = (theta.cos() / theta.sin()).powi(2);
        for m in [0, 1] {
            let found = at(&format!("/estimates/{m}/condition"));
            assert!((found / condition - 1.0).abs() < 1e-3, "{found} {condition}");
        }
        assert!((at("/estimates/1/lambda_max") - 0.5 * at("/estimates/0/lambda_max")).abs() < 1e-6);
        assert_eq!(at("/needs/0/reading_bytes"), (32 * (3 * N - 2)) as f64);
    }
}

#[test]
fn what_cannot_be_solved_is_said_and_why() {
    let folder = Folder::new("info of others");
    let general = "%%MatrixMarket matrix coordinate real general\n";
    let asymmetric = folder.write("asymmetric.mtx", format!("{general}2 2 4\n1 1 2\n1 2 1\n2 1 0.5\n2 2 2\n"));
    let indefinite = folder.write("indefinite.mtx", format!("{general}2 2 4\n1 1 1\n1 2 3\n2 1 3\n2 2 1\n"));
    for how in [vec![Launch::Alone], both(2)].concat() {
        assert!(
            look(how, &[&asymmetric])["asymmetry"].as_str().expect("words").contains("A(1,2) = 1 but A(2,1) is 0.5")
        );
        let finished = run(how, &["info", &asymmetric]);
        assert!(finished.code == Some(0) && finished.stdout.contains("symmetric systems only"), "{finished:?}");
        let finished = run(how, &["info", &indefinite]);
        assert!(finished.code == Some(0) && finished.stdout.contains("not positive definite"), "{finished:?}");
        let finished = run(how, &["info", &folder.path("none.mtx")]);
        assert_eq!(finished.code, Some(1), "{finished:?}");
    }
}

#[test]
fn the_picture_is_the_same_on_any_ranks() {
    let folder = Folder::new("spy");
    let mut pictures = [vec![Launch::Alone], both(3)].concat().into_iter().map(|how| {
        let file = folder.path(&unique("spy.png"));
        assert_eq!(run(how, &["info", "poisson", "-n", "60", "--iterations", "0", "--spy", &file]).code, Some(0));
        std::fs::read(file).expect("the picture")
    });
    let first = pictures.next().expect("one picture");
    assert!(first.starts_with(b"\x89PNG") && pictures.all(|picture| picture == first));
}

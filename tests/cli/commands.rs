//! Every command in the documents, run as it stands there: in a folder that holds what the documents speak of.

use crate::common::{Finished, HAS_MPI, Launch, finish, halocg, limited};
use crate::support::{Folder, mesh, read, unique};
use clap::CommandFactory as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The documents, README.md first.
fn documents() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(format!("{ROOT}/docs")).expect("docs").map(|file| file.expect("a file").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "md"));
    paths.sort();
    paths.insert(0, PathBuf::from(mesh("README.md")));
    paths.insert(0, format!("{ROOT}/README.md").into());
    paths
}

/// The commands of a document: the lines of its shell blocks, and what stands in backquotes in its text.
fn commands(text: &str) -> Vec<String> {
    let (mut found, mut prose) = (Vec::new(), String::new());
    let mut block: Option<&str> = None;
    // A command may go on behind a backslash.
    for line in text.replace("\\\n", " ").lines() {
        match (line.trim_start().strip_prefix("```"), block) {
            (Some(language), None) => block = Some(language),
            (Some(_), Some(_)) => block = None,
            (None, Some("sh")) => found.push(line.split(" # ").next().unwrap_or_default().trim().to_string()),
            (None, Some(_)) => (),
            (None, None) => prose += &format!("{line} "),
        }
    }
    found.extend(prose.split('`').skip(1).step_by(2).map(|span| span.split_whitespace().collect::<Vec<_>>().join(" ")));
    found.retain(|command| !command.is_empty() && !command.starts_with('#'));
    found
}

/// The program that a command starts, and its arguments.
fn words(command: &str) -> Vec<&str> {
    let is_setting =
        |word: &&str| word.split_once('=').is_some_and(|(name, _)| !name.is_empty() && !name.starts_with('-'));
    command.split_whitespace().skip_while(is_setting).collect()
}

/// Stands for something that the reader puts in: FILE, FILE.msh, `...`, [OPTIONS]. A.mtx is a file.
fn is_placeholder(word: &str) -> bool {
    let stem = word.split('.').next().unwrap_or_default();
    let is_upper = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_uppercase());
    word.contains("...") || word.contains('[') || is_upper(word) || stem.len() > 1 && is_upper(stem)
}

#[derive(Debug, PartialEq)]
enum Kind {
    /// To be run.
    Ours,
    /// `make TARGET`: runs for minutes, or installs; that there is such a target is all that is looked at.
    Make(String),
    /// `cargo ... --test NAME` and the like.
    Cargo(Vec<(String, String)>),
    /// Not a command, or not one of this program.
    Other,
}

fn kind(command: &str) -> Kind {
    let words = words(command);
    if words.len() < 2 {
        return Kind::Other;
    }
    match words[0] {
        "halocg" | "target/release/halocg" | "mpirun" | "cmp" if !words.iter().any(|word| is_placeholder(word)) => {
            // `halocg solve --view` names an option, `halocg info` a command: nothing is said of what to solve.
            let is_whole = words.iter().any(|word| {
                word.contains(".m") || ["-n", "--n", "machine", "--help", "completions", "man"].contains(word)
            });
            let is_started = words[0] != "mpirun"
                || words.iter().position(|word| word.ends_with("halocg")) > words.iter().position(|word| *word == "-n");
            if is_whole && is_started { Kind::Ours } else { Kind::Other }
        }
        "make" => Kind::Make(words[1].to_string()),
        "cargo" => {
            let named = words.windows(2).filter(|pair| ["--test", "--bench", "--example"].contains(&pair[0]));
            Kind::Cargo(named.map(|pair| (pair[0][2..].to_string(), pair[1].to_string())).collect())
        }
        _ => Kind::Other,
    }
}

/// What the documents speak of: the program in its place, a launcher, the meshes, and matrices A and B.
fn furnish(folder: &Folder) {
    let script = |name: &str, text: String| {
        let path = folder.write(name, text);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("permissions");
    };
    for name in ["bin", "target", "target/release"] {
        std::fs::create_dir_all(folder.path(name)).expect("a folder");
    }
    std::os::unix::fs::symlink(format!("{ROOT}/meshes"), folder.path("meshes")).expect("a link");
    for name in ["bin/halocg", "target/release/halocg"] {
        std::os::unix::fs::symlink(halocg(), folder.path(name)).expect("a link");
    }
    // The launcher takes the options of the documents: more ranks than processors, their number. Without MPI the ranks
    // are threads, as the documents say they can be.
    let start = if HAS_MPI {
        // The words before the rank count, and all that is set, as in other tests.
        let command = Launch::Mpirun(77).command(Path::new("PROGRAM"));
        let words: Vec<&str> = command.get_args().map(|word| word.to_str().expect("UTF-8")).collect();
        let words: Vec<&str> = words.into_iter().skip_while(|word| !word.contains("mpirun")).collect();
        words.join(" ").replace("77 PROGRAM", "$ranks \"$@\"")
    } else {
        "\"$@\" --threads $ranks".into()
    };
    script(
        "bin/mpirun",
        format!(
            "#!/bin/sh\n[ \"$1\" = --oversubscribe ] && shift\n[ \"$1\" = -n ] || exit 99\nranks=$2\nshift 2\nexec {start}\n"
        ),
    );
    for name in ["A.mtx", "B.mtx"] {
        folder.write(name, std::fs::read(mesh("plate_hole.mtx")).expect("a matrix"));
    }
}

#[test]
fn every_command_in_the_documents_works() {
    let makefile = read(&format!("{ROOT}/Makefile"));
    let manifest = read(&format!("{ROOT}/Cargo.toml"));
    let (mut run, mut wrong) = (0, Vec::new());
    for path in documents() {
        // In one folder, in the document's order: what one command writes the next may read.
        let folder = Folder::new("commands of documents");
        furnish(&folder);
        let search = format!("{}:{}", folder.path("bin"), std::env::var("PATH").unwrap_or_default());
        for command in commands(&read(path.to_str().expect("UTF-8"))) {
            let place = format!("{}: {command}", path.strip_prefix(ROOT).expect("below the root").display());
            match kind(&command) {
                Kind::Ours => {
                    // A first look is enough here: beside other tests the whole measurement takes minutes.
                    let command = command
                        .replace("halocg machine", "halocg machine --quick")
                        .replace("--quick --quick", "--quick");
                    let mut shell = limited();
                    shell.args(["sh", "-c", &command]).current_dir(folder.path("")).env("PATH", &search);
                    // Jobs of Open MPI that run at the same time need folders of their own.
                    shell.env("OMPI_MCA_orte_tmpdir_base", folder.path("session"));
                    let finished = finish(shell);
                    run += 1;
                    if finished.code != Some(0) {
                        wrong.push(format!("{place}\n{:?} {}", finished.code, finished.stderr));
                    }
                }
                Kind::Make(target) => {
                    if !target.contains(is_not_a_target) && !makefile.contains(&format!("\n{target}:")) {
                        wrong.push(format!("{place}\nno such target"));
                    }
                }
                Kind::Cargo(names) => {
                    for (what, name) in names {
                        let file = format!(
                            "{ROOT}/{}/{name}.rs",
                            if what == "bench" { "benches".into() } else { format!("{what}s") }
                        );
                        if !manifest.contains(&format!("name = \"{name}\"")) && !Path::new(&file).exists() {
                            wrong.push(format!("{place}\nno {what} called {name}"));
                        }
                    }
                }
                Kind::Other => (),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(run >= 10, "{run} commands were found: is the search for them broken?");
}

/// Starts one of the examples of batch jobs in a folder that holds A.mtx, as its batch system does: a copy of the script, by
/// another name. `bin` of the folder holds what the script calls.
fn batch(folder: &Folder, name: &str, arguments: &[&str]) -> Finished {
    let copy = folder.write("copy of the batch system", read(&format!("{ROOT}/examples/{name}.sh")));
    let mut shell = limited();
    shell.arg("bash").arg(copy).args(arguments).current_dir("/");
    shell.env("PATH", format!("{}:{}", folder.path("bin"), std::env::var("PATH").unwrap_or_default()));
    shell.envs([("PBS_O_WORKDIR", folder.path("")), ("matrix", "A.mtx".into()), ("SLURM_JOB_ID", "77".into())]);
    if name == "slurm" {
        // Slurm goes to the folder by itself.
        shell.current_dir(folder.path(""));
    }
    finish(shell)
}

#[test]
fn the_batch_jobs_solve_and_go_on() {
    let matrix = std::fs::read(mesh("plate_hole.mtx")).expect("a matrix");
    for (name, launcher, again) in [("pbs", "mpirun", "qsub"), ("slurm", "srun", "scontrol")] {
        let script = format!("{ROOT}/examples/{name}.sh");
        let mut check = limited();
        check.args(["bash", "-n", &script]);
        assert_eq!(finish(check).code, Some(0), "{name}");

        let folder = Folder::new(&unique("batch"));
        folder.write("A.mtx", &matrix);
        std::fs::create_dir_all(folder.path("bin")).expect("a folder");
        let tool = |name: &str, text: String| {
            let path = folder.write(&format!("bin/{name}"), format!("#!/bin/bash\n{text}\n"));
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("permissions");
        };
        let options = "while [[ $1 = -* ]]; do shift; done";
        tool(launcher, format!("{options}\nexec \"$@\""));
        tool("halocg", format!("exec '{}' --threads 2 \"$@\"", halocg().display()));
        // What the batch system would be told.
        tool(again, "echo \"$@\" > told\ncat > script".into());
        let arguments: &[&str] = if name == "slurm" { &["A.mtx"] } else { &[] };
        let finished = batch(&folder, name, arguments);
        assert_eq!(finished.code, Some(0), "{name}: {finished:?}");
        assert!(folder.names().contains(&"A.x.mtx".into()), "{:?}", folder.names());
        assert!(!folder.names().contains(&"told".into()), "{:?}", folder.names());

        // A limit: another turn, of the same script wherever it lies.
        tool("halocg", "touch A.checkpoint; exit 4".into());
        let finished = batch(&folder, name, arguments);
        assert_eq!(finished.code, Some(4), "{name}: {finished:?}");
        let told = read(&folder.path("told"));
        if name == "pbs" {
            assert_eq!(told, "-v matrix=A.mtx\n");
            assert_eq!(read(&folder.path("script")), read(&script));
        } else {
            assert_eq!(told, "requeue 77\n");
        }
        // The turn goes on from what was saved.
        tool("halocg", "echo \"$@\" > words".into());
        assert_eq!(batch(&folder, name, arguments).code, Some(0));
        assert!(read(&folder.path("words")).contains("--restart A.checkpoint"), "{name}");
        assert!(!folder.names().contains(&"A.checkpoint".into()), "it is of no use any more");
    }
}

/// `make PREFIX=...`, `make bench-*`
fn is_not_a_target(c: char) -> bool {
    !(c.is_ascii_lowercase() || c == '-')
}

#[test]
fn commands_are_found_in_blocks_and_in_text() {
    let text = "Use `halocg solve\nA.mtx`, or `halocg COMMAND --help`.\n```sh\nX=1 make demo # all\n# a remark\n\nhalocg info A.mtx    # looks\n```\n```text\nhalocg not this\n```\n";
    assert_eq!(
        commands(text),
        ["make demo", "halocg info A.mtx", "halocg solve A.mtx", "halocg COMMAND --help"]
            .map(|c| if c == "make demo" { "X=1 make demo" } else { c })
    );
    let ours = |command| kind(command) == Kind::Ours;
    assert!(ours("halocg solve A.mtx") && ours("mpirun -n 4 target/release/halocg solve A.mtx"));
    assert!(
        !ours("halocg COMMAND --help")
            && !ours("halocg info")
            && !ours("mpirun halocg poisson -n 9")
            && !ours("mpirun -n 4 halocg solve FILE")
    );
    assert_eq!(kind("PETSC_DIR=x make bench-peers REPETITIONS=7"), Kind::Make("bench-peers".into()));
    assert_eq!(kind("cargo bench --bench input"), Kind::Cargo(vec![("bench".into(), "input".into())]));
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let mut wrong = Vec::new();
    for path in documents() {
        let text = read(path.to_str().expect("UTF-8"));
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            if file.contains("://") {
                continue;
            }
            let target = if file.is_empty() { path.clone() } else { path.parent().expect("a folder").join(file) };
            let has_heading = |text: &str| text.lines().any(|line| line.starts_with('#') && anchor(line) == heading);
            let is_there =
                target.exists() && (heading.is_empty() || has_heading(&read(target.to_str().expect("UTF-8"))));
            if !is_there {
                wrong.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a heading is called in links.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Long options of a command and of those below it, with what help says of them.
fn long_options(command: &clap::Command, all: &mut Vec<[String; 2]>) {
    let about = |argument: &clap::Arg| argument.get_help().map(ToString::to_string).unwrap_or_default();
    let named = |argument: &clap::Arg| Some([argument.get_long()?.to_string(), about(argument)]);
    all.extend(command.get_arguments().filter_map(named));
    command.get_subcommands().for_each(|below| long_options(below, all));
}

/// Options of a solve anywhere in the guide, or with the meshes; those that other commands do not share with it in a row of
/// a table that begins with the command.
#[test]
fn the_guide_has_words_on_every_option() {
    let guide = read(&format!("{ROOT}/docs/guide.md"));
    let meshes = read(&format!("{ROOT}/docs/meshes.md"));
    assert!(guide.contains("(meshes.md)"));
    let names = |text: &str, option: &str| {
        let goes_on = |c: char| c.is_ascii_alphanumeric() || c == '-';
        text.match_indices(option).any(|(at, _)| !text[at + option.len()..].starts_with(goes_on))
    };
    let cli = halocg::cli::Cli::command();
    let (mut seen, mut missing) = (Vec::new(), Vec::new());
    // Those of all commands first: everything else shares them.
    let all = halocg::cli::Cli::command().get_arguments().fold(clap::Command::new("halocg"), |all, one| all.arg(one));
    for command in [&all].into_iter().chain(cli.get_subcommands()) {
        let mut options = Vec::new();
        long_options(command, &mut options);
        let row = format!("| `{}` |", command.get_name());
        let rows: String = guide.lines().filter(|line| line.starts_with(&row)).collect();
        let is_solve = ["halocg", "solve"].contains(&command.get_name());
        for option in options {
            let long = format!("--{}", option[0]);
            let is_there = names(&rows, &long) || is_solve && (names(&guide, &long) || names(&meshes, &long));
            if !is_there && !seen.contains(&option) {
                missing.push(format!("{long} of {}", command.get_name()));
            }
            seen.push(option);
        }
    }
    assert!(seen.len() > 80, "{}", seen.len());
    assert!(missing.is_empty(), "docs/guide.md says nothing of {missing:?}");
}

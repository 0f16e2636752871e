//! Values of single arguments: parsed, or refused with what would have been understood.

use super::{FormatChoice, List, SolverChoice};
use crate::error::{Error, Result};
use crate::krylov;
use crate::operator::{self, Format};
use crate::partition::Partition;
use crate::pipeline::RightHandSide;
use crate::preconditioner;
use crate::problem::FileFormat;
use clap::builder::{PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

pub(super) fn formats() -> impl TypedValueParser<Value = FormatChoice> {
    let names = operator::FORMATS.iter().map(|format| PossibleValue::new(format.name).help(format.about));
    PossibleValuesParser::new(
        names.chain([PossibleValue::new("auto").help("the one of these in which a rank's rows take the fewest bytes")]),
    )
    .map(|name| FormatChoice(Format::named(&name)))
}

pub(super) fn file_formats() -> impl TypedValueParser<Value = FileFormat> {
    let values = FileFormat::TABLE.iter().map(|(_, name, about)| PossibleValue::new(*name).help(*about));
    PossibleValuesParser::new(values).map(|name| FileFormat::named(&name).expect("only names of the table pass"))
}

pub(super) fn solvers() -> impl TypedValueParser<Value = SolverChoice> {
    let values = krylov::TABLE
        .iter()
        .map(|kind| PossibleValue::new(kind.name).aliases(kind.aliases.iter().copied()).help(kind.about));
    let candidates: Vec<_> = krylov::TABLE.iter().filter(|kind| kind.is_candidate).map(|kind| kind.name).collect();
    let auto =
        format!("the one of {} that promises the shortest iteration, measured at the start", candidates.join(", "));
    PossibleValuesParser::new(values.chain([PossibleValue::new("auto").help(auto)]))
        .map(|name| SolverChoice(krylov::Kind::named(&name)))
}

pub(super) fn preconditioners() -> impl TypedValueParser<Value = &'static preconditioner::Kind> {
    let values = preconditioner::TABLE
        .iter()
        .map(|kind| PossibleValue::new(kind.name).aliases(kind.aliases.iter().copied()).help(kind.about));
    PossibleValuesParser::new(values)
        .map(|name| preconditioner::Kind::named(&name).expect("only names of the table pass"))
}

/// `all`, or names of a table separated by commas.
fn list<T>(
    text: &str,
    table: &'static [T],
    name: fn(&T) -> &str,
    named: fn(&str) -> Option<&'static T>,
) -> std::result::Result<List<T>, String> {
    if text == "all" {
        return Ok(List(table.iter().collect()));
    }
    let known = || table.iter().map(name).collect::<Vec<_>>().join(", ");
    let one = |word: &str| named(word).ok_or_else(|| format!("`{word}` is not one of all, {}", known()));
    let mut chosen: Vec<&T> = text.split(',').map(one).collect::<std::result::Result<_, _>>()?;
    // By whatever name, each is compared once.
    let mut seen = Vec::new();
    chosen.retain(|kind| {
        !seen.contains(&name(kind)) && {
            seen.push(name(kind));
            true
        }
    });
    Ok(List(chosen))
}

pub(super) fn solver_list() -> impl TypedValueParser<Value = List<krylov::Kind>> {
    let parser =
        StringValueParser::new().try_map(|text| list(&text, krylov::TABLE, |kind| kind.name, krylov::Kind::named));
    Listed::new(parser, krylov::TABLE.iter().map(|kind| (kind.name, kind.about)))
}

pub(super) fn preconditioner_list() -> impl TypedValueParser<Value = List<preconditioner::Kind>> {
    let parser = StringValueParser::new()
        .try_map(|text| list(&text, preconditioner::TABLE, |kind| kind.name, preconditioner::Kind::named));
    Listed::new(parser, preconditioner::TABLE.iter().map(|kind| (kind.name, kind.about)))
}

/// A parser of lists that can say what may stand in them.
#[derive(Clone)]
struct Listed<P> {
    parser: P,
    values: Vec<PossibleValue>,
}

impl<P: TypedValueParser> Listed<P> {
    fn new(parser: P, table: impl Iterator<Item = (&'static str, &'static str)>) -> Self {
        let all = PossibleValue::new("all").help("every one of these");
        let values = table.map(|(name, about)| PossibleValue::new(name).help(about)).chain([all]).collect();
        Listed { parser, values }
    }
}

impl<P: TypedValueParser> TypedValueParser for Listed<P> {
    type Value = P::Value;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> std::result::Result<P::Value, clap::Error> {
        self.parser.parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.values.iter().cloned()))
    }
}

pub(super) fn sub_preconditioners() -> impl TypedValueParser<Value = &'static preconditioner::SubKind> {
    let values = preconditioner::SUB_TABLE
        .iter()
        .map(|kind| PossibleValue::new(kind.name).aliases(kind.aliases.iter().copied()).help(kind.about));
    PossibleValuesParser::new(values)
        .map(|name| preconditioner::SubKind::named(&name).expect("only names of the table pass"))
}

fn number(text: &str, wanted: &str, fits: impl Fn(f64) -> bool) -> std::result::Result<f64, String> {
    text.parse().ok().filter(|&number| fits(number)).ok_or_else(|| format!("must be {wanted}"))
}

pub(super) fn finite(text: &str) -> std::result::Result<f64, String> {
    number(text, "a finite number", f64::is_finite)
}

pub(super) fn not_negative(text: &str) -> std::result::Result<f64, String> {
    number(text, "a finite number >= 0", |number| number >= 0.0 && number.is_finite())
}

pub(super) fn positive(text: &str) -> std::result::Result<f64, String> {
    number(text, "a number > 0", |number| number > 0.0)
}

pub(super) fn at_least_one(text: &str) -> std::result::Result<f64, String> {
    number(text, "a finite number >= 1", |number| number >= 1.0 && number.is_finite())
}

pub(super) fn fraction(text: &str) -> std::result::Result<f64, String> {
    number(text, "a number > 0 and <= 1", |number| number > 0.0 && number <= 1.0)
}

pub(super) fn right_hand_side(text: &str) -> std::result::Result<RightHandSide, String> {
    Ok(match text {
        "ones" => RightHandSide::Ones,
        "A1" => RightHandSide::A1,
        "random" => RightHandSide::Random(0),
        _ => match text.strip_prefix("random:") {
            Some(seed) => RightHandSide::Random(seed.parse().map_err(|_| "the seed must be a whole number")?),
            None => RightHandSide::File(text.into()),
        },
    })
}

/// The format of a file to be written: that of its ending, or Matrix Market for names without one; `otherwise` is what else
/// may be done. The name alone decides: what it stands for may be another thing where another rank runs.
///
/// # Errors
/// When it has an ending that names none.
pub(super) fn format_of_name(path: &Path, otherwise: &str) -> Result<FileFormat> {
    let plain = || path.extension().is_none().then_some(FileFormat::MatrixMarket);
    FileFormat::of_name(path).or_else(plain).ok_or_else(|| {
        let endings: Vec<String> = FileFormat::TABLE.iter().map(|(_, name, _)| format!(".{name}")).collect();
        let (path, endings) = (path.display(), endings.join(", "));
        Error::usage(format!("{path}: the ending names no format: use one of {endings}{otherwise}"))
    })
}

/// The name of a picture: its ending says which kind.
pub(super) fn picture(text: &str) -> std::result::Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("svg" | "png") => Ok(path),
        _ => Err("the name must end in .svg or .png".into()),
    }
}

pub(super) fn png(text: &str) -> std::result::Result<PathBuf, String> {
    ending(text, "png")
}

/// The name of a folder, and not of a page in it.
pub(super) fn folder(text: &str) -> std::result::Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("html" | "htm" | "json") if !path.is_dir() && !text.ends_with('/') => {
            Err("it names a folder, which gets a report.html and a run.json".into())
        }
        _ => Ok(path),
    }
}

pub(super) fn vtu(text: &str) -> std::result::Result<PathBuf, String> {
    ending(text, "vtu")
}

fn ending(text: &str, wanted: &str) -> std::result::Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let fits = path.extension().is_some_and(|ending| ending == wanted);
    if fits { Ok(path) } else { Err(format!("the name must end in .{wanted}")) }
}

pub(super) fn partition(text: &str) -> std::result::Result<Partition, String> {
    match text {
        "metis" => Ok(Partition::Metis),
        "blocks" => Ok(Partition::Blocks),
        "boxes" => Ok(Partition::Boxes),
        "rcb" => Ok(Partition::Rcb),
        _ => match text.strip_prefix("file:") {
            Some(path) if !path.is_empty() => Ok(Partition::File(path.into())),
            _ => Err("use metis, blocks, boxes, rcb or file:PATH".into()),
        },
    }
}

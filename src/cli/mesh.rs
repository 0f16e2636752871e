//! Options of a problem on a mesh.

use super::SolveOptions;
use super::values::{finite, positive};
use crate::error::{Error, Result};
use crate::pipeline::RightHandSide;
use crate::problem::{Conditions, Source};
use clap::Args;
use std::path::PathBuf;

/// The problem on a mesh: -div(k grad u) = f with conditions on physical groups.
#[derive(Args, Clone, Debug)]
pub struct MeshOptions {
    /// Hold u at a value on a physical group (curve:1, where a surface is called 1 too); without any condition the whole boundary is held at 0
    #[arg(long, value_name = "GROUP=VALUE", allow_hyphen_values = true, value_parser = of_group, help_heading = "Mesh")]
    pub dirichlet: Vec<(String, f64)>,
    /// Flux k du/dn into the domain through a physical group; 0 where nothing is said
    #[arg(long, value_name = "GROUP=VALUE", allow_hyphen_values = true, value_parser = of_group, help_heading = "Mesh")]
    pub neumann: Vec<(String, f64)>,
    /// Source f, everywhere or in a physical group; 0 by default, 1 without any condition
    #[arg(long, value_name = "[GROUP=]VALUE", allow_hyphen_values = true, value_parser = anywhere, help_heading = "Mesh")]
    pub source: Vec<(Option<String>, f64)>,
    /// Conductivity k > 0, everywhere or in a physical group; 1 by default
    #[arg(long, value_name = "[GROUP=]VALUE", allow_hyphen_values = true, value_parser = conductivity, help_heading = "Mesh")]
    pub conductivity: Vec<(Option<String>, f64)>,
}

impl MeshOptions {
    /// A mesh if there is anything that only a mesh has; else what the file turns out to hold.
    pub(super) fn source(self, path: PathBuf) -> Source {
        let MeshOptions { dirichlet, neumann, source, conductivity } = self;
        let conditions = Conditions { dirichlet, neumann, source, conductivity };
        if conditions == Conditions::default() { Source::File(path) } else { Source::Mesh(path, conditions) }
    }

    /// Refuses what a right-hand side of another origin would leave without effect.
    pub(super) fn check(&self, options: &SolveOptions) -> Result<()> {
        if options.rhs.as_ref().is_none_or(|rhs| *rhs == RightHandSide::Own) {
            return Ok(());
        }
        let unused = [
            ("--source", !self.source.is_empty()),
            ("--neumann", !self.neumann.is_empty()),
            ("--dirichlet with a value other than 0", self.dirichlet.iter().any(|(_, value)| *value != 0.0)),
        ];
        match unused.iter().find(|(_, given)| *given) {
            Some((option, _)) => {
                Err(Error::usage(format!("--rhs takes the place of the load on the mesh: leave out {option}")))
            }
            None => Ok(()),
        }
    }
}

/// `GROUP=VALUE`; a name may hold the sign, a value cannot.
fn of_group(text: &str) -> std::result::Result<(String, f64), String> {
    let words = "use GROUP=VALUE, with the name of a physical group";
    text.contains('=').then_some(()).ok_or(words)?;
    let (group, value) = anywhere(text)?;
    Ok((group.ok_or(words)?, value))
}

fn anywhere(text: &str) -> std::result::Result<(Option<String>, f64), String> {
    match text.rsplit_once('=') {
        Some(("", _)) => Err("the name of the physical group is missing".into()),
        Some((group, value)) => Ok((Some(group.to_string()), finite(value)?)),
        None => Ok((None, finite(text)?)),
    }
}

fn conductivity(text: &str) -> std::result::Result<(Option<String>, f64), String> {
    let (group, value) = anywhere(text)?;
    positive(&value.to_string())?;
    Ok((group, value))
}

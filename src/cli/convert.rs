//! Arguments of `halocg convert`.

use super::MeshOptions;
use super::values::{file_formats, format_of_name};
use crate::error::Result;
use crate::pipeline::Conversion;
use crate::problem::FileFormat;
use clap::Args;
use std::path::PathBuf;

/// From which file to which.
#[derive(Args, Debug)]
pub struct ConvertOptions {
    /// A matrix or a vector, in any format, or a mesh, of which the matrix is written
    pub input: PathBuf,
    /// The file to write
    pub output: PathBuf,
    /// Format of the file to write, whatever its ending
    #[arg(long, value_parser = file_formats())]
    pub format: Option<FileFormat>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub mesh: MeshOptions,
}

impl ConvertOptions {
    pub(super) fn conversion(self) -> Result<Conversion> {
        let format = self.format.map_or_else(|| format_of_name(&self.output, ", or --format"), Ok)?;
        Ok(Conversion { input: self.mesh.source(self.input), output: self.output, format })
    }
}

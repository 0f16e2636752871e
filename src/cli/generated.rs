//! Options of generated problems.

use super::MatrixArgs;
use super::values::*;
use crate::error::{Error, Result};
use crate::problem::{Source, Spectrum, Stencil};
use clap::Args;

/// The grid of a Poisson problem.
#[derive(Args, Debug)]
pub struct GridOptions {
    /// Dimensions of the grid
    #[arg(long, value_parser = clap::value_parser!(u8).range(2..=3), default_value = "2")]
    pub dim: u8,
    /// Interior grid points along each axis: N, or one number per axis (N,N or N,N,N)
    #[arg(long, short, value_delimiter = ',', required = true, value_parser = clap::value_parser!(u64).range(1..))]
    pub n: Vec<u64>,
    /// Points of the stencil: 5 or 9 in two dimensions, 7 or 27 in three
    #[arg(long)]
    pub stencil: Option<u32>,
    /// Coefficients along the axes, for the 5- and 7-point stencils: 1,1,0.01 weakens the coupling along z [default: 1,1,1]
    #[arg(long, value_name = "C", value_delimiter = ',', value_parser = positive)]
    pub coefficients: Vec<f64>,
    /// Do not assemble the matrix
    #[arg(long)]
    pub matrix_free: bool,
}

/// The model problem's parameters.
#[derive(Args, Debug)]
pub struct ModelOptions {
    /// Number of rows
    #[arg(long, short, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub n: u64,
    /// Condition number
    #[arg(long, default_value = "1e6", allow_negative_numbers = true, value_parser = at_least_one)]
    pub kappa: f64,
    /// How strongly the eigenvalues gather at the small end, 0 < rho <= 1
    #[arg(long, default_value = "0.9", allow_negative_numbers = true, value_parser = fraction)]
    pub rho: f64,
}

impl GridOptions {
    /// Refuses options of how a matrix is stored where none is.
    pub(super) fn refuse_storage(&self, matrix: &MatrixArgs) -> Result<()> {
        match (self.matrix_free, matrix.format.is_some(), matrix.ordering.is_some()) {
            (true, true, _) => Err(Error::usage("--matrix-free stores no matrix: it cannot be used with --format")),
            (true, _, true) => Err(Error::usage("--matrix-free stores no matrix: it cannot be used with --ordering")),
            _ => Ok(()),
        }
    }

    pub(super) fn source(&self) -> Result<Source> {
        let stencil = self.stencil()?;
        Ok(if self.matrix_free { Source::PoissonMatrixFree(stencil) } else { Source::Poisson(stencil) })
    }

    fn stencil(&self) -> Result<Stencil> {
        let (dim, n) = (self.dim as usize, &self.n[..]);
        let mut points = [1; 3];
        match n {
            [all] => points[..dim].fill(*all),
            each if each.len() == dim => points[..dim].copy_from_slice(each),
            each => {
                let axes = each.len();
                return Err(Error::usage(format!(
                    "--n names {axes} axes, but --dim is {dim}: give one number, or one per axis"
                )));
            }
        }
        let size = self.stencil.unwrap_or(if dim == 2 { 5 } else { 7 });
        let stencil = Stencil::new(points, dim, size).ok_or_else(|| {
            let sizes = if dim == 2 { "5 or 9" } else { "7 or 27" };
            if matches!((dim, size), (2, 5 | 9) | (3, 7 | 27)) {
                Error::usage("this grid has 2^62 points or more: use fewer")
            } else {
                Error::usage(format!("there is no {size}-point stencil in {dim} dimensions: use --stencil {sizes}"))
            }
        })?;
        let mut coefficients = [1.0; 3];
        match self.coefficients.len() {
            0 => return Ok(stencil),
            axes if axes == dim => coefficients[..dim].copy_from_slice(&self.coefficients),
            axes => {
                return Err(Error::usage(format!(
                    "--coefficients names {axes} axes, but --dim is {dim}: give one number per axis"
                )));
            }
        }
        stencil
            .with_coefficients(coefficients)
            .ok_or_else(|| Error::usage(format!("--coefficients belongs to --stencil 5 and 7, not {size}")))
    }
}

impl ModelOptions {
    pub(super) fn spectrum(&self) -> Spectrum {
        Spectrum { n: self.n, kappa: self.kappa, rho: self.rho }
    }
}

//! Errors as full sentences with the remedy in them, and the exit codes of the program.

use std::fmt;

/// The exit codes of the `halocg` program. Every rank ends with the same one.
///
/// They are part of the interface: scripts may rely on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum ExitCode {
    /// The true residual meets the tolerance.
    Converged = 0,
    /// A bug in halocg, a file that could not be read or written, or a result that could not be printed.
    Internal = 1,
    /// The command line asks for something that does not exist or does not fit together.
    Usage = 2,
    /// An input file is malformed.
    Input = 3,
    /// The iteration limit came first.
    Limit = 4,
    /// The residual grew beyond the divergence limit, or stopped falling above the tolerance.
    Diverged = 5,
    /// A NaN, an infinity or an underflow turned up in the scalars of the iteration.
    NotFinite = 6,
    /// The matrix is not symmetric positive definite.
    NotSpd = 7,
    /// The preconditioner could not be built or is not positive definite.
    Preconditioner = 8,
}

impl ExitCode {
    fn from_number(number: u8) -> ExitCode {
        use ExitCode::*;
        [Converged, Internal, Usage, Input, Limit, Diverged, NotFinite, NotSpd, Preconditioner]
            .into_iter()
            .find(|code| *code as u8 == number)
            .unwrap_or(Internal)
    }
}

/// A failure of the input or of a resource: a sentence for the user, and the exit code it ends with.
///
/// Contract violations (bugs) panic instead; numerical outcomes are not errors but
/// [`Reason`](crate::krylov::Reason)s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    code: ExitCode,
    message: String,
}

/// `Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error that ends the program with `code`; `message` is one sentence naming the remedy.
    pub fn new(code: ExitCode, message: impl Into<String>) -> Error {
        Error { code, message: message.into() }
    }

    /// The command line asks for something impossible (exit code 2).
    pub fn usage(message: impl Into<String>) -> Error {
        Error::new(ExitCode::Usage, message)
    }

    /// A malformed input (exit code 3).
    pub fn input(message: impl Into<String>) -> Error {
        Error::new(ExitCode::Input, message)
    }

    /// A file could not be opened, read or written (exit code 1).
    pub fn io(doing: &str, path: &std::path::Path, cause: &std::io::Error) -> Error {
        Error::new(ExitCode::Internal, format!("{}: cannot {doing}: {cause}", path.display()))
    }

    /// The matrix cannot be symmetric positive definite (exit code 7).
    pub fn not_spd(message: impl Into<String>) -> Error {
        Error::new(ExitCode::NotSpd, message)
    }

    /// How the program ends on this error.
    pub fn exit_code(&self) -> ExitCode {
        self.code
    }

    /// The form in which one rank tells the others.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.code as u8];
        bytes.extend_from_slice(self.message.as_bytes());
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Error {
        let (code, message) = bytes.split_first().expect("an error message holds at least its code");
        Error::new(ExitCode::from_number(*code), String::from_utf8_lossy(message))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_the_journey_to_another_rank() {
        let error = Error::not_spd("A(3,3) = -1: not positive definite; größer als 0 is needed");
        assert_eq!(Error::from_bytes(&error.to_bytes()), error);
    }
}

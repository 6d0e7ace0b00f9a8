//! In which form answers are written.

use clap::ValueEnum;

/// How answers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    #[default]
    #[value(alias = "table")]
    Text,
    /// For programs
    Json,
}

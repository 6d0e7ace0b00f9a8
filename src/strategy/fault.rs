//! Faults: how a strategy says that it cannot go on, beside its looks.

use super::drill::Ordeal;

/// What keeps a strategy from going on. It is asked for at every input, and once after it was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It has failed; another try may fare better. The text says how.
    Error(String),
    /// Its settings cannot work: no other try mends them. The text says why.
    Config(String),
    /// An ordeal of a fire drill: what runs the strategy must undergo it, the strategy is sound.
    Drill(Ordeal),
}

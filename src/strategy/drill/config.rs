//! The settings of `drill`.

use std::time::Duration;

use crate::price::Size;

/// The settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The beginnings of the short names of the markets that it trades.
    pub market_prefixes: Vec<String>,
    /// The shares of an entry.
    pub size: Size,
    /// What happens to it.
    pub fault: Trouble,
    /// At which of its inputs it happens, from 1; 0 is at none.
    pub on_input: u64,
    /// After how many more inputs it happens again; 0 is never.
    pub every: u64,
    /// How many times it happens again at most.
    pub repeat: u64,
    /// A number that was raised while it runs lets it happen at the next input.
    pub fault_number: u64,
    /// How long it spins or starts; zero is for ever.
    pub span: Duration,
    /// How much memory it takes each time, in bytes.
    pub grow_bytes: u64,
}

/// What happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    None,
    /// It panics.
    Panic,
    /// It says that it failed.
    Error,
    /// It says that its settings cannot work.
    Config,
    /// It burns the CPU.
    Spin,
    /// It waits without end.
    Hang,
    /// It takes memory.
    Grow,
    /// Its start takes long.
    SlowStart,
}

impl Trouble {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::None,
        Self::Panic,
        Self::Error,
        Self::Config,
        Self::Spin,
        Self::Hang,
        Self::Grow,
        Self::SlowStart,
    ];

    /// Returns the word for it in files and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Panic => "panic",
            Self::Error => "error",
            Self::Config => "config",
            Self::Spin => "spin",
            Self::Hang => "hang",
            Self::Grow => "grow",
            Self::SlowStart => "slow_start",
        }
    }
}

impl Config {
    /// Tells whether it is to happen at the input of this number.
    #[must_use]
    pub const fn is_due(&self, inputs: u64) -> bool {
        if self.on_input == 0 || inputs < self.on_input {
            return false;
        }
        let after = inputs - self.on_input;
        match (after.checked_rem(self.every), after.checked_div(self.every)) {
            (Some(rest), Some(times)) => rest == 0 && times <= self.repeat,
            (None, _) | (_, None) => after == 0,
        }
    }

    /// Returns how long it takes; nothing where it is for ever.
    #[must_use]
    pub fn span(&self) -> Option<Duration> {
        (!self.span.is_zero()).then_some(self.span)
    }
}

//! What a piece of work of a runtime is to its pulse.

use ploy::kernel::Input;

use super::Msg;
use crate::pulse::Work;

impl Msg {
    /// Returns what the message is to a pulse.
    pub(super) const fn work(&self) -> Work {
        match self {
            Self::Ready => Work::Mailbox,
            Self::Report(_) | Self::Remember(_) | Self::Checkpoint(_) => Work::Report,
            Self::Gate(_) | Self::Regate(_) | Self::Release => Work::Control,
            Self::TakeOver(..) | Self::Watch(_) => Work::Settings,
        }
    }
}

/// Returns what an input is to a pulse.
pub(super) const fn of(input: &Input) -> Work {
    match input {
        Input::Market(_) => Work::Market,
        Input::Order(_) => Work::Order,
        Input::Timer(_) => Work::Timer,
        Input::Gate { .. } | Input::Release { .. } => Work::Control,
    }
}

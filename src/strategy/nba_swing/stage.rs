//! The stages of trading one market, and the one function that leads from each to the next.

use serde::{Deserialize, Serialize};

/// Where the strategy stands in a market.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stage {
    /// It waits for a signal.
    #[default]
    Watch,
    /// There is a signal, and an entry is wanted.
    Armed,
    /// An entry is on its way.
    Entering,
    /// Shares are held.
    Managing,
    /// All of them are to be sold.
    Exiting,
    /// They are sold; the market rests.
    Exited,
    /// A feed is down: no new risk is taken. Shares may be held, and are still sold where the rules say so.
    Halt,
}

/// What moves a market from one stage to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trigger {
    /// Every gate of an entry passed.
    SignalDetected,
    /// They do not pass any more, and no order went out.
    SignalLost,
    /// The guard let the entry pass.
    EntryOrderSubmitted,
    /// Some of it, or all, was filled.
    EntryFilled,
    /// Nothing of it was filled.
    EntryCancelled,
    /// A fill of an earlier incarnation tells of shares.
    Recovered,
    /// A part was sold, and the rest is held.
    PartialExit,
    /// A rule says that all is to be sold.
    ExitSignal,
    /// All is sold.
    ExitFilled,
    /// The order to sell all is over, or never went out, and shares are left: the rules are asked anew.
    ExitCancelled,
    /// The market has rested.
    Reset,
    /// A feed went down.
    EmergencyHalt,
    /// All feeds are back; nothing is held.
    Resume,
    /// All feeds are back; shares are held.
    ResumeHolding,
}

/// The pair means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no transition: {from:?} -> {trigger:?}")]
pub(super) struct NoTransition {
    from: Stage,
    trigger: Trigger,
}

impl Stage {
    /// Returns the stage that a trigger leads to.
    ///
    /// Beside the table of old: a halt with shares held resumes into managing them, not into watching; a partial
    /// exit, an exit that left shares, and shares known from an earlier incarnation have transitions.
    ///
    /// # Errors
    /// When the trigger means nothing at this stage.
    pub(super) const fn next(self, trigger: Trigger) -> Result<Self, NoTransition> {
        match (self, trigger) {
            (Self::Watch, Trigger::SignalDetected) => Ok(Self::Armed),
            (Self::Armed, Trigger::EntryOrderSubmitted) => Ok(Self::Entering),
            (Self::Armed, Trigger::SignalLost)
            | (Self::Entering, Trigger::EntryCancelled)
            | (Self::Exited, Trigger::Reset)
            | (Self::Halt, Trigger::Resume) => Ok(Self::Watch),
            (Self::Entering, Trigger::EntryFilled)
            | (Self::Watch, Trigger::Recovered)
            | (Self::Managing, Trigger::PartialExit)
            | (Self::Exiting, Trigger::ExitCancelled)
            | (Self::Halt, Trigger::ResumeHolding) => Ok(Self::Managing),
            (Self::Managing, Trigger::ExitSignal) => Ok(Self::Exiting),
            (Self::Exiting, Trigger::ExitFilled) => Ok(Self::Exited),
            (_, Trigger::EmergencyHalt) => Ok(Self::Halt),
            (from, trigger) => Err(NoTransition { from, trigger }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Stage::{Armed, Entering, Exited, Exiting, Halt, Managing, Watch};

    const STAGES: [Stage; 7] = [Watch, Armed, Entering, Managing, Exiting, Exited, Halt];

    /// Checks what a trigger leads to from each stage, in the order of `STAGES`; `-` is an error.
    fn check(trigger: Trigger, expected: [&str; 7]) {
        for (from, expected) in STAGES.into_iter().zip(expected) {
            let found = match from.next(trigger) {
                Ok(stage) => format!("{stage:?}"),
                Err(error) => {
                    assert_eq!(error, NoTransition { from, trigger });
                    "-".to_owned()
                }
            };
            assert_eq!(found, expected, "{from:?} {trigger:?}");
        }
    }

    #[test]
    fn every_stage_and_trigger_leads_where_the_table_says_or_is_an_error() {
        let no = "-";
        //                                   Watch       Armed       Entering    Managing    Exiting     Exited   Halt
        check(Trigger::SignalDetected, ["Armed", no, no, no, no, no, no]);
        check(Trigger::SignalLost, [no, "Watch", no, no, no, no, no]);
        check(Trigger::EntryOrderSubmitted, [no, "Entering", no, no, no, no, no]);
        check(Trigger::EntryFilled, [no, no, "Managing", no, no, no, no]);
        check(Trigger::EntryCancelled, [no, no, "Watch", no, no, no, no]);
        check(Trigger::Recovered, ["Managing", no, no, no, no, no, no]);
        check(Trigger::PartialExit, [no, no, no, "Managing", no, no, no]);
        check(Trigger::ExitSignal, [no, no, no, "Exiting", no, no, no]);
        check(Trigger::ExitFilled, [no, no, no, no, "Exited", no, no]);
        check(Trigger::ExitCancelled, [no, no, no, no, "Managing", no, no]);
        check(Trigger::Reset, [no, no, no, no, no, "Watch", no]);
        check(Trigger::EmergencyHalt, ["Halt"; 7]);
        check(Trigger::Resume, [no, no, no, no, no, no, "Watch"]);
        check(Trigger::ResumeHolding, [no, no, no, no, no, no, "Managing"]);
    }

    #[test]
    fn a_pair_that_means_nothing_is_named() {
        let error = Watch.next(Trigger::ExitFilled).unwrap_err();
        assert_eq!(error.to_string(), "no transition: Watch -> ExitFilled");
    }
}

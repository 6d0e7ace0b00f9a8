//! Safe mode: the process was started too often without an orderly end, and no strategy starts until a person says so.

use ploy::command::Refusal;
use ploy::lifecycle::Input;

use super::State;
use crate::bus::safe_mode::Leave;
use crate::ports::process::{ProcessEvent, ProcessRecord};
use crate::ports::{CommandRecord, Row};
use crate::telemetry::events;

/// What is asked, in the audit.
const ACTION: &str = "leave_safe_mode";

impl State {
    /// Tells whether a step must not be taken because it would start something.
    pub(super) const fn is_held(&self, input: &Input) -> bool {
        let starts = match input {
            Input::Start | Input::Restart | Input::Resume | Input::Retry | Input::NewVersion => {
                true
            }
            Input::Stop | Input::Spawned | Input::Warm | Input::Failed(_) => false,
            Input::Settled { .. } | Input::Completed => false,
        };
        starts && self.safe_mode.is_some()
    }

    /// Says that the process is in safe mode, and writes it down: the next process is too, until somebody leaves it.
    pub(super) fn enter_safe_mode(&self) {
        let Some(why) = &self.safe_mode else { return };
        tracing::error!(
            event.name = events::PROCESS_SAFE_MODE_ENTERED,
            why,
            "safe mode: no strategy starts until somebody leaves it"
        );
        self.around.board.safe_mode(Some(why.clone()));
        let event = ProcessEvent::SafeModeEntered { reason: why.clone() };
        self.store(Row::Process(ProcessRecord { at: (self.wall)(), event }));
    }

    pub(super) fn on_leave_safe_mode(&mut self, leave: Leave) {
        let Leave { actor, reason, reply } = leave;
        let before = if self.safe_mode.is_some() { "safe mode" } else { "no safe mode" };
        let before = Some(before.to_owned());
        let answer = match (self.is_ending, self.safe_mode.take()) {
            (true, _) => Err(Refusal::Unavailable),
            (false, None) => Err(Refusal::NotInSafeMode),
            (false, Some(_)) => Ok(()),
        };
        let said = match &answer {
            Ok(()) => format!("accepted: {reason}"),
            Err(refusal) => refusal.to_string(),
        };
        self.keep_command(CommandRecord {
            at: self.now(),
            actor: actor.clone(),
            strategy: "*".to_owned(),
            action: ACTION.to_owned(),
            answer: said,
            before,
        });
        if answer.is_ok() {
            tracing::info!(
                event.name = events::PROCESS_SAFE_MODE_LEFT,
                actor,
                reason,
                "safe mode was left"
            );
            self.around.board.safe_mode(None);
            let event = ProcessEvent::SafeModeLeft { actor, reason };
            self.store(Row::Process(ProcessRecord { at: (self.wall)(), event }));
            self.take_up_all();
        }
        drop(reply.send(answer)); // an asker that left is no failure
    }
}

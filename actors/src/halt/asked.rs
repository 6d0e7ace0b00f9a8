//! What people ask of the gates: the switch moves at once where it closes, and after it is written where it opens.

use std::time::Duration;

use ploy::halt::{Cause, Input, Why};
use ploy::lifecycle::Gate;
use tokio::time::Instant;

use super::{Halts, Told, await_told, file, kept, words};
use crate::ports::gates::{Ask, Brake, Denied, Turned, Wish};
use crate::ports::{Clock as _, CommandRecord, Pending, Row};
use crate::telemetry::events;

/// How long an answer waits for the disk. A person who halts must not wait for a store that hangs.
const STORED_WITHIN: Duration = Duration::from_secs(1);

impl Brake for Halts {
    fn ask(&self, ask: Ask) -> Pending<'_, Result<Turned, Denied>> {
        Box::pin(self.grant(ask))
    }
}

impl Halts {
    /// A part says that a cause stands, and the process is about to end: returns when that is on the disk, in the store
    /// or else in the signal file, or cannot be put there in time.
    pub async fn raise_stored(&self, cause: Cause, reason: &str, actor: &str) {
        let (reason, actor) = (words::bounded(reason), actor.to_owned());
        let ask = Ask { wish: Wish::Halt, reason, actor };
        // No part resumes: nothing is refused. Whom it tells has no time to answer.
        let input = Input::Raise { cause, why: self.why(&ask) };
        let (effects, _) = self.turn_switch(input).unwrap_or_default();
        if !self.store(self.rows(&effects)).await {
            self.without_store(&ask).await;
        }
    }

    async fn grant(&self, ask: Ask) -> Result<Turned, Denied> {
        words::check(&ask)?;
        let _turn = self.inner.turn.lock().await;
        let before = words::stands(&ask.wish, &self.gates());
        let answer = match &ask.wish {
            Wish::Halt => Ok(self.close(self.halt_input(&ask), &ask).await),
            Wish::Pause(scope, gate) if *gate != Gate::Open => {
                let (scope, gate) = (scope.clone(), *gate);
                let why = self.why(&ask);
                Ok(self.close(Input::Pause { scope, gate, why }, &ask).await)
            }
            Wish::Pause(scope, gate) => {
                let (scope, gate, why) = (scope.clone(), *gate, self.why(&ask));
                self.open_up(Input::Pause { scope, gate, why }, &ask).await
            }
            Wish::Resume => self.open_up(Input::Resume, &ask).await,
        };
        // A resume of one strategy is the manager's to note, unless it ended a pause.
        let is_idle = matches!((&ask.wish, &answer), (Wish::Pause(_, Gate::Open), Ok(turned)) if !turned.changed);
        let (accepted, said) = match &answer {
            Ok(turned) => (true, turned.said.clone()),
            Err(denied) => (false, denied.to_string()),
        };
        if is_idle {
            tracing::debug!("{said}");
        } else if accepted {
            tracing::info!(
                event.name = events::COMMAND_ACCEPTED,
                action = words::action(&ask.wish),
                actor = ask.actor,
                reason = ask.reason,
                "command accepted"
            );
        } else {
            tracing::warn!(
                event.name = events::COMMAND_REFUSED,
                action = words::action(&ask.wish),
                actor = ask.actor,
                reason = ask.reason,
                "{said}"
            );
        }
        if !is_idle {
            self.keep(vec![Row::Command(self.audit(&ask, before, &said))]);
        }
        answer
    }

    fn halt_input(&self, ask: &Ask) -> Input {
        Input::Raise { cause: Cause::Operator, why: self.why(ask) }
    }

    /// Closes: the switch first, then the kernels, and the disk meanwhile.
    async fn close(&self, input: Input, ask: &Ask) -> Turned {
        let began = Instant::now();
        let before = self.gates().clone();
        let (effects, waiting) = self.turn_switch(input).unwrap_or_default();
        let rows = self.rows(&effects);
        let (told, is_stored) = tokio::join!(await_told(waiting, began), self.store(rows.clone()));
        self.measured(&told, !effects.is_empty());
        let mut durable = is_stored;
        let mut note = String::new();
        if !is_stored {
            self.keep(rows);
            note = self.without_store(ask).await;
            durable = note.contains("written to");
        }
        let said = format!("{}{note}", words::closed(&ask.wish, &before, &self.gates()));
        self.turned(!effects.is_empty(), said, told, durable)
    }

    /// Opens: what is to be opened is written down first.
    async fn open_up(&self, input: Input, ask: &Ask) -> Result<Turned, Denied> {
        let began = Instant::now();
        let before = self.gates().clone();
        let effects = before.clone().next(input.clone()).map_err(Denied::StillThere)?;
        if !effects.is_empty()
            && !self.store(kept::rows_of(&effects, &before, &self.why(ask))).await
        {
            let error = self.inner.args.store.status().last_error;
            return Err(Denied::NotStored(
                error.unwrap_or_else(|| "it does not answer".to_owned()),
            ));
        }
        let (effects, waiting) = self.turn_switch(input).map_err(|still| {
            // Something came meanwhile: what was written as over is not.
            let standing = self.standing();
            self.keep(standing);
            Denied::StillThere(still)
        })?;
        let told = await_told(waiting, began).await;
        let said = words::opened(&ask.wish, &before, &self.gates(), &effects);
        Ok(self.turned(!effects.is_empty(), said, told, true))
    }

    fn turned(&self, changed: bool, said: String, told: Told, durable: bool) -> Turned {
        let Told { strategies, late, within_us } = told;
        Turned { changed, said, gate: self.gates().all(), strategies, late, within_us, durable }
    }

    /// The store could not take a halt: the signal file keeps it, so that the next process comes up halted. It is
    /// written as soon as the store takes rows again, too.
    async fn without_store(&self, ask: &Ask) -> String {
        let waits = "; it is not stored yet, and will be when the store takes rows again";
        let (Wish::Halt, Some(path)) = (&ask.wish, self.inner.args.file.clone()) else {
            return waits.to_owned();
        };
        let line = format!("halted by {}: {}\n", ask.actor, ask.reason);
        let shown = path.display().to_string();
        let written = tokio::task::spawn_blocking(move || file::write(&path, &line)).await;
        match written {
            Ok(Ok(())) => {
                format!(
                    "; the store cannot keep it, so it was written to {shown}: remove that file before you resume"
                )
            }
            Ok(Err(error)) => {
                tracing::error!(event.name = events::HALT_UNWRITTEN, path = shown, error.message = %error,
                    "a halt can be written neither to the store nor to the signal file");
                format!("{waits}; {shown} cannot be written either: {error}")
            }
            Err(error) => format!("{waits}; {shown} was not written: {error}"),
        }
    }

    /// Stores rows at once. Returns whether they are on the disk.
    async fn store(&self, rows: Vec<Row>) -> bool {
        if rows.is_empty() {
            return true;
        }
        let stored = tokio::time::timeout(STORED_WITHIN, self.inner.args.store.commit(rows)).await;
        matches!(stored, Ok(Ok(())))
    }

    fn audit(&self, ask: &Ask, before: String, said: &str) -> CommandRecord {
        CommandRecord {
            at: self.inner.args.clock.now(),
            actor: ask.actor.clone(),
            strategy: words::subject(&ask.wish),
            action: words::action(&ask.wish).to_owned(),
            answer: format!("{said} (reason: {})", ask.reason),
            before: Some(before),
        }
    }

    fn why(&self, ask: &Ask) -> Why {
        Why { reason: ask.reason.clone(), actor: ask.actor.clone(), since: self.now() }
    }
}

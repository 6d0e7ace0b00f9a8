//! What must outlive the process: rows of halts and pauses, written now or when the store can, and read at the start.

use ploy::halt::{Cause, Effect, Gates, Input, Scope, Why};
use ploy::lifecycle::Gate;
use ploy::order::StrategyId;

use super::{Halts, words};
use crate::bus::Ticket;
use crate::ports::Row;
use crate::ports::gates::GateRecord;
use crate::telemetry::events;

impl Halts {
    /// Takes in what an earlier process left.
    pub(super) fn restore(&self, record: GateRecord) {
        let GateRecord { at, strategy, cause, gate, reason, actor } = record;
        let why = Why { reason, actor, since: at };
        let known = Cause::ALL.into_iter().find(|known| known.name() == cause);
        let mut gates = self.gates();
        if cause == words::PAUSE {
            let scope = strategy.map_or(Scope::All, Scope::One);
            drop(gates.next(Input::Pause { scope, gate, why }));
            return;
        }
        // A cause that this program does not know was a halt all the same.
        let cause = known.unwrap_or(Cause::Operator);
        tracing::error!(
            event.name = events::SERVICE_HALTED,
            cause = cause.name(),
            reason = why.reason,
            "still halted from an earlier run"
        );
        drop(gates.next(Input::Raise { cause, why }));
        // Its source says so if it is still there.
        drop(gates.next(Input::Over { cause, at: self.now() }));
    }

    /// Queues rows; they are written when the store can.
    pub(super) fn keep(&self, rows: Vec<Row>) {
        for row in rows {
            if let Err(error) = self.inner.args.store.record(row, Ticket::none()) {
                tracing::error!(event.name = events::STORE_FULL, error.message = %error,
                    "a record could not be queued");
            }
        }
    }

    /// Returns what a part has changed, as rows.
    pub(super) fn rows(&self, effects: &[Effect]) -> Vec<Row> {
        let by = Why { reason: "healed".to_owned(), actor: "auto".to_owned(), since: self.now() };
        let gates = self.gates();
        rows_of(effects, &gates, &by)
    }

    /// Returns all that holds orders back now, as rows.
    pub(super) fn standing(&self) -> Vec<Row> {
        let status = self.gates().status();
        let halts =
            status.halts.into_iter().map(|halt| (None, halt.cause.name(), halt.gate, halt.why));
        let pauses =
            status.pauses.into_iter().map(|one| (one.strategy, words::PAUSE, one.gate, one.why));
        halts
            .chain(pauses)
            .map(|(strategy, cause, gate, why)| row(strategy, cause, gate, &why))
            .collect()
    }
}

/// Returns what effects mean to the next process. What is over is told with who ended it.
pub(super) fn rows_of(effects: &[Effect], after: &Gates, by: &Why) -> Vec<Row> {
    let row_of = |effect: &Effect| match effect {
        Effect::Raised(cause) => {
            let why = after.halt(*cause).unwrap_or(by);
            row(None, cause.name(), cause.gate(), why)
        }
        Effect::Lifted(cause) => row(None, cause.name(), Gate::Open, by),
        Effect::Paused(scope) => {
            let (gate, why) = after.pause_of(scope).unwrap_or((Gate::Closed, by));
            row(words::one(scope), words::PAUSE, gate, why)
        }
        Effect::Opened(scope) => row(words::one(scope), words::PAUSE, Gate::Open, by),
    };
    effects.iter().map(row_of).collect()
}

fn row(strategy: Option<StrategyId>, cause: &str, gate: Gate, why: &Why) -> Row {
    let Why { reason, actor, since: at } = why.clone();
    Row::Gate(GateRecord { at, strategy, cause: cause.to_owned(), gate, reason, actor })
}

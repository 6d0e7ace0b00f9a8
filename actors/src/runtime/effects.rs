//! What becomes of a kernel's effects: orders to the executor, facts to the store, lines to the board.

use ploy::kernel::{Effect, Lasting};
use ploy::order::{OrderEvent, Origin, Submission, Update};

use super::{State, records};
use crate::bus::Ticket;
use crate::ports::memory::MemoryRecord;
use crate::ports::{Clock as _, Row};
use crate::telemetry::events;

impl State {
    /// Carries on one thing that the kernel decided.
    pub(super) fn carry(&mut self, effect: Effect, rows: &mut Vec<Row>, ticket: &Ticket) {
        match effect {
            Effect::Submit(order) => {
                let memory = Some(Box::new(self.memory()));
                let (id, at) = (order.id().clone(), order.at());
                let sent =
                    self.around.executor.submit(order, memory, self.incarnation, ticket.clone());
                if let Err(refusal) = sent {
                    let reason = refusal.to_string();
                    let update =
                        Update::Submitted(Submission::Rejected { reason, origin: Origin::Unsent });
                    self.around.bus.tell(OrderEvent { at, order: id, update }, ticket.clone());
                }
            }
            Effect::Decided { decision, repeated, risk } => {
                let record = records::decision(&self.kernel, &decision, repeated, risk.as_deref());
                if let Some(record) = record {
                    self.store(Row::Decision(record), ticket);
                }
            }
            Effect::Settled { market, payouts, amount, profit } => {
                let at = self.around.clock.now();
                let settlement =
                    records::settlement(&self.id, &market, (payouts, amount, profit), at);
                records::say_settlement(&settlement, &market, &self.around.board);
                self.around.ledger.settled(&settlement);
                self.around.account.settled(&settlement);
                rows.push(Row::Settlement(settlement));
            }
            Effect::Tripped(trip) => {
                let record = records::tripped(&self.id, &trip);
                records::say_risk(&record, &self.around.board);
                rows.push(Row::Risk(record));
            }
            Effect::HalfOpen(rule) => {
                let record = records::half_open(&self.id, rule, self.around.clock.now());
                records::say_risk(&record, &self.around.board);
                rows.push(Row::Risk(record));
            }
            Effect::Released(rule) => {
                let record = records::released(&self.id, rule, self.around.clock.now());
                records::say_risk(&record, &self.around.board);
                rows.push(Row::Risk(record));
            }
        }
    }

    /// Stores what the strategy remembers, with the rows that it must not be older than.
    pub(super) fn remember(&mut self, mut rows: Vec<Row>, ticket: &Ticket) {
        rows.push(Row::Memory(self.memory()));
        self.queue(rows, ticket);
    }

    /// Returns what outlives the process, as it is after the newest input.
    fn memory(&self) -> MemoryRecord {
        let memory = self.kernel.memory();
        let lasting = self.kernel.lasting(&self.settings);
        // The count before the time: what a venue tells may come between an event that counts as played and this
        // strategy's look at it, and the instant must not be before that event.
        let events = self.around.clock.played();
        MemoryRecord {
            strategy: self.id.clone(),
            at: memory.now().max(self.around.clock.now()),
            start: self.around.store.entered().start,
            incarnation: self.incarnation,
            inputs: memory.inputs(),
            events,
            version: Lasting::VERSION,
            body: serde_json::to_string(&lasting).expect("what is remembered is plain JSON"),
        }
    }

    /// Queues a row. A full queue is counted by the store and shown; nothing waits here.
    pub(super) fn store(&self, row: Row, ticket: &Ticket) {
        self.queue(vec![row], ticket);
    }

    fn queue(&self, rows: Vec<Row>, ticket: &Ticket) {
        if let Err(error) = self.around.store.record_all(rows, ticket.clone()) {
            tracing::error!(
                event.name = events::STORE_FULL,
                strategy.id = %self.id,
                error.message = %error,
                "a record could not be queued"
            );
        }
    }
}

//! An approved order from its lane to the venue: let in, stored, let in once more, sent; or taken back, which is said.

use std::sync::Arc;

use ploy::halt::lets_pass;
use ploy::kernel::Order;
use ploy::lifecycle::Gate;
use ploy::order::{OrderEvent, Origin, Submission, Update};
use ploy::order_path::Outgoing;
use tokio::time::Instant;

use super::handle::Job;
use super::track::Track;
use super::{Ended, Worker};
use crate::failpoint::{Injected, Step};
use crate::ports::{Row, StoreError};
use crate::telemetry::events;

impl Worker {
    /// Stores a group of orders, then sends each. An order whose record failed is never sent.
    pub(super) async fn on_jobs(&mut self, jobs: &mut Vec<Job>) -> Result<(), Ended> {
        let mut allowed = Vec::with_capacity(jobs.len());
        for job in jobs.drain(..) {
            if let Some(reason) = self.held_back(&job) {
                self.refuse(job, reason);
            } else if let Err(reason) = self.account.admit(&job.order) {
                self.write_refused(job, reason);
            } else {
                allowed.push(job);
            }
        }
        if allowed.is_empty() {
            return Ok(());
        }
        let run = self.store.run();
        // Its bytes are made here, once: what is sent is what is stored.
        let orders: Vec<_> =
            allowed.iter().map(|job| Outgoing::new(job.order.clone(), run)).collect();
        let memories = allowed.iter().filter_map(|job| job.memory.as_deref().cloned());
        let rows = orders.iter().cloned().map(Row::Order).chain(memories.map(Row::Memory));
        match self.commit(rows.collect()).await? {
            Ok(()) => {
                self.ledger.recorded(allowed.iter().map(|job| &job.order));
                for (job, order) in allowed.into_iter().zip(orders) {
                    self.send(job, order).await?;
                }
            }
            Err(error) => {
                for job in allowed {
                    // Should the order's row come to be written after all, so will be that it was not sent. A
                    // store that takes nothing any more will not write the order either.
                    self.take_back(job, format!("not sent: {error}"));
                }
            }
        }
        Ok(())
    }

    /// Makes orders durable.
    async fn commit(&self, rows: Vec<Row>) -> Result<Result<(), StoreError>, Ended> {
        let failed = || Ok(Err(StoreError::Failed("a failpoint".to_owned())));
        match self.failpoints.at(Step::BeforeCommit).await {
            Ok(()) => {}
            Err(Injected::Error) => return failed(),
            Err(Injected::Crash) => return Err(Ended::Failpoint),
        }
        let committed = self.store.commit(rows).await;
        match self.failpoints.at(Step::AfterCommit).await {
            Ok(()) => Ok(committed),
            Err(Injected::Error) => failed(),
            Err(Injected::Crash) => Err(Ended::Failpoint),
        }
    }

    /// Returns why an order may not be stored and sent; nothing when it may.
    fn held_back(&self, job: &Job) -> Option<String> {
        let strategy = &job.order.id().strategy;
        let permit = self.seats.get(strategy).and_then(|seat| seat.permit);
        let is_let_in = permit.is_some_and(|permit| {
            permit.incarnation == job.incarnation && permit.gate != Gate::Closed
        });
        if !is_let_in {
            return Some("not sent: this incarnation may not send any more".to_owned());
        }
        let gate = self.gates.gate(strategy);
        if !lets_pass(gate, job.order.intent().purpose) {
            return Some(shut(gate));
        }
        let older = self.tracks.open_of(strategy).find(|track| track.is_unwanted())?;
        Some(format!("not sent: nobody knows yet how the older order {} ended", older.key().id))
    }

    /// Sends a stored order, unless a gate was closed while it was being stored.
    async fn send(&mut self, job: Job, order: Outgoing) -> Result<(), Ended> {
        match self.failpoints.at(Step::BeforeSend).await {
            Ok(()) => {}
            Err(Injected::Error) => {
                self.keep_back(job, "not sent: a failpoint".to_owned());
                return Ok(());
            }
            Err(Injected::Crash) => return Err(Ended::Failpoint),
        }
        let (id, intent) = (order.id().clone(), *order.intent());
        let windows = self.venue.windows();
        let track = Track::sent(&order, Instant::now(), windows);
        let (venue, ticket) = (Arc::clone(&self.venue), job.ticket.clone());
        let submit = move || venue.submit(order, ticket);
        if let Err(gate) = self.gates.pass(&id.strategy, intent.purpose, submit) {
            self.keep_back(job, shut(gate));
            return Ok(());
        }
        self.tracks.add(track);
        tracing::info!(
            event.name = events::ORDER_SUBMITTED,
            strategy.id = %id.strategy,
            order.id = %id,
            market.id = %intent.market,
            purpose = intent.purpose.name(),
            "order sent"
        );
        match self.failpoints.at(Step::AfterSend).await {
            Ok(()) => Ok(()),
            Err(Injected::Error) => self.lose_answer(&id).await,
            Err(Injected::Crash) => Err(Ended::Failpoint),
        }
    }

    /// Says of an order that is stored, or may be, that it was not sent.
    fn take_back(&self, job: Job, reason: String) {
        let row = Row::OrderEvent(refusal(&job.order, reason.clone()));
        drop(self.store.record(row, job.ticket.clone()));
        self.refuse(job, reason);
    }

    /// Says of an order that is stored and booked that it was not sent: what it ties up is free again.
    fn keep_back(&self, job: Job, reason: String) {
        self.ledger.told([refusal(&job.order, reason.clone())].iter());
        self.take_back(job, reason);
    }

    /// Writes down an order that the account refused, together with that: what was decided can be asked for.
    fn write_refused(&self, job: Job, reason: String) {
        let outgoing = Outgoing::new(job.order.clone(), self.store.run());
        let memory = job.memory.as_deref().cloned().map(Row::Memory);
        for row in [Some(Row::Order(outgoing)), memory].into_iter().flatten() {
            // A full queue is counted by the store and shown.
            drop(self.store.record(row, job.ticket.clone()));
        }
        self.take_back(job, reason);
    }

    /// Tells a strategy that its order was not sent. Nothing of it can ever be filled.
    fn refuse(&self, job: Job, reason: String) {
        let Job { order, ticket, .. } = job;
        tracing::warn!(
            event.name = events::ORDER_REJECTED,
            strategy.id = %order.id().strategy,
            order.id = %order.id(),
            reason,
            "order refused before sending"
        );
        let refused = refusal(&order, reason);
        self.account.told(std::iter::once(&refused));
        self.bus.tell(refused, ticket);
    }
}

fn shut(gate: Gate) -> String {
    format!("not sent: the gate is {}", gate.name())
}

fn refusal(order: &Order, reason: String) -> OrderEvent {
    let update = Update::Submitted(Submission::Rejected { reason, origin: Origin::Unsent });
    OrderEvent { at: order.at(), order: order.id().clone(), update }
}

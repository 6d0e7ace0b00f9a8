//! What a venue tells, from its lane to the strategy: stored, then booked, then told, each once; and what is asked of it.

use std::time::Duration;

use ploy::order::{ClientOrderId, DoneCause, OrderEvent, Submission, Update};
use ploy::order_path::Found;
use ploy::status::{UnknownOrder, UnknownOrders};
use tokio::time::Instant;

use super::track::{Step, Track};
use super::{Ended, RETRY, RETRY_MAX, Worker};
use crate::bus::Ticket;
use crate::failpoint::{self, Injected};
use crate::ports::{Clock as _, News, Row, StoreError};
use crate::telemetry::events;

/// Orders in doubt that the status shows one by one.
const SHOWN_MAX: usize = 50;

/// Something to be stored and told, with the ticket of what caused it.
type Told = (OrderEvent, Ticket);

/// What becomes of something that a venue told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It is new.
    New,
    /// It was told before, or something newer was.
    Known,
    /// A fill was told before with another content.
    Contradicts,
}

impl Worker {
    /// Stores what the venue told, then tells the strategies. What was told before is not told again. What cannot be
    /// stored is tried until it can: a fill is never lost, and meanwhile no order is sent.
    pub(super) async fn on_news(&mut self, news: &mut Vec<(News, Ticket)>) -> Result<(), Ended> {
        let mut told = Vec::with_capacity(news.len());
        let mut contradictions = Vec::new();
        for (news, ticket) in news.drain(..) {
            let events = match news {
                News::Order(event) => vec![event],
                News::Found(found) => self.on_found(&found, &ticket),
            };
            for event in events {
                self.know(&event.order).await?;
                match self.hear(&event) {
                    Heard::New => told.push((event, ticket.clone())),
                    Heard::Known => tracing::debug!(order.id = %event.order, "told again"),
                    Heard::Contradicts => contradictions.push(event),
                }
            }
        }
        self.book(told).await?;
        // The ledger says what does not fit, and all is halted. It is no fact that could be stored.
        self.ledger.told(contradictions.iter());
        self.show();
        Ok(())
    }

    /// Does what is due about orders: says that an answer was lost, asks, cancels.
    pub(super) async fn on_due(&mut self) -> Result<(), Ended> {
        let (now, windows) = (Instant::now(), self.venue.windows());
        let mut told = Vec::new();
        for id in self.tracks.due_now(now) {
            while let Some(step) =
                self.tracks.change(&id, |track| track.wake(now, windows)).flatten()
            {
                told.extend(self.take(&id, step));
            }
        }
        self.tracks.look_ahead();
        self.book(told).await?;
        self.show();
        Ok(())
    }

    /// Takes the answer to an order for lost.
    pub(super) async fn lose_answer(&mut self, id: &ClientOrderId) -> Result<(), Ended> {
        let told: Vec<Told> = self.take(id, Step::Doubt).into_iter().collect();
        self.book(told).await
    }

    /// Does one thing about an order. Returns what is to be told of it.
    fn take(&mut self, id: &ClientOrderId, step: Step) -> Option<Told> {
        match step {
            Step::Doubt => {
                let update = Update::Submitted(Submission::Unknown);
                let event = OrderEvent { at: self.clock.now(), order: id.clone(), update };
                return (self.hear(&event) == Heard::New).then(|| (event, Ticket::none()));
            }
            Step::Ask(lookup) => self.venue.lookup(lookup, Ticket::none()),
            Step::Cancel => {
                let key = self.tracks.change(id, |track| track.key().clone());
                if let Some(key) = key {
                    self.venue.cancel(key, Ticket::none());
                }
            }
        }
        None
    }

    /// Takes in what became of an order. Returns what of it is to be told.
    fn on_found(&mut self, found: &Found, ticket: &Ticket) -> Vec<OrderEvent> {
        let id = &found.lookup.order.id;
        let (now, windows) = (Instant::now(), self.venue.windows());
        let learnt = self.tracks.change(id, |track| {
            let is_its = *track.key() == found.lookup.order;
            is_its.then(|| track.found(found, now, windows))
        });
        let Some((updates, step)) = learnt.flatten() else { return Vec::new() };
        if step == Some(Step::Cancel) {
            self.venue.cancel(found.lookup.order.clone(), ticket.clone());
        }
        if let Some(Update::Done { unfilled, cause: DoneCause::Absent }) = updates.last() {
            tracing::warn!(
                event.name = events::ORDER_LOST,
                strategy.id = %id.strategy,
                order.id = %id,
                %unfilled,
                "the venue does not have an order, which is proven: it is released"
            );
        }
        let at = |update: &Update| match update {
            Update::Filled(fill) => fill.at,
            Update::Submitted(_) | Update::Done { .. } => found.at,
        };
        let events = updates.into_iter();
        events.map(|update| OrderEvent { at: at(&update), order: id.clone(), update }).collect()
    }

    /// Learns from the store of an order that ended too long ago to be known here.
    async fn know(&mut self, id: &ClientOrderId) -> Result<(), Ended> {
        let mut wait = RETRY;
        while !self.tracks.knows(id) {
            match self.store.told_of(id).await {
                Ok(Some(told)) => self.tracks.add(Track::known(told, Instant::now())),
                Ok(None) => return Ok(()),
                Err(error) => wait = again(&error, wait).await?,
            }
        }
        Ok(())
    }

    /// Tells an order's track; what is told of an order that nobody knows is news to whom it concerns.
    fn hear(&mut self, event: &OrderEvent) -> Heard {
        let now = Instant::now();
        let heard = self.tracks.change(&event.order, |track| track.hear(&event.update, now));
        heard.unwrap_or(Heard::New)
    }

    /// Stores events, has them booked, and tells the strategies.
    async fn book(&mut self, told: Vec<Told>) -> Result<(), Ended> {
        if told.is_empty() {
            return Ok(());
        }
        let mut wait = RETRY;
        loop {
            let rows = told.iter().map(|(event, _)| Row::OrderEvent(event.clone())).collect();
            match self.commit_news(rows).await? {
                Ok(()) => break,
                Err(error) => wait = again(&error, wait).await?,
            }
        }
        self.failpoints.at(failpoint::Step::BeforeBooking).await?;
        self.ledger.told(told.iter().map(|(event, _)| event));
        self.account.told(told.iter().map(|(event, _)| event));
        self.failpoints.at(failpoint::Step::BeforeTelling).await?;
        for (event, ticket) in told {
            // Told first: whoever waits for the end of an order then finds the strategy informed.
            self.bus.tell(event.clone(), ticket.clone());
            self.close(&event.order, &ticket);
        }
        Ok(())
    }

    async fn commit_news(&self, rows: Vec<Row>) -> Result<Result<(), StoreError>, Ended> {
        match self.failpoints.at(failpoint::Step::AfterAnswer).await {
            Ok(()) => Ok(self.store.commit(rows).await),
            Err(Injected::Error) => Ok(Err(StoreError::Failed("a failpoint".to_owned()))),
            Err(Injected::Crash) => Err(Ended::Failpoint),
        }
    }

    /// Takes an order that is over out of the open ones; whoever waits for the last one is told.
    fn close(&mut self, id: &ClientOrderId, ticket: &Ticket) {
        if !self.tracks.close(id) {
            return;
        }
        if let Some(seat) = self.seats.get_mut(&id.strategy) {
            for waiting in seat.waiting.drain(..) {
                drop(waiting.send(ticket.clone()));
            }
        }
    }

    /// Shows which orders are in doubt.
    pub(super) fn show(&mut self) {
        if self.tracks.due().is_none() && self.shown.is_empty() {
            return;
        }
        let now = (self.wall)();
        let doubts: Vec<_> = self.tracks.doubts().collect();
        let since = doubts.iter().map(|(id, _)| {
            let since = self.shown.get(*id).copied().unwrap_or(now);
            ((*id).clone(), since)
        });
        let shown = since.collect();
        let mut orders: Vec<UnknownOrder> = doubts
            .into_iter()
            .map(|(id, track)| UnknownOrder {
                order: id.clone(),
                hash: track.key().hash.to_string(),
                market: track.wanted().market,
                outcome: track.wanted().outcome,
                since: self.shown.get(id).copied().unwrap_or(now),
                lookups: track.asked(),
                why: track.why().unwrap_or_default().to_owned(),
            })
            .collect();
        orders.sort_by_key(|order| order.since);
        let count = u64::try_from(orders.len()).unwrap_or(u64::MAX);
        let oldest_since = orders.first().map(|order| order.since);
        orders.truncate(SHOWN_MAX);
        self.shown = shown;
        self.board.unknown_orders(UnknownOrders { count, oldest_since, orders });
    }

    /// Returns itself, once what it begins with is shown.
    pub(super) fn shown(mut self) -> Self {
        self.show();
        self
    }
}

/// Waits before the store is tried again. Returns how long to wait the next time.
async fn again(error: &StoreError, wait: Duration) -> Result<Duration, Ended> {
    match error {
        StoreError::Ended => Err(Ended::Store),
        StoreError::Failed(_) | StoreError::Full => {
            tracing::debug!(%error, "the store is tried again");
            tokio::time::sleep(wait).await;
            Ok((wait * 2).min(RETRY_MAX))
        }
    }
}

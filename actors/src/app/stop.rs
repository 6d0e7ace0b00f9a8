//! The end of the service: in order, within its deadline, nothing lost that must be kept.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::{App, wall};
use crate::bus::Ticket;
use crate::ports::process::{ProcessEvent, ProcessRecord};
use crate::ports::{Clock, Row};
use crate::telemetry::events;
use crate::{manager, supervisor};

/// The part of the deadline that is kept for the last facts, the store and the API: a third.
const KEPT_FOR_STORE: u32 = 3;
/// How often event time moves on while strategies end, so that orders on their way arrive.
const DRAIN_STEP: Duration = Duration::from_millis(5);
/// How far it may move at once.
const DRAIN_SPAN: Duration = Duration::from_secs(1);

impl App {
    /// Ends the service in good order: no new events, strategies end and their orders are settled, all is
    /// written, the API closes. Whatever is not done by the deadline is left, and said.
    ///
    /// # Errors
    /// When strategies did not end in time, or the store or the record could not write everything.
    pub async fn stop(self, deadline: Duration) -> Result<(), String> {
        tracing::info!(event.name = events::SERVICE_STOPPING, "the service ends");
        drop(self.root.cast(supervisor::Msg::Ending));
        let end = Instant::now() + deadline;
        let for_strategies = end - deadline / KEPT_FOR_STORE;
        let in_time = timeout_at(for_strategies, self.end_strategies(deadline)).await.is_ok();
        // Whoever did not end in time: nothing of it leaves from here on.
        self.gates.seal();
        let for_orders = end - deadline / (2 * KEPT_FOR_STORE);
        timeout_at(for_orders, self.end_orders(for_orders)).await.ok();
        let recorded = self.recorder.close(end.saturating_duration_since(Instant::now())).await;
        if in_time && !self.has_failed {
            let ended = ProcessRecord { at: wall(), event: ProcessEvent::Ended };
            // One that cannot be queued counts as an end that was not in good order.
            drop(self.store.record(Row::Process(ended), Ticket::none()));
        }
        let stored = self.store.close(end.saturating_duration_since(Instant::now())).await;
        self.api_end.cancel();
        self.api_tasks.close();
        drop(timeout_at(end, self.api_tasks.wait()).await);
        let left = end.saturating_duration_since(Instant::now());
        drop(self.manager.stop_and_wait(None, Some(left)).await);
        drop(self.root.stop_and_wait(None, Some(left)).await);
        match (in_time, stored, recorded) {
            (true, Ok(()), Ok(())) => Ok(()),
            (false, _, _) => Err(format!("strategies did not end within {} s", deadline.as_secs())),
            (true, Err(error), _) => Err(format!("not everything could be written: {error}")),
            (true, Ok(()), Err(error)) => Err(error),
        }
    }

    /// The venue ends, and what it told until then is stored.
    async fn end_orders(&self, end: Instant) {
        let left = end.saturating_duration_since(Instant::now());
        drop(self.venue.drain_and_wait(Some(left)).await);
        self.executor.drain().await;
    }

    /// The tape stops first, so that strategies are not fed while they end; then their orders are settled.
    async fn end_strategies(&self, deadline: Duration) {
        drop(self.feed.stop_and_wait(None, Some(deadline)).await);
        let (reply, mut ended) = oneshot::channel();
        drop(self.manager.cast(manager::Msg::Shutdown(reply)));
        loop {
            tokio::select! {
                _ = &mut ended => return,
                () = tokio::time::sleep(DRAIN_STEP) => self.drain(),
            }
        }
    }

    /// Lets the next instant come at which somebody is due: orders on their way must arrive to be settled.
    fn drain(&self) {
        if let Some((at, alarm)) = self.clock.advance(self.clock.now() + DRAIN_SPAN) {
            alarm(at, Ticket::none());
        }
    }
}

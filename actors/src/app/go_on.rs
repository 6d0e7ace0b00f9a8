//! How a process goes on with a run: what was played passes by, orders that died with the venue come to their end.

use ploy::order::{DoneCause, OrderEvent, Update};
use ploy::tape::Header;
use ploy::time::Timestamp;

use super::{Parts, StartError};
use crate::clock::EventClock;
use crate::feed;
use crate::ports::{Clock as _, Row};
use crate::runtime::Surroundings;
use crate::store::{Entered, Store};
use crate::telemetry::events;

/// Returns event time as it begins: where the run goes on, else with the first tape, not in 1970.
pub(super) fn clock(headers: &[Header], entered: &Entered) -> EventClock {
    let clock = EventClock::default();
    let from = headers.iter().map(|header| header.from).min();
    let at = entered.resume.and_then(|resume| resume.at);
    drop(clock.advance(from.max(at).unwrap_or_default()));
    clock.say_played(entered.resume.map_or(0, |resume| resume.events));
    clock
}

/// Says which run it is, and brings everything to where it goes on.
pub(super) async fn pass_by(parts: &mut Parts, around: &Surroundings) -> Result<(), StartError> {
    let entered = around.store.entered().clone();
    let Entered { start, why, .. } = &entered;
    let Some(resume) = entered.resume else {
        tracing::info!(event.name = events::RUN_BEGUN, why, "a new run begins");
        return Ok(());
    };
    let at = resume.at.unwrap_or_else(|| around.clock.now());
    tracing::info!(event.name = events::RUN_CONTINUED, why, continued = start - 1,
        from = %at, events = resume.events, "the run goes on");
    feed::pass_by(&mut parts.source, &around.bus, resume).await?;
    Ok(())
}

/// Orders that were on their way or rested at a venue that lived in the last process are gone with it. That is stored
/// before anybody goes on; what was filled of them is stored already.
pub(super) async fn end_lost(store: &Store, at: Timestamp) -> Result<(), StartError> {
    if store.entered().resume.is_none() {
        return Ok(());
    }
    let mut rows = Vec::new();
    for (order, unfilled) in store.unfinished().await? {
        tracing::warn!(event.name = events::ORDER_LOST, strategy.id = %order.strategy, order.id = %order,
            %unfilled, "an order died with the paper venue of the last process");
        let update = Update::Done { unfilled, cause: DoneCause::Absent };
        rows.push(Row::OrderEvent(OrderEvent { at, order, update }));
    }
    Ok(store.commit(rows).await?)
}

//! How a process goes on with a run: what was played passes by.

use ploy::tape::Header;

use super::{Parts, StartError};
use crate::clock::EventClock;
use crate::feed;
use crate::ports::Clock as _;
use crate::runtime::Surroundings;
use crate::store::Entered;
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

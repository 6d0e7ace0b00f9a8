//! What a strategy was doing at an instant: its phase, what it held and had on its way, the intents around it.

use ploy::status::{Mode, SystemStatus, Tally};

use super::strategy::{noes, wanted};
use super::{Fates, heading};
use crate::cli::look::{Look, Tone};
use crate::cli::status::paragraph;
use crate::ports::DecisionRecord;
use crate::ports::why::Moment;
use crate::words;

/// Returns the whole answer. Where nobody knows the noes of then, the snapshot tells those of before and after.
pub(super) fn render(
    moment: &Moment,
    snapshot: &SystemStatus,
    fates: &Fates,
    look: Look,
) -> String {
    let mut text = stood(moment, snapshot.mode, look);
    text += "\n";
    text += &heading("Intents before", look);
    text += &table(&moment.before, fates, look);
    text += "\n";
    text += &heading("Intents after", look);
    text += &table(&moment.after, fates, look);
    text += "\n";
    text += &heading("What it kept saying no to", look);
    text += &match &moment.noes {
        Some(known) => noes(&known.iter().collect::<Vec<_>>(), look),
        None => around(moment, snapshot, look),
    };
    text
}

fn stood(moment: &Moment, mode: Mode, look: Look) -> String {
    let (id, at, mode) = (&moment.strategy, words::moment(moment.at), words::mode(mode));
    let title = format!("{id} at {at} UTC, {mode}, run {}", moment.run);
    let mut text = paragraph(&title, look, Tone::Plain);
    text += &match &moment.phase {
        Some(phase) => {
            let line = format!("{} since {}: {}", phase.to, words::moment(phase.at), phase.why);
            paragraph(&line, look, Tone::Plain)
        }
        None => paragraph("nothing is known of its phase then", look, Tone::Doubtful),
    };
    if let Some(trip) = &moment.tripped {
        let (rule, used, limit) = (&trip.rule, &trip.used, &trip.limit);
        let since = words::clock(trip.at);
        let line = format!("breaker tripped at {since}: {rule} {used} of {limit}; entries waited");
        text += &paragraph(&line, look, Tone::Bad);
    }
    for held in &moment.held {
        let market = held.market.as_ref().unwrap_or(&held.market_id);
        let line = format!("held {} {} of {market}", held.size, held.outcome);
        text += &paragraph(&line, look, Tone::Plain);
    }
    for order in &moment.orders {
        let line = format!(
            "order {} was open: {} {} {} at {} ({}), sent {}, {} filled",
            order.id.number,
            order.side,
            order.size,
            order.outcome,
            order.limit,
            order.purpose,
            words::clock(order.at),
            order.filled
        );
        text += &paragraph(&line, look, Tone::Plain);
    }
    if moment.held.is_empty() && moment.orders.is_empty() {
        text += "held nothing and had no order open\n";
    }
    text
}

fn table(records: &[DecisionRecord], fates: &Fates, look: Look) -> String {
    if records.is_empty() { "none\n".to_owned() } else { wanted(records, fates, look) }
}

/// Tells the noes that were said both before and after the instant, with the counts of the whole run.
fn around(moment: &Moment, snapshot: &SystemStatus, look: Look) -> String {
    let strategy = snapshot.strategy(moment.strategy.as_str());
    let Some(strategy) = strategy.filter(|_| snapshot.run == moment.run) else {
        return "not stored for an earlier run\n".to_owned();
    };
    let totals = strategy.kernel.totals();
    let spans = |tally: &&Tally| tally.first_at <= moment.at && moment.at <= tally.last_at;
    let around: Vec<&Tally> = totals.into_iter().filter(spans).collect();
    if around.is_empty() {
        return "nothing that it said both before and after\n".to_owned();
    }
    let remark = "Said both before and after; counts and numbers are those of now.";
    noes(&around, look) + &paragraph(remark, look, Tone::Quiet)
}

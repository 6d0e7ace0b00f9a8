//! `ploy why`: why a strategy trades or not, how a decision or an order came about, what was going on at a time.

mod asked;
mod chain;
mod moment;
mod strategy;

pub use asked::{Asked, When};

use std::collections::BTreeMap;

use clap::Args;
use ploy::order::StrategyId;
use ploy::status::SystemStatus;
use serde_json::{Value, json};

use super::client::{Answer, Client, Failure};
use super::form::Output;
use super::look::{Look, Tone};
use super::{Exit, Said, shape};
use crate::api::error::Code;
use crate::ports::why::{Chain, Moment};
use crate::ports::{DecisionRecord, OrderRecord, Page};
use crate::words;

/// How many intents and orders are read: many, because most may be refusals that are told in one row.
const RECORDS_READ: u32 = 1000;

/// What became of orders, by number.
pub(super) type Fates = BTreeMap<u64, OrderRecord>;

/// What `ploy why` is told.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  ploy why split_arb_legged      why it trades, or why it does not
  ploy why split_arb_legged/12   how its order 12 came about, and what became of it
  ploy why split_arb_legged@345  the same of its decision 345
  ploy why split_arb_legged --at 09:15
                                 what it was doing then")]
pub struct WhyArgs {
    /// A strategy, one of its orders or of its decisions; see the examples
    #[arg(value_name = "WHAT")]
    pub what: Asked,
    /// What the strategy was doing at a time: 09:15, 09:15:30 or 2026-09-28T09:15:00Z, in UTC
    #[arg(long, value_name = "TIME")]
    pub at: Option<When>,
    /// Of an earlier run: its id, or how it begins
    #[arg(long, value_name = "RUN", value_parser = run)]
    pub run: Option<String>,
}

/// Returns what is to be written.
pub(super) async fn explain(
    client: &Client,
    args: &WhyArgs,
    output: Output,
    look: Look,
) -> Result<Said, Failure> {
    let run = args.run.as_ref().map(|run| format!("run={run}"));
    match (&args.what, args.at) {
        (Asked::Strategy(id), None) if run.is_none() => stands(client, id, output, look).await,
        (Asked::Strategy(id), Some(when)) => stood(client, id, (when, run), output, look).await,
        (Asked::Order(id, number), None) => {
            let path = format!("v1/strategies/{id}/orders/{number}");
            story(client, path, run, output, look).await
        }
        (Asked::Decision(id, seq), None) => {
            let path = format!("v1/strategies/{id}/decisions/{seq}");
            story(client, path, run, output, look).await
        }
        (Asked::Strategy(_), None) => {
            let words = "--run goes with an order, a decision or --at: of an earlier run only what \
                         was stored can be told";
            Err(Failure::Usage(words.to_owned()))
        }
        (Asked::Order(..) | Asked::Decision(..), Some(_)) => {
            let words = "--at goes with a strategy; an order and a decision have their own time";
            Err(Failure::Usage(words.to_owned()))
        }
    }
}

/// Tells how an order or a decision came about.
async fn story(
    client: &Client,
    path: String,
    run: Option<String>,
    output: Output,
    look: Look,
) -> Result<Said, Failure> {
    let path = run.map_or_else(|| path.clone(), |run| format!("{path}?{run}"));
    let answer: Answer<Chain> = client.get(&path).await?;
    let snapshot: Answer<SystemStatus> = client.get("v1/status").await?;
    let text = || chain::render(&answer.value, snapshot.value.mode, look);
    Ok(Said::new(shape(output, &answer.json, text), Exit::Done))
}

/// Tells what a strategy was doing at an instant.
async fn stood(
    client: &Client,
    id: &StrategyId,
    (when, run): (When, Option<String>),
    output: Output,
    look: Look,
) -> Result<Said, Failure> {
    if run.is_some() && matches!(when, When::OfDay(_)) {
        let words = "of an earlier run the day is needed too: --at 2026-09-28T09:15:00Z";
        return Err(Failure::Usage(words.to_owned()));
    }
    let snapshot: Answer<SystemStatus> = client.get("v1/status").await?;
    let at = when.instant(snapshot.value.now);
    let run = run.map(|run| format!("&{run}")).unwrap_or_default();
    let path = format!("v1/strategies/{id}/why?at={at}{run}");
    let answer: Answer<Moment> = client.get(&path).await?;
    let (fates, _) = fates(client, id).await;
    let is_present = snapshot.value.run == answer.value.run;
    let fates = if is_present { fates } else { Fates::default() };
    let text = || moment::render(&answer.value, &snapshot.value, &fates, look);
    Ok(Said::new(shape(output, &answer.json, text), Exit::Done))
}

/// Tells where a strategy stands, what it last wanted, and what it keeps saying no to.
async fn stands(
    client: &Client,
    id: &StrategyId,
    output: Output,
    look: Look,
) -> Result<Said, Failure> {
    let path = format!("v1/strategies/{id}/decisions?limit={RECORDS_READ}");
    let intents = match client.get::<Page<DecisionRecord>>(&path).await {
        Ok(page) => Ok(page),
        // Without the store the rest of the answer is all the more wanted.
        Err(Failure::Refused(no)) if no.code == Code::Unavailable => Err(no.detail),
        Err(failure) => return Err(failure),
    };
    let (fates, orders) = fates(client, id).await;
    let snapshot: Answer<SystemStatus> = client.get("v1/status").await?;
    let Some(strategy) = snapshot.value.strategy(id.as_str()) else {
        return Err(client.foreign(&format!("its status does not show {id}")));
    };
    let listed = snapshot.json.get("strategies").and_then(Value::as_array);
    let own = listed.into_iter().flatten();
    let own = own.filter(|entry| entry.get("id").and_then(Value::as_str) == Some(id.as_str()));
    let json = json!({
        "snapshot": snapshot.value.snapshot,
        "strategy": own.collect::<Vec<_>>().first(),
        "decisions": intents.as_ref().ok().and_then(|page| page.json.get("items")),
        "decisions_error": intents.as_ref().err(),
        "orders": orders,
    });
    let newest = fates.keys().next_back().copied();
    let text = || {
        let records = match &intents {
            Ok(page) => Ok((page.value.items.as_slice(), &fates)),
            Err(why) => Err(words::plain(why)),
        };
        strategy::render(&snapshot.value, strategy, records, look)
    };
    let mut said = Said::new(shape(output, &json, text), Exit::Done);
    said.hint = newest.map(|number| format!("how an order came about: `ploy why {id}/{number}`"));
    Ok(said)
}

/// Returns what became of the newest orders of this run, as it is read and as it came; nothing where it cannot be had.
async fn fates(client: &Client, id: &StrategyId) -> (Fates, Option<Value>) {
    let path = format!("v1/strategies/{id}/orders?limit={RECORDS_READ}");
    let Ok(page) = client.get::<Page<OrderRecord>>(&path).await else {
        return (Fates::default(), None);
    };
    let orders = page.value.items.into_iter();
    (orders.map(|order| (order.id.number, order)).collect(), page.json.get("items").cloned())
}

fn heading(title: &str, look: Look) -> String {
    look.paint(Tone::Quiet, &format!("{title}\n"))
}

/// Returns a text with a label before its first line, in lines that fit.
fn item(label: &str, text: &str, look: Look, tone: Tone) -> String {
    const LABEL_WIDTH: usize = 14;
    let lines = words::wrap(&words::plain(text), look.width.saturating_sub(LABEL_WIDTH));
    let mut said = String::new();
    for (i, line) in lines.iter().enumerate() {
        let label = if i == 0 { label } else { "" };
        said += &format!("{label:LABEL_WIDTH$}{}\n", look.paint(tone, line));
    }
    said
}

/// Reads the id of a run.
fn run(text: &str) -> Result<String, String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if !text.is_empty() && text.bytes().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("the id of a run is letters, digits and `-`".to_owned())
    }
}

//! What of each fact is told in the audit chain, and which facts are not: money and deeds are, looks are not.

use ploy::lifecycle::Gate;
use ploy::order::{Fill, OrderEvent, StrategyId, Submission, Update};
use ploy::order_path::Outgoing;
use ploy::price::decimal;
use serde_json::Value;

use super::super::rows;
use crate::ports::audit::Prune;
use crate::ports::config::HistoryRecord;
use crate::ports::gates::GateRecord;
use crate::ports::process::{ProcessEvent, ProcessRecord};
use crate::ports::rollout::RolloutRecord;
use crate::ports::{CommandRecord, LifecycleRecord, RiskRecord, Row, Settlement};

/// The action of the first row of every chain.
pub(in crate::store) const BEGUN: &str = "chain_begun";
/// The action of a row that tells of the start of a process; its number is the one of the last fact before it.
pub(in crate::store) const STARTED: &str = "process_started";
/// The action of a row that tells of an order that is about to be sent.
pub(in crate::store) const ORDER: &str = "order";
/// The action of a row that tells of a fill.
pub(in crate::store) const FILL: &str = "fill";
/// The action of a row that tells of a settlement.
pub(in crate::store) const SETTLEMENT: &str = "settlement";
/// The action of a row that tells of the orderly end of a process.
pub(in crate::store) const ENDED: &str = "process_ended";
/// The action of a row that tells of what was deleted with age.
pub(in crate::store) const PRUNED: &str = "pruned";

/// What is told of a fact; its place in the chain is given when it is sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct Draft {
    pub(in crate::store) event_at: i64,
    pub(in crate::store) strategy: Option<String>,
    pub(in crate::store) actor: String,
    pub(in crate::store) action: String,
    pub(in crate::store) subject: String,
    pub(in crate::store) before: Before,
    pub(in crate::store) after: Option<String>,
}

/// How the subject was before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) enum Before {
    /// So.
    Known(String),
    /// Nobody who records it knows.
    Unknown,
    /// As it was told last about this of the subject.
    Last(String),
}

/// Tells whether a row is told in the chain.
pub(in crate::store) const fn is_told(row: &Row) -> bool {
    match row {
        Row::Order(_) | Row::Settlement(_) | Row::Risk(_) | Row::Lifecycle(_) => true,
        Row::OrderEvent(event) => match &event.update {
            Update::Submitted(Submission::Accepted) => false,
            Update::Submitted(Submission::Rejected { .. } | Submission::Unknown) => true,
            Update::Filled(_) | Update::Done { .. } => true,
        },
        Row::Command(_) | Row::Process(_) | Row::Gate(_) | Row::History(_) => true,
        Row::Rollout(_) | Row::Prune(_) => true,
        Row::Decision(_) | Row::Error(_) | Row::Intent(_) | Row::Config(_) => false,
        Row::Memory(_) | Row::Played(_) | Row::Account(_) => false,
    }
}

/// Returns what is told of a row that was stored and changed so many rows; none where nothing is told of its kind.
pub(in crate::store) fn of(row: &Row, changed: u64) -> Option<Draft> {
    if changed == 0 || !is_told(row) {
        return None;
    }
    let draft = match row {
        Row::Order(order) => recorded(order),
        Row::OrderEvent(event) => told(event)?,
        Row::Settlement(settlement) => settled(settlement),
        Row::Risk(event) => risk(event),
        Row::Lifecycle(event) => phase(event),
        Row::Command(command) => asked(command),
        Row::Process(record) => process(record),
        Row::Gate(record) => gate(record),
        Row::History(record) => config(record),
        Row::Rollout(record) => rollout(record),
        Row::Prune(prune) => pruned("retention", prune.table.name(), prune, changed),
        Row::Decision(_) | Row::Error(_) | Row::Intent(_) | Row::Config(_) => return None,
        Row::Memory(_) | Row::Played(_) | Row::Account(_) => return None,
    };
    Some(draft)
}

/// Returns what is told of rows that went with age.
pub(in crate::store) fn pruned(actor: &str, table: &str, prune: &Prune, rows: u64) -> Draft {
    let (rows, before) = (rows.to_string(), prune.before.to_string());
    Draft {
        actor: actor.to_owned(),
        action: PRUNED.to_owned(),
        subject: table.to_owned(),
        after: Some(object(&[("begun_before", &before), ("rows", &rows)])),
        ..draft(prune.at.micros(), None)
    }
}

/// Returns JSON of an object with these texts, whose names are given in order.
pub(in crate::store) fn object(fields: &[(&str, &str)]) -> String {
    let pair = |(name, text): &(&str, &str)| format!("\"{name}\":{}", Value::from(*text));
    format!("{{{}}}", fields.iter().map(pair).collect::<Vec<_>>().join(","))
}

/// As [`object`].
pub(in crate::store) fn fields<const N: usize>(fields: [(&str, &String); N]) -> String {
    object(&fields.map(|(name, text)| (name, text.as_str())))
}

/// What is told of an order: all that its table says of what may be sent, and what it may cost at its limit.
pub(in crate::store) struct OrderTerms<'a> {
    pub(in crate::store) market: &'a str,
    pub(in crate::store) outcome: &'a str,
    pub(in crate::store) side: &'a str,
    pub(in crate::store) limit: i64,
    pub(in crate::store) size: i64,
    pub(in crate::store) time_in_force: &'a str,
    pub(in crate::store) purpose: &'a str,
}

impl OrderTerms<'_> {
    pub(in crate::store) fn json(&self) -> String {
        object(&[
            ("limit", &decimal(self.limit)),
            ("market", self.market),
            ("outcome", self.outcome),
            ("purpose", self.purpose),
            ("side", self.side),
            ("size", &decimal(self.size)),
            ("time_in_force", self.time_in_force),
        ])
    }
}

/// What is told of a fill: all of its row that moves money.
pub(in crate::store) struct FillTerms<'a> {
    pub(in crate::store) market: &'a str,
    pub(in crate::store) outcome: &'a str,
    pub(in crate::store) side: &'a str,
    pub(in crate::store) price: i64,
    pub(in crate::store) size: i64,
    pub(in crate::store) fee: i64,
    pub(in crate::store) liquidity: &'a str,
}

impl FillTerms<'_> {
    pub(in crate::store) fn json(&self) -> String {
        object(&[
            ("fee", &decimal(self.fee)),
            ("liquidity", self.liquidity),
            ("market", self.market),
            ("outcome", self.outcome),
            ("price", &decimal(self.price)),
            ("side", self.side),
            ("size", &decimal(self.size)),
        ])
    }
}

/// Returns what is told of a settlement: what a share of yes and of no paid, the cash and the profit, in millionths.
pub(in crate::store) fn settlement_json(yes: i64, no: i64, amount: i64, profit: i64) -> String {
    object(&[
        ("amount", &decimal(amount)),
        ("no_pays", &decimal(no)),
        ("profit", &decimal(profit)),
        ("yes_pays", &decimal(yes)),
    ])
}

fn draft(event_at: i64, strategy: Option<&StrategyId>) -> Draft {
    let strategy = strategy.map(ToString::to_string);
    Draft {
        event_at,
        subject: strategy.clone().unwrap_or_else(|| "all".to_owned()),
        strategy,
        actor: String::new(),
        action: String::new(),
        before: Before::Unknown,
        after: None,
    }
}

fn recorded(order: &Outgoing) -> Draft {
    let (id, intent) = (order.id(), order.intent());
    let market = intent.market.to_string();
    let terms = OrderTerms {
        market: &market,
        outcome: intent.outcome.name(),
        side: intent.side.name(),
        limit: intent.limit.micros(),
        size: intent.size.micros(),
        time_in_force: intent.time_in_force.name(),
        purpose: intent.purpose.name(),
    };
    Draft {
        actor: id.strategy.to_string(),
        action: ORDER.to_owned(),
        subject: id.to_string(),
        after: Some(terms.json()),
        ..draft(order.at().micros(), Some(&id.strategy))
    }
}

fn told(event: &OrderEvent) -> Option<Draft> {
    let (action, after) = match &event.update {
        Update::Submitted(Submission::Accepted) => return None,
        Update::Submitted(Submission::Rejected { reason, .. }) => {
            ("order_rejected", Some(object(&[("reason", reason)])))
        }
        Update::Submitted(Submission::Unknown) => ("order_unknown", None),
        Update::Filled(fill) => return Some(filled(event, fill)),
        Update::Done { unfilled, cause } => {
            let cause = rows::done_cause(*cause);
            let unfilled = unfilled.to_string();
            ("order_done", Some(object(&[("cause", cause), ("unfilled", &unfilled)])))
        }
    };
    Some(Draft {
        actor: "venue".to_owned(),
        action: action.to_owned(),
        subject: event.order.to_string(),
        after,
        ..draft(event.at.micros(), Some(&event.order.strategy))
    })
}

fn filled(event: &OrderEvent, fill: &Fill) -> Draft {
    let market = fill.market.to_string();
    let terms = FillTerms {
        market: &market,
        outcome: fill.outcome.name(),
        side: fill.side.name(),
        price: fill.price.micros(),
        size: fill.size.micros(),
        fee: fill.fee.micros(),
        liquidity: rows::liquidity(fill.liquidity),
    };
    Draft {
        actor: "venue".to_owned(),
        action: FILL.to_owned(),
        subject: format!("{}/{}", event.order, fill.number),
        after: Some(terms.json()),
        ..draft(fill.at.micros(), Some(&event.order.strategy))
    }
}

fn settled(settlement: &Settlement) -> Draft {
    let [yes, no] = settlement.payouts.map(ploy::price::Usdc::micros);
    let (amount, profit) = (settlement.amount.micros(), settlement.profit.micros());
    Draft {
        actor: "venue".to_owned(),
        action: SETTLEMENT.to_owned(),
        subject: settlement.market.to_string(),
        after: Some(settlement_json(yes, no, amount, profit)),
        ..draft(settlement.at.micros(), Some(&settlement.strategy))
    }
}

fn risk(event: &RiskRecord) -> Draft {
    let after = object(&[("allowed", &event.limit), ("rule", &event.rule), ("used", &event.used)]);
    Draft {
        actor: "risk".to_owned(),
        action: format!("breaker_{}", event.event),
        before: Before::Last("breaker".to_owned()),
        after: Some(after),
        ..draft(event.at.micros(), Some(&event.strategy))
    }
}

fn phase(event: &LifecycleRecord) -> Draft {
    Draft {
        actor: "manager".to_owned(),
        action: "phase".to_owned(),
        before: Before::Known(object(&[("phase", &event.from)])),
        after: Some(object(&[("phase", &event.to), ("why", &event.why)])),
        ..draft(event.at.micros(), Some(&event.strategy))
    }
}

fn asked(command: &CommandRecord) -> Draft {
    let before = command
        .before
        .as_ref()
        .map_or(Before::Unknown, |before| Before::Known(object(&[("state", before)])));
    let subject = if command.strategy.is_empty() { "all" } else { &command.strategy };
    Draft {
        strategy: Some(command.strategy.clone()),
        actor: command.actor.clone(),
        action: command.action.clone(),
        subject: subject.to_owned(),
        before,
        after: Some(object(&[("answer", &command.answer)])),
        ..draft(command.at.micros(), None)
    }
}

fn process(record: &ProcessRecord) -> Draft {
    let (action, actor, reason) = match &record.event {
        ProcessEvent::Ended => (ENDED, "process", None),
        ProcessEvent::SafeModeEntered { reason } => ("safe_mode_entered", "process", Some(reason)),
        ProcessEvent::SafeModeLeft { actor, reason } => {
            ("safe_mode_left", actor.as_str(), Some(reason))
        }
    };
    Draft {
        actor: actor.to_owned(),
        action: action.to_owned(),
        after: reason.map(|reason| object(&[("reason", reason)])),
        ..draft(record.at.micros(), None)
    }
}

fn gate(record: &GateRecord) -> Draft {
    let is_over = record.gate == Gate::Open;
    let action = match (record.cause.as_str(), is_over) {
        ("pause", false) => "pause_begun",
        ("pause", true) => "pause_ended",
        (_, false) => "halt_raised",
        (_, true) => "halt_ended",
    };
    let after =
        [("cause", &*record.cause), ("gate", record.gate.name()), ("reason", &*record.reason)];
    Draft {
        actor: record.actor.clone(),
        action: action.to_owned(),
        before: Before::Last(format!("gate {}", record.cause)),
        after: Some(object(&after)),
        ..draft(record.at.micros(), record.strategy.as_ref())
    }
}

fn config(record: &HistoryRecord) -> Draft {
    let version = record.version.as_deref().unwrap_or("none");
    // What was refused or only written changes nothing of what is in force.
    let before = match record.event.as_str() {
        "in_force" | "removed" => Before::Last("config".to_owned()),
        _ => Before::Unknown,
    };
    let actor = match record.actor.as_str() {
        "file" | "start" => "config",
        person => person,
    };
    let after = object(&[("version", version), ("what", &record.what)]);
    Draft {
        strategy: Some(record.strategy.clone()),
        actor: actor.to_owned(),
        action: format!("config_{}", record.event),
        subject: record.strategy.clone(),
        before,
        after: Some(after),
        ..draft(record.at.micros(), None)
    }
}

fn rollout(record: &RolloutRecord) -> Draft {
    let word = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    let (good, version, why) = (word(&record.good), word(&record.version), word(&record.why));
    let after =
        [("good", &*good), ("stage", &*record.stage), ("version", &*version), ("why", &*why)];
    Draft {
        actor: "manager".to_owned(),
        action: "rollout".to_owned(),
        before: Before::Last("rollout".to_owned()),
        after: Some(object(&after)),
        ..draft(record.at.micros(), Some(&record.strategy))
    }
}

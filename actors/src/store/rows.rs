//! How each fact is written: one row, one or two inserts, and writing it again changes nothing.

use ploy::lifecycle::Phase;
use ploy::market::Side;
use ploy::order::{DoneCause, Fill, Liquidity, OrderEvent, StrategyId, Submission, Update};
use ploy::order_path::Outgoing;
use ploy::price::{Rounding, Usdc};
use ploy::time::Timestamp;
use serde::Serialize;

use super::sql::{Link, Sql, sql};
use super::{
    account, config_history as history, gates, memories, process, retention, rollouts, runs,
};
use crate::ports::{
    CommandRecord, ConfigRecord, DecisionRecord, ErrorRecord, LifecycleRecord, RiskRecord, Row,
    Settlement, StrategyRecord,
};

/// Where a fact belongs: its run, and its number among all facts of the run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) run: &'a str,
    pub(super) seq: i64,
}

/// Why a row was not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The same order, fill or settlement is stored with another content. Writing it again cannot help.
    #[error("{0} is stored already with another content")]
    Contradiction(String),
    /// The database refused.
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
}

pub(super) type Insert = Sql;

/// An insert, and what it means that it changes no row.
enum Statement {
    /// The row is there already.
    Plain(Sql),
    /// The row is there already with another content: the same content would have counted as changed.
    Exact(Sql),
}

/// Writes one row, and returns how many rows of the database that changed. The same row written again changes nothing.
pub(super) async fn insert(link: &mut Link<'_>, place: Place<'_>, row: &Row) -> Result<u64, Fault> {
    let mut changed = 0;
    for statement in statements(place, row) {
        changed += match statement {
            Statement::Plain(insert) => insert.execute(link).await?,
            Statement::Exact(insert) => {
                let added = insert.adding().execute(link).await?;
                // What is there already must be the same.
                if added == 0 && insert.execute(link).await? == 0 {
                    return Err(Fault::Contradiction(name(row)));
                }
                added
            }
        };
    }
    Ok(changed)
}

/// Returns the insert of a row that is only appended: it contradicts nothing, and stands beside others in any order.
pub(super) fn append(place: Place<'_>, row: &Row) -> Option<Sql> {
    let mut all = statements(place, row);
    match (all.pop(), all.is_empty()) {
        (Some(Statement::Plain(insert)), true) if insert.only_appends() => Some(insert),
        (Some(_) | None, _) => None,
    }
}

/// Returns what writes a row that is new, and fails where it is there already; none where it must be asked what it changes. A row that
/// contradicts nothing, and that nothing is told of, may be there.
pub(super) fn new(place: Place<'_>, row: &Row, is_told: bool) -> Option<Vec<Sql>> {
    let one = |statement| match statement {
        Statement::Exact(insert) => Some(insert.of_new()),
        Statement::Plain(insert) if !is_told => Some(insert),
        Statement::Plain(insert) => insert.only_appends().then(|| insert.of_new()),
    };
    statements(place, row).into_iter().map(one).collect()
}

/// Returns when the fact was true.
pub(super) const fn at(row: &Row) -> Timestamp {
    match row {
        Row::Order(order) => order.at(),
        Row::OrderEvent(event) => event.at,
        Row::Settlement(settlement) => settlement.at,
        Row::Decision(decision) => decision.at,
        Row::Risk(event) => event.at,
        Row::Lifecycle(event) => event.at,
        Row::Error(error) => error.at,
        Row::Command(command) => command.at,
        Row::Intent(record) => record.at,
        Row::Config(record) => record.at,
        Row::Process(record) => record.at,
        Row::Gate(record) => record.at,
        Row::History(record) => record.at,
        Row::Rollout(record) => record.at,
        Row::Account(record) => record.at,
        Row::Prune(prune) => prune.at,
        Row::Memory(record) => record.at,
        Row::Played(record) => record.at,
    }
}

/// Returns the word for why an order ended.
pub(super) const fn done_cause(cause: DoneCause) -> &'static str {
    match cause {
        DoneCause::Filled => "filled",
        DoneCause::Unmatched => "unmatched",
        DoneCause::Cancelled => "cancelled",
        DoneCause::Resolved => "resolved",
        DoneCause::Absent => "absent",
    }
}

/// Returns the word for who was there first.
pub(super) const fn liquidity(liquidity: Liquidity) -> &'static str {
    match liquidity {
        Liquidity::Taker => "taker",
        Liquidity::Maker => "maker",
    }
}

/// Returns the count as the database keeps it. No count here comes near the end of the range.
pub(super) fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn name(row: &Row) -> String {
    match row {
        Row::Order(order) => format!("order {}", order.id()),
        Row::OrderEvent(event) => format!("a fill of order {}", event.order),
        Row::Settlement(settlement) => {
            format!("the settlement of {} for {}", settlement.market, settlement.strategy)
        }
        Row::Decision(_)
        | Row::Risk(_)
        | Row::Lifecycle(_)
        | Row::Error(_)
        | Row::Command(_)
        | Row::Intent(_)
        | Row::Config(_)
        | Row::Process(_)
        | Row::Gate(_)
        | Row::History(_)
        | Row::Rollout(_)
        | Row::Account(_)
        | Row::Prune(_)
        | Row::Memory(_)
        | Row::Played(_) => "a record".to_owned(),
    }
}

fn statements(place: Place<'_>, row: &Row) -> Vec<Statement> {
    match row {
        Row::Order(row) => vec![order(place, row)],
        Row::OrderEvent(row) => match &row.update {
            Update::Filled(told) => vec![order_event(place, row), fill(place, row, told)],
            Update::Submitted(_) | Update::Done { .. } => vec![order_event(place, row)],
        },
        Row::Settlement(row) => vec![settlement(place, row)],
        Row::Decision(row) => vec![decision(place, row)],
        Row::Risk(row) => vec![risk_event(place, row)],
        Row::Lifecycle(row) => vec![lifecycle(place, row)],
        Row::Error(row) => vec![error(place, row)],
        Row::Command(row) => vec![command(place, row)],
        Row::Intent(row) => vec![strategy(place, row)],
        Row::Config(row) => vec![config_version(place, row)],
        Row::Process(row) => vec![Statement::Plain(process::insert(place, row))],
        Row::Gate(row) => vec![Statement::Plain(gates::insert(place, row))],
        Row::History(row) => vec![Statement::Plain(history::insert(place, row))],
        Row::Rollout(row) => vec![Statement::Plain(rollouts::insert(place, row))],
        Row::Account(row) => vec![Statement::Plain(account::insert(place, row))],
        Row::Prune(prune) => vec![Statement::Plain(retention::delete(place, prune))],
        Row::Memory(row) => vec![Statement::Plain(memories::insert(place, row))],
        Row::Played(row) => vec![Statement::Plain(runs::insert(place, row))],
    }
}

/// Begins an insert with the four columns that every table has.
pub(super) fn start(
    text: &'static str,
    place: Place<'_>,
    strategy: Option<&str>,
    at: Timestamp,
) -> Sql {
    sql(text).bind(place.run).bind(place.seq).bind(strategy).bind(at.micros())
}

pub(super) fn of(strategy: &StrategyId) -> Option<&str> {
    Some(strategy.as_str())
}

fn order(place: Place<'_>, order: &Outgoing) -> Statement {
    const SQL: &str = "insert into orders (run, seq, strategy, at, number, market, outcome, side, \
         limit_price, size, time_in_force, purpose, payload, hash, reserved_cash, reserved_shares) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) \
         on conflict (run, strategy, number) do update set number = excluded.number \
         where (orders.at, orders.market, orders.outcome, orders.side, orders.limit_price, \
             orders.size, orders.time_in_force, orders.purpose) \
         = (excluded.at, excluded.market, excluded.outcome, excluded.side, excluded.limit_price, \
             excluded.size, excluded.time_in_force, excluded.purpose)";
    let (id, intent, reserved) = (order.id(), order.intent(), order.reserved());
    Statement::Exact(
        start(SQL, place, of(&id.strategy), order.at())
            .bind(count(id.number))
            .bind(intent.market.to_string())
            .bind(intent.outcome.name())
            .bind(intent.side.name())
            .bind(intent.limit.micros())
            .bind(intent.size.micros())
            .bind(intent.time_in_force.name())
            .bind(intent.purpose.name())
            .bind(order.payload().as_str().to_owned())
            .bind(order.hash().to_string())
            .bind(reserved.cash.micros())
            .bind(reserved.shares.micros()),
    )
}

fn order_event(place: Place<'_>, event: &OrderEvent) -> Statement {
    const SQL: &str = "insert into order_events (run, seq, strategy, at, number, kind, fill, cause, \
         unfilled) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing";
    let (kind, fill, cause, unfilled) = match &event.update {
        Update::Submitted(Submission::Accepted) => ("accepted", 0, None, None),
        Update::Submitted(Submission::Rejected { reason, .. }) => {
            ("rejected", 0, Some(reason.as_str()), None)
        }
        Update::Submitted(Submission::Unknown) => ("unknown", 0, None, None),
        Update::Filled(fill) => ("filled", i64::from(fill.number), None, None),
        Update::Done { unfilled, cause } => {
            ("done", 0, Some(done_cause(*cause)), Some(unfilled.micros()))
        }
    };
    Statement::Plain(
        start(SQL, place, of(&event.order.strategy), event.at)
            .bind(count(event.order.number))
            .bind(kind)
            .bind(fill)
            .bind(cause)
            .bind(unfilled),
    )
}

fn fill(place: Place<'_>, event: &OrderEvent, fill: &Fill) -> Statement {
    const SQL: &str = "insert into fills (run, seq, strategy, at, number, fill, market, outcome, side, \
         price, size, fee, cash, liquidity) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
         on conflict (run, strategy, number, fill) do update set number = excluded.number \
         where (fills.at, fills.market, fills.outcome, fills.side, fills.price, fills.size, \
             fills.fee, fills.liquidity) \
         = (excluded.at, excluded.market, excluded.outcome, excluded.side, excluded.price, \
             excluded.size, excluded.fee, excluded.liquidity)";
    // As the portfolio books it, so that the sums of both agree to the millionth.
    let cash = match fill.side {
        Side::Buy => -(fill.price.notional(fill.size, Rounding::Up) + fill.fee),
        Side::Sell => fill.price.notional(fill.size, Rounding::Down) - fill.fee,
    };
    Statement::Exact(
        start(SQL, place, of(&event.order.strategy), fill.at)
            .bind(count(event.order.number))
            .bind(i64::from(fill.number))
            .bind(fill.market.to_string())
            .bind(fill.outcome.name())
            .bind(fill.side.name())
            .bind(fill.price.micros())
            .bind(fill.size.micros())
            .bind(fill.fee.micros())
            .bind(cash.micros())
            .bind(liquidity(fill.liquidity)),
    )
}

fn settlement(place: Place<'_>, settlement: &Settlement) -> Statement {
    const SQL: &str = "insert into settlements (run, seq, strategy, at, market, yes_pays, no_pays, \
         amount, profit) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         on conflict (run, strategy, market, at) do update set amount = excluded.amount \
         where (settlements.yes_pays, settlements.no_pays, settlements.amount, settlements.profit) \
         = (excluded.yes_pays, excluded.no_pays, excluded.amount, excluded.profit)";
    let [yes, no] = settlement.payouts.map(Usdc::micros);
    Statement::Exact(
        start(SQL, place, of(&settlement.strategy), settlement.at)
            .bind(settlement.market.to_string())
            .bind(yes)
            .bind(no)
            .bind(settlement.amount.micros())
            .bind(settlement.profit.micros()),
    )
}

fn decision(place: Place<'_>, decision: &DecisionRecord) -> Statement {
    const SQL: &str = "insert into decisions (run, seq, strategy, at, number, market_id, market, \
         verdict, cause, intent, numbers, moved_by, gates, risk) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) on conflict do nothing";
    let grounds = decision.grounds.as_ref();
    Statement::Plain(
        start(SQL, place, of(&decision.strategy), decision.at)
            .bind(count(decision.seq))
            .bind(decision.market_id.clone())
            .bind(decision.market.clone())
            .bind(decision.verdict.clone())
            .bind(decision.cause.clone())
            .bind(decision.intent.clone())
            .bind(json(&decision.numbers))
            .bind(grounds.map(|grounds| json(&grounds.trigger)))
            .bind(grounds.map(|grounds| json(&grounds.gates)))
            .bind(grounds.and_then(|grounds| grounds.risk.as_ref()).map(json)),
    )
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("texts and numbers are JSON")
}

fn risk_event(place: Place<'_>, event: &RiskRecord) -> Statement {
    const SQL: &str = "insert into risk_events (run, seq, strategy, at, event, rule, used, allowed) \
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing";
    Statement::Plain(
        start(SQL, place, of(&event.strategy), event.at)
            .bind(event.event.clone())
            .bind(event.rule.clone())
            .bind(event.used.clone())
            .bind(event.limit.clone()),
    )
}

fn lifecycle(place: Place<'_>, event: &LifecycleRecord) -> Statement {
    const SQL: &str = "insert into lifecycle (run, seq, strategy, at, from_phase, to_phase, why) \
         values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing";
    Statement::Plain(
        start(SQL, place, of(&event.strategy), event.at)
            .bind(event.from.clone())
            .bind(event.to.clone())
            .bind(event.why.clone()),
    )
}

fn error(place: Place<'_>, error: &ErrorRecord) -> Statement {
    const SQL: &str = "insert into errors (run, seq, strategy, at, part, message) \
         values ($1, $2, $3, $4, $5, $6) on conflict do nothing";
    let strategy = error.strategy.as_ref().map(StrategyId::as_str);
    Statement::Plain(
        start(SQL, place, strategy, error.at).bind(error.part.clone()).bind(error.message.clone()),
    )
}

fn command(place: Place<'_>, command: &CommandRecord) -> Statement {
    const SQL: &str = "insert into commands (run, seq, strategy, at, actor, action, answer) \
         values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing";
    Statement::Plain(
        start(SQL, place, Some(command.strategy.as_str()), command.at)
            .bind(command.actor.clone())
            .bind(command.action.clone())
            .bind(command.answer.clone()),
    )
}

fn strategy(place: Place<'_>, record: &StrategyRecord) -> Statement {
    const SQL: &str = "insert into strategies (run, seq, strategy, at, wanted, halted, class, version, \
         halted_since, attempt, until, budget, restarts) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) on conflict do nothing";
    let saved = &record.saved;
    let (halt, wait) = match &saved.phase {
        Phase::Halted { class, cause } => (Some((class, cause)), None),
        Phase::Backoff { attempt, until } => (None, Some((attempt, until))),
        Phase::Stopped | Phase::Starting | Phase::Warming | Phase::Running => (None, None),
        Phase::Stopping { .. } | Phase::Quarantine { .. } => (None, None),
    };
    Statement::Plain(
        start(SQL, place, of(&record.strategy), record.at)
            .bind(saved.wanted.map(i64::from))
            .bind(halt.map(|(_, cause)| cause.clone()))
            .bind(halt.map(|(class, _)| class.name()))
            .bind(saved.version.clone())
            .bind(saved.halted_since.map(Timestamp::micros))
            .bind(wait.map(|(attempt, _)| i64::from(*attempt)))
            .bind(wait.map(|(_, until)| until.micros()))
            .bind(json(&saved.budget))
            .bind(json(&saved.restarts)),
    )
}

fn config_version(place: Place<'_>, record: &ConfigRecord) -> Statement {
    const SQL: &str = "insert into config_versions (run, seq, strategy, at, version, kind, text) \
         values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing";
    Statement::Plain(
        start(SQL, place, of(&record.strategy), record.at)
            .bind(record.version.clone())
            .bind(record.kind.clone())
            .bind(record.text.clone()),
    )
}

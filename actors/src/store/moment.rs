//! One instant of a strategy: its phase, the intents around it, what was on its way and what was held.

use ploy::market::Outcome;
use ploy::price::Size;
use ploy::time::Timestamp;
use sqlx::FromRow;

use super::cells::Unreadable;
use super::grounds::{Fault, GroundedRow, Whose, decision_columns};
use super::history::{OrderRow, order_columns};
use super::sql::{Link, sql};
use crate::ports::why::{Held, Moment};
use crate::ports::{LifecycleRecord, RiskRecord};

const BEFORE: &str =
    concat!(decision_columns!(), "and at <= $3 order by at desc, seq desc limit 10");

const AFTER: &str = concat!(decision_columns!(), "and $3 < at order by at, seq limit 3");

const PHASE: &str = "select at, from_phase, to_phase, why from lifecycle \
     where run = $1 and strategy = $2 and at <= $3 order by seq desc limit 1";

const RISK: &str = "select at, event, rule, used, allowed from risk_events \
     where run = $1 and strategy = $2 and at <= $3 order by seq desc limit 1";

const OPEN: &str = concat!(
    order_columns!(" and e.at <= $3"),
    "and o.at <= $3 and not exists (select 1 from order_events e where e.run = o.run \
         and e.strategy = o.strategy and e.number = o.number and e.kind in ('done', 'rejected') \
         and e.at <= $3) order by o.seq limit 100"
);

const HELD: &str = "select f.market, \
     cast(sum(case f.outcome when 'yes' then \
         case f.side when 'buy' then f.size else -f.size end else 0 end) as bigint) as yes, \
     cast(sum(case f.outcome when 'no' then \
         case f.side when 'buy' then f.size else -f.size end else 0 end) as bigint) as no, \
     (select d.market from decisions d where d.run = $1 and d.strategy = $2 \
         and d.market_id = f.market limit 1) as slug \
     from fills f where f.run = $1 and f.strategy = $2 and f.at <= $3 \
     and not exists (select 1 from settlements s where s.run = $1 and s.strategy = $2 \
         and s.market = f.market and s.at <= $3 and f.seq < s.seq) \
     group by f.market";

#[derive(FromRow)]
struct PhaseRow {
    at: i64,
    from_phase: String,
    to_phase: String,
    why: String,
}

#[derive(FromRow)]
struct RiskRow {
    at: i64,
    event: String,
    rule: String,
    used: String,
    allowed: String,
}

#[derive(FromRow)]
struct HeldRow {
    market: String,
    yes: i64,
    no: i64,
    slug: Option<String>,
}

/// Reads what a strategy was doing at an instant.
pub(super) async fn read(
    link: &mut Link<'_>,
    whose: Whose<'_>,
    at: Timestamp,
) -> Result<Moment, Fault> {
    let (run, id, micros) = (whose.run, whose.strategy.as_str(), at.micros());
    let phase = sql(PHASE).bind(run).bind(id).bind(micros);
    let phase = phase.optional::<PhaseRow>(link).await?;
    let risk = sql(RISK).bind(run).bind(id).bind(micros);
    let risk = risk.optional::<RiskRow>(link).await?.filter(|row| row.event == "tripped");
    let before = sql(BEFORE).bind(run).bind(id).bind(micros);
    let before = before.all::<GroundedRow>(link).await?.into_iter().map(GroundedRow::record);
    let after = sql(AFTER).bind(run).bind(id).bind(micros);
    let after = after.all::<GroundedRow>(link).await?.into_iter().map(GroundedRow::record);
    let orders = sql(OPEN).bind(run).bind(id).bind(micros);
    let orders = orders.all::<OrderRow>(link).await?.into_iter();
    let orders = orders.map(|row| row.record(whose.strategy).map(|(_, order)| order));
    let held = sql(HELD).bind(run).bind(id).bind(micros);
    let mut held = held.all::<HeldRow>(link).await?;
    held.sort_by(|one, other| one.market.cmp(&other.market));
    Ok(Moment {
        run: run.to_owned(),
        strategy: whose.strategy.clone(),
        at,
        phase: phase.map(|row| row.record(whose)),
        tripped: risk.map(|row| row.record(whose)),
        before: before.collect::<Result<_, _>>()?,
        after: after.collect::<Result<_, _>>()?,
        orders: orders.collect::<Result<_, _>>()?,
        held: held
            .into_iter()
            .map(HeldRow::records)
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
            .collect(),
        noes: None,
    })
}

impl PhaseRow {
    fn record(self, whose: Whose<'_>) -> LifecycleRecord {
        LifecycleRecord {
            at: Timestamp::from_micros(self.at),
            strategy: whose.strategy.clone(),
            from: self.from_phase,
            to: self.to_phase,
            why: self.why,
        }
    }
}

impl RiskRow {
    fn record(self, whose: Whose<'_>) -> RiskRecord {
        RiskRecord {
            at: Timestamp::from_micros(self.at),
            strategy: whose.strategy.clone(),
            event: self.event,
            rule: self.rule,
            used: self.used,
            limit: self.allowed,
        }
    }
}

impl HeldRow {
    /// Returns what is held of each outcome, where something is.
    fn records(self) -> Result<Vec<Held>, Unreadable> {
        let Self { market, yes, no, slug } = self;
        let mut held = Vec::new();
        for (outcome, size) in [(Outcome::Yes, yes), (Outcome::No, no)] {
            if size != 0 {
                held.push(Held {
                    market_id: market.clone(),
                    market: slug.clone(),
                    outcome,
                    size: Size::from_micros(size)?,
                });
            }
        }
        Ok(held)
    }
}

#[cfg(test)]
pub(super) const MOMENTS: [&str; 6] = [BEFORE, AFTER, PHASE, RISK, OPEN, HELD];

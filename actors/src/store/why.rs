//! The chain of one decision or one order: the decision with its grounds, the order, its events, fills and round.

use ploy::price::Size;
use ploy::time::Timestamp;
use sqlx::FromRow;

use super::cells::{FillRow, Unreadable, money, number, outcome, side, within};
use super::grounds::{Fault, GroundedRow, Whose, decision_columns};
use super::history::{OrderRow, order_columns};
use super::round::{self, Booked};
use super::rows::count;
use super::sql::{Link, sql};
use super::{Store, moment};
use crate::ports::why::{
    Chain, Chains, Found, Moment, Of, OrderEventRecord, OrderStory, Round, RoundEnd, Trade,
};
use crate::ports::{OrderRecord, Pending, StoreError};

/// How many fills in one market are read to tell a round; one with more is not told.
const ROUND_FILLS_MAX: usize = 5000;
/// How many runs are named where the wanted one is not there.
const RUNS_NAMED: i64 = 5;

const DECISION: &str = concat!(decision_columns!(), "and number = $3 limit 1");

const DECISION_OF_ORDER: &str =
    concat!(decision_columns!(), "and at = $3 and verdict = 'order' and cause = $4 limit 1");

const ORDER: &str = concat!(order_columns!(""), "and o.number = $3");

const EVENTS: &str = "select seq, at, kind, fill, cause, unfilled from order_events \
     where run = $1 and strategy = $2 and number = $3";

const FILLS: &str = "select seq, strategy, number, fill, at, market, outcome, side, price, size, fee, \
     liquidity from fills where run = $1 and strategy = $2 and number = $3 order by fill";

const MARKET_FILLS: &str = "select f.seq, f.number, f.at, f.outcome, f.side, f.size, f.cash, o.purpose \
     from fills f join orders o on o.run = f.run and o.strategy = f.strategy and o.number = f.number \
     where f.run = $1 and f.strategy = $2 and f.market = $3 order by f.seq limit $4";

const SETTLEMENTS: &str = "select seq, at, yes_pays, no_pays, amount, profit from settlements \
     where run = $1 and strategy = $2 and market = $3";

const RUN: &str = "select run from runs where run = $1";

const RUNS_LIKE: &str = "select run from runs where $1 <= run and run < $2 limit 2";

const NEWEST_RUNS: &str = "select run from runs order by number desc limit $1";

#[derive(FromRow)]
struct EventRow {
    seq: i64,
    at: i64,
    kind: String,
    fill: i64,
    cause: Option<String>,
    unfilled: Option<i64>,
}

#[derive(FromRow)]
struct TradeRow {
    seq: i64,
    number: i64,
    at: i64,
    outcome: String,
    side: String,
    size: i64,
    cash: i64,
    purpose: String,
}

#[derive(FromRow)]
struct EndRow {
    seq: i64,
    at: i64,
    yes_pays: i64,
    no_pays: i64,
    amount: i64,
    profit: i64,
}

impl Chains for Store {
    fn decision(&self, of: Of, seq: u64) -> Pending<'_, Result<Found<Chain>, StoreError>> {
        Box::pin(self.find(of, async move |link, whose| {
            let read = sql(DECISION).bind(whose.run).bind(whose.strategy.as_str()).bind(count(seq));
            let row = read.optional::<GroundedRow>(link).await?;
            let Some(row) = row else { return Ok(None) };
            let decision = row.record()?;
            let number = match decision.verdict.as_str() {
                "order" => decision.cause.parse().ok(),
                _ => None,
            };
            let order = match number {
                Some(number) => story(link, whose, number).await?,
                None => None,
            };
            Ok(Some(Chain { run: whose.run.to_owned(), decision: Some(decision), order }))
        }))
    }

    fn order(&self, of: Of, number: u64) -> Pending<'_, Result<Found<Chain>, StoreError>> {
        Box::pin(self.find(of, async move |link, whose| {
            let Some(story) = story(link, whose, number).await? else { return Ok(None) };
            let read = sql(DECISION_OF_ORDER)
                .bind(whose.run)
                .bind(whose.strategy.as_str())
                .bind(story.order.at.micros())
                .bind(number.to_string());
            let decision = read.optional::<GroundedRow>(link).await?;
            let decision = decision.map(GroundedRow::record).transpose()?;
            Ok(Some(Chain { run: whose.run.to_owned(), decision, order: Some(story) }))
        }))
    }

    fn moment(&self, of: Of, at: Timestamp) -> Pending<'_, Result<Found<Moment>, StoreError>> {
        Box::pin(
            self.find(of, async move |link, whose| moment::read(link, whose, at).await.map(Some)),
        )
    }
}

impl Store {
    /// Reads in one transaction, of the run that is meant.
    async fn find<T>(
        &self,
        of: Of,
        read: impl AsyncFnOnce(&mut Link<'_>, Whose<'_>) -> Result<Option<T>, Fault>,
    ) -> Result<Found<T>, StoreError> {
        let all = async {
            let mut snapshot = self.inner.pool.snapshot().await?;
            let mut link = snapshot.link();
            let run = match &of.run {
                None => Some(self.inner.run.clone()),
                Some(wanted) => run(&mut link, wanted).await?,
            };
            let Some(run) = run else {
                let newest = sql(NEWEST_RUNS).bind(RUNS_NAMED).all::<(String,)>(&mut link).await?;
                let newest = newest.into_iter().map(|(run,)| run).collect();
                return Ok(Ok(Found::NoRun(newest)));
            };
            let whose = Whose { run: &run, strategy: &of.strategy };
            let found = match read(&mut link, whose).await {
                Ok(found) => found,
                Err(Fault::Sql(error)) => return Err(error),
                Err(Fault::Cell(unreadable)) => return Ok(Err(unreadable)),
            };
            snapshot.end().await?;
            Ok(Ok(found.map_or(Found::Nothing { run }, Found::There)))
        };
        Ok(within(&self.inner.shared, all).await??)
    }
}

/// Returns the id of the run that is called so, or the only one that begins so.
async fn run(link: &mut Link<'_>, wanted: &str) -> Result<Option<String>, sqlx::Error> {
    let exact = sql(RUN).bind(wanted).optional::<(String,)>(link).await?;
    if exact.is_some() || wanted.is_empty() {
        return Ok(exact.map(|(run,)| run));
    }
    let like = sql(RUNS_LIKE).bind(wanted).bind(format!("{wanted}\u{10ffff}"));
    let mut like = like.all::<(String,)>(link).await?;
    let only = like.pop();
    Ok(only.filter(|_| like.is_empty()).map(|(run,)| run))
}

async fn story(
    link: &mut Link<'_>,
    whose: Whose<'_>,
    number: u64,
) -> Result<Option<OrderStory>, Fault> {
    let (run, strategy) = (whose.run, whose.strategy.as_str());
    let read = sql(ORDER).bind(run).bind(strategy).bind(count(number));
    let row = read.optional::<OrderRow>(link).await?;
    let Some(row) = row else { return Ok(None) };
    let (_, order) = row.record(whose.strategy)?;
    let read = sql(EVENTS).bind(run).bind(strategy).bind(count(number));
    let mut events = read.all::<EventRow>(link).await?;
    events.sort_by_key(|event| event.seq);
    let events = events.into_iter().map(EventRow::record).collect::<Result<_, _>>()?;
    let read = sql(FILLS).bind(run).bind(strategy).bind(count(number));
    let fills = read.all::<FillRow>(link).await?.into_iter();
    let fills = fills.map(|row| row.record().map(|(_, fill)| fill));
    let fills: Vec<_> = fills.collect::<Result<_, _>>()?;
    let round = if fills.is_empty() { None } else { round_of(link, whose, &order).await? };
    Ok(Some(OrderStory { order, events, fills, round }))
}

async fn round_of(
    link: &mut Link<'_>,
    whose: Whose<'_>,
    order: &OrderRecord,
) -> Result<Option<Round>, Fault> {
    let (run, strategy) = (whose.run, whose.strategy.as_str());
    let limit = i64::try_from(ROUND_FILLS_MAX).unwrap_or(i64::MAX);
    let read = sql(MARKET_FILLS).bind(run).bind(strategy);
    let read = read.bind(&*order.market_id).bind(limit + 1);
    let fills = read.all::<TradeRow>(link).await?;
    if ROUND_FILLS_MAX < fills.len() {
        return Ok(None);
    }
    let read = sql(SETTLEMENTS).bind(run).bind(strategy);
    let ends = read.bind(&*order.market_id).all::<EndRow>(link).await?;
    let mut booked = Vec::with_capacity(fills.len() + ends.len());
    for row in fills {
        booked.push((row.seq, Booked::Fill(row.trade()?)));
    }
    for row in ends {
        booked.push((row.seq, Booked::Settled(row.end()?)));
    }
    booked.sort_by_key(|(seq, _)| *seq);
    Ok(round::of(order.id.number, booked.into_iter().map(|(_, booked)| booked)))
}

impl EventRow {
    fn record(self) -> Result<OrderEventRecord, Unreadable> {
        let fill = u32::try_from(self.fill).ok().filter(|fill| *fill != 0);
        Ok(OrderEventRecord {
            at: Timestamp::from_micros(self.at),
            kind: self.kind,
            fill,
            cause: self.cause,
            unfilled: self.unfilled.map(Size::from_micros).transpose()?,
        })
    }
}

impl TradeRow {
    fn trade(self) -> Result<Trade, Unreadable> {
        Ok(Trade {
            order: number(self.number)?,
            purpose: self.purpose,
            side: side(&self.side)?,
            outcome: outcome(&self.outcome)?,
            at: Timestamp::from_micros(self.at),
            size: Size::from_micros(self.size)?,
            cash_usdc: money(self.cash)?,
        })
    }
}

impl EndRow {
    fn end(self) -> Result<RoundEnd, Unreadable> {
        Ok(RoundEnd {
            at: Timestamp::from_micros(self.at),
            payouts_usdc: Some([money(self.yes_pays)?, money(self.no_pays)?]),
            amount_usdc: money(self.amount)?,
            profit_usdc: money(self.profit)?,
        })
    }
}

#[cfg(test)]
pub(super) const CHAINS: [&str; 8] =
    [DECISION, DECISION_OF_ORDER, ORDER, EVENTS, FILLS, MARKET_FILLS, SETTLEMENTS, RUNS_LIKE];

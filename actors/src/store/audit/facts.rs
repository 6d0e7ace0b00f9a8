//! The chain held against the facts: each order, fill and settlement is what its row says, and each has its row.

use sqlx::FromRow;

use super::super::sql::{Link, sql};
use super::entries::{
    BEGUN, FILL, FillTerms, ORDER, OrderTerms, SETTLEMENT, STARTED, settlement_json,
};

/// How many rows are held at once.
const PAGE: i64 = 500;
/// How many faults of a kind are told one by one.
const TOLD_MAX: usize = 10;

const ORDERS: &str = "select a.number, a.subject, a.state_after, f.strategy, f.number as told, f.market, \
     f.outcome, f.side, f.limit_price, f.size, f.time_in_force, f.purpose from audit a \
     left join orders f on f.run = a.run and f.strategy = a.strategy and f.seq = a.fact_seq \
     where a.action = $1 and a.number > $2 order by a.number limit $3";

const FILLS: &str = "select a.number, a.subject, a.state_after, f.strategy, f.number as told, f.fill, \
     f.market, f.outcome, f.side, f.price, f.size, f.fee, f.liquidity from audit a \
     left join fills f on f.run = a.run and f.strategy = a.strategy and f.seq = a.fact_seq \
     where a.action = $1 and a.number > $2 order by a.number limit $3";

const SETTLEMENTS: &str = "select a.number, a.subject, a.state_after, f.market, f.yes_pays, f.no_pays, \
     f.amount, f.profit from audit a \
     left join settlements f on f.run = a.run and f.strategy = a.strategy and f.seq = a.fact_seq \
     where a.action = $1 and a.number > $2 order by a.number limit $3";

/// The facts of a table that have no row, of those that came after the chain began.
const UNTOLD: [(&str, &str, &str); 3] = [
    (
        "select count(*) from (select f.run, f.seq from orders f join runs r on r.run = f.run \
         where r.number > $1 or (r.number = $1 and f.seq > $2) \
         except select run, fact_seq from audit where action = $3) as untold",
        ORDER,
        "orders",
    ),
    (
        "select count(*) from (select f.run, f.seq from fills f join runs r on r.run = f.run \
         where r.number > $1 or (r.number = $1 and f.seq > $2) \
         except select run, fact_seq from audit where action = $3) as untold",
        FILL,
        "fills",
    ),
    (
        "select count(*) from (select f.run, f.seq from settlements f join runs r on r.run = f.run \
         where r.number > $1 or (r.number = $1 and f.seq > $2) \
         except select run, fact_seq from audit where action = $3) as untold",
        SETTLEMENT,
        "settlements",
    ),
];

#[derive(FromRow)]
struct OrderRow {
    number: i64,
    subject: String,
    state_after: Option<String>,
    strategy: Option<String>,
    told: Option<i64>,
    market: Option<String>,
    outcome: Option<String>,
    side: Option<String>,
    limit_price: Option<i64>,
    size: Option<i64>,
    time_in_force: Option<String>,
    purpose: Option<String>,
}

#[derive(FromRow)]
struct FillRow {
    number: i64,
    subject: String,
    state_after: Option<String>,
    strategy: Option<String>,
    told: Option<i64>,
    fill: Option<i64>,
    market: Option<String>,
    outcome: Option<String>,
    side: Option<String>,
    price: Option<i64>,
    size: Option<i64>,
    fee: Option<i64>,
    liquidity: Option<String>,
}

#[derive(FromRow)]
struct SettlementRow {
    number: i64,
    subject: String,
    state_after: Option<String>,
    market: Option<String>,
    yes_pays: Option<i64>,
    no_pays: Option<i64>,
    amount: Option<i64>,
    profit: Option<i64>,
}

/// A row of the chain beside the fact that it tells of.
struct Beside {
    number: i64,
    subject: String,
    told: Option<String>,
    /// The subject and the content as the fact says them; absent where it is not there.
    fact: Option<(String, String)>,
}

/// Returns what does not fit, one sentence each.
pub(super) async fn compare(link: &mut Link<'_>) -> Result<Vec<String>, sqlx::Error> {
    let mut faults = Vec::new();
    let orders = |row: OrderRow| row.beside();
    told(link, (ORDERS, ORDER, "order"), orders, &mut faults).await?;
    told(link, (FILLS, FILL, "fill"), |row: FillRow| row.beside(), &mut faults).await?;
    let settlements = |row: SettlementRow| row.beside();
    told(link, (SETTLEMENTS, SETTLEMENT, "settlement"), settlements, &mut faults).await?;
    if let Some((run, seq)) = beginning(link).await? {
        for (text, action, what) in UNTOLD {
            let (count,) = sql(text).bind(run).bind(seq).bind(action).one::<(i64,)>(link).await?;
            if count != 0 {
                faults.push(format!("{count} {what} have no row in the chain"));
            }
        }
    }
    Ok(faults)
}

/// Returns after which fact of which run all that follows has its row.
async fn beginning(link: &mut Link<'_>) -> Result<Option<(i64, i64)>, sqlx::Error> {
    const FIRST: &str = "select r.number, a.fact_seq, a.action from audit a join runs r on r.run = a.run \
         order by a.number limit 1";
    let first = sql(FIRST).optional::<(i64, i64, String)>(link).await?;
    Ok(first.map(|(run, seq, action)| {
        let is_edge = action == BEGUN || action == STARTED;
        (run, if is_edge { seq } else { seq - 1 })
    }))
}

async fn told<R: super::super::sql::Record>(
    link: &mut Link<'_>,
    (text, action, what): (&'static str, &str, &str),
    beside: impl Fn(R) -> Beside,
    faults: &mut Vec<String>,
) -> Result<(), sqlx::Error> {
    let (mut after, mut found) = (0, 0);
    loop {
        let read = sql(text).bind(action).bind(after).bind(PAGE);
        let rows = read.all::<R>(link).await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            let row = beside(row);
            after = row.number;
            let Some(fault) = row.fault(what) else { continue };
            found += 1;
            if found <= TOLD_MAX {
                faults.push(fault);
            }
        }
    }
    if TOLD_MAX < found {
        faults.push(format!("and {} more of this kind", found - TOLD_MAX));
    }
    Ok(())
}

impl Beside {
    fn fault(&self, what: &str) -> Option<String> {
        let Self { number, subject, told, fact } = self;
        match fact {
            None => Some(format!("row {number} tells of {what} {subject}, which is not there")),
            Some((name, content)) if name == subject && Some(content) == told.as_ref() => None,
            Some(_) => {
                Some(format!("{what} {subject} is not what row {number} says: it was changed"))
            }
        }
    }
}

impl OrderRow {
    fn beside(self) -> Beside {
        let fact = self.fact();
        Beside { number: self.number, subject: self.subject, told: self.state_after, fact }
    }

    fn fact(&self) -> Option<(String, String)> {
        let name = format!("{}:{}", self.strategy.as_ref()?, self.told?);
        let terms = OrderTerms {
            market: self.market.as_ref()?,
            outcome: self.outcome.as_ref()?,
            side: self.side.as_ref()?,
            limit: self.limit_price?,
            size: self.size?,
            time_in_force: self.time_in_force.as_ref()?,
            purpose: self.purpose.as_ref()?,
        };
        Some((name, terms.json()))
    }
}

impl FillRow {
    fn beside(self) -> Beside {
        let fact = self.fact();
        Beside { number: self.number, subject: self.subject, told: self.state_after, fact }
    }

    fn fact(&self) -> Option<(String, String)> {
        let name = format!("{}:{}/{}", self.strategy.as_ref()?, self.told?, self.fill?);
        let terms = FillTerms {
            market: self.market.as_ref()?,
            outcome: self.outcome.as_ref()?,
            side: self.side.as_ref()?,
            price: self.price?,
            size: self.size?,
            fee: self.fee?,
            liquidity: self.liquidity.as_ref()?,
        };
        Some((name, terms.json()))
    }
}

impl SettlementRow {
    fn beside(self) -> Beside {
        let fact = self.fact();
        Beside { number: self.number, subject: self.subject, told: self.state_after, fact }
    }

    fn fact(&self) -> Option<(String, String)> {
        let json = settlement_json(self.yes_pays?, self.no_pays?, self.amount?, self.profit?);
        Some((self.market.clone()?, json))
    }
}

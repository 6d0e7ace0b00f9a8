//! Faults of the database under a service that trades: order entry closes, nothing acknowledged is lost or doubled, and trading
//! resumes by the rule.

mod long;
mod postgres;
mod proxy;
mod room;
mod sqlite;
mod venue;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use actors::app::App;
use ploy::halt::Cause;
use ploy::lifecycle::Gate;
use ploy::market::ConditionId;
use ploy::status::SystemStatus;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::halt::{ask, halted_by, high, low, post, trader};
use crate::stage::feeder::Feeder;
use crate::stage::script::{Seen, script};
use crate::stage::service::{Stage, one, stop, until};
use crate::stage::{database, id};
use venue::{Book, Told};

/// How long it may take from an order that meets a fault until all are halted: the 5 s that a caller waits, the watch's
/// beat, and what a busy machine adds.
const CLOSED_WITHIN: Duration = Duration::from_secs(20);

/// Where the facts are, for a look past the store.
#[derive(Clone, Debug)]
enum Place {
    File(PathBuf),
    Server(String),
}

/// A service with one strategy that buys low and sells high, and the venue that it trades at.
struct Trading {
    app: App,
    feeder: Feeder,
    market: ConditionId,
    venue: Book,
    seen: Arc<Seen>,
    place: Place,
}

impl Place {
    /// Returns the numbers and words that a query finds.
    async fn facts(&self, sql: &str) -> Vec<Told> {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::File(path) => {
                let mut shell = database(path).await;
                sqlx::query_as(sql).fetch_all(&mut shell).await.unwrap()
            }
            Self::Server(url) => {
                let mut shell = PgConnection::connect(url).await.unwrap();
                sqlx::query_as(sql).fetch_all(&mut shell).await.unwrap()
            }
        }
    }
}

impl Trading {
    /// Starts the service; it has bought once when this returns.
    async fn begin(stage: Stage, place: Place) -> Self {
        let (venue, seen) = (Book::default(), Arc::<Seen>::default());
        let stage = stage.custom("one", script(&seen, |_| trader())).venue(venue.wrap());
        let (app, mut feeder) = stage.fed().await;
        let market = feeder.market(1).await;
        let mut trading = Self { app, feeder, market, venue, seen, place };
        trading.low().await;
        assert_eq!((trading.venue.sent(), trading.fills().await), (vec![1], 1), "it trades");
        trading.app.store.flush().await.unwrap();
        trading
    }

    /// Shows a book at which the strategy buys.
    async fn low(&mut self) {
        low(&self.app, &mut self.feeder, self.market).await;
    }

    /// Shows a book at which the strategy sells what it holds.
    async fn high(&mut self) {
        high(&self.app, &mut self.feeder, self.market).await;
    }

    /// Returns how many fills the strategy's books know.
    async fn fills(&self) -> u64 {
        one(&*self.app.fresh().await, "one").kernel.fills
    }

    /// Shows what an entry wants during a fault, and returns what is said of the store. No entry and no exit may leave,
    /// and everybody who looks sees why.
    async fn closes(&mut self) -> String {
        let (sent, began) = (self.venue.sent(), Instant::now());
        self.low().await;
        until(&self.app, "the store is down, and all halted by it", is_down).await;
        assert!(began.elapsed() < CLOSED_WITHIN, "{:?}", began.elapsed());
        self.is_seen().await;
        self.high().await;
        assert_eq!(self.venue.sent(), sent, "what is not stored is not sent");
        self.app.fresh().await.store.last_error.clone().unwrap()
    }

    /// Holds what is shown of an outage against what is so.
    async fn is_seen(&self) {
        let status = self.app.fresh().await;
        assert_eq!((status.gates.gate, one(&status, "one").gate), (Gate::Closed, Gate::Closed));
        assert!(0 < status.store.errors);
        let ready = reqwest::get(format!("http://{}/readyz", self.app.address)).await.unwrap();
        assert_eq!(ready.status(), 503);
        let ready = ready.text().await.unwrap();
        assert!(ready.contains("store: "), "{ready}");
        let metrics = reqwest::get(format!("http://{}/metrics", self.app.address)).await.unwrap();
        let metrics = metrics.text().await.unwrap();
        for line in ["ploy_store_up 0", "ploy_halted{cause=\"store_outage\"} 1"] {
            assert!(metrics.contains(&format!("\n{line}\n")), "{line} in {metrics}");
        }
        let (status, body) = post(&self.app, "resume", json!({"reason": "r"})).await;
        assert_eq!((status, &body["code"]), (409, &json!("still_halted")));
    }

    /// Waits until all is well by itself, and trades both ways.
    async fn resumes(&mut self) {
        until(&self.app, "all goes on", is_well).await;
        self.feeder.settled(&self.app).await;
        self.trades().await;
    }

    /// Waits until the store is well; nothing is traded before a person says so.
    async fn resumes_by_a_person(&mut self) {
        let is_over = |status: &SystemStatus| {
            status.store.up && status.gates.halts.iter().all(|halt| halt.over)
        };
        until(&self.app, "the outage is over", is_over).await;
        let sent = self.venue.sent();
        self.high().await;
        assert_eq!(halted_by(&*self.app.fresh().await), [Cause::StoreOutage]);
        assert_eq!(self.venue.sent(), sent, "a person resumes");
        assert!(ask(&self.app, "resume").await);
        self.trades().await;
    }

    /// Trades both ways, and holds the facts against what was acknowledged.
    async fn trades(&mut self) {
        let sent = self.venue.sent().len();
        self.high().await;
        self.low().await;
        self.high().await;
        assert_eq!(self.venue.sent().len(), sent + 3, "it sells, buys and sells");
        self.adds_up().await;
    }

    /// Holds the database against all that was acknowledged: what the venue was sent, what it told, what the strategy was
    /// told, what the books say.
    async fn adds_up(&self) {
        self.app.store.flush().await.unwrap();
        let sent = self.venue.sent();
        let once: BTreeSet<i64> = sent.iter().copied().collect();
        assert_eq!(once.len(), sent.len(), "sent twice: {sent:?}");
        let kept = |word| format!("select number, {word}");
        let orders = self.place.facts(&(kept("purpose") + " from orders")).await;
        let stored: BTreeSet<i64> = orders.iter().map(|(number, _)| *number).collect();
        assert!(once.is_subset(&stored), "sent {once:?}, stored {stored:?}");
        let told = self.place.facts(&(kept("kind") + " from order_events")).await;
        let (unsent, told): (Vec<_>, Vec<_>) =
            told.into_iter().partition(|(_, kind)| kind == "rejected");
        let unsent: BTreeSet<i64> = unsent.into_iter().map(|(number, _)| number).collect();
        assert!(unsent.is_disjoint(&once), "sent {once:?}, said unsent {unsent:?}");
        assert!(stored.iter().all(|one| once.contains(one) || unsent.contains(one)));
        assert_eq!(told.len(), self.venue.told().len());
        assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), self.venue.told());
        let fills = self.place.facts(&(kept("side") + " from fills where size = 10000000")).await;
        let filled: Vec<i64> = fills.iter().map(|(number, _)| *number).collect();
        assert_eq!(filled.len(), sent.len());
        assert_eq!(filled.into_iter().collect::<BTreeSet<_>>(), once);
        let status = self.app.fresh().await;
        let kernel = &one(&status, "one").kernel;
        assert_eq!(kernel.fills, u64::try_from(sent.len()).unwrap());
        assert_eq!(self.seen.fills.load(Ordering::SeqCst), kernel.fills, "told once");
        assert_eq!((status.ledger.broken.as_deref(), status.ledger.sum_micros), (None, 0));
        assert_eq!(self.app.store.open_orders(&id("one")).await.unwrap(), []);
    }

    async fn end(self) {
        stop(self.app).await;
    }
}

fn is_down(status: &SystemStatus) -> bool {
    !status.store.up && halted_by(status) == [Cause::StoreOutage]
}

fn is_well(status: &SystemStatus) -> bool {
    status.store.up && status.gates.halts.is_empty()
}

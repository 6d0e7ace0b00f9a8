//! Market events by hand: a test says what happens, and when all of it is settled.

use std::sync::Arc;
use std::time::Duration;

use actors::app::App;
use actors::ports::FeedItem;
use ploy::book::{Level, OrderBook};
use ploy::event::{FeedState, Kind, MarketEvent};
use ploy::fees::FeeSchedule;
use ploy::market::{ConditionId, Market, Outcome, TickSize};
use ploy::price::Usdc;
use ploy::status::SystemStatus;
use ploy::tape::{Books, Header};
use ploy::time::Timestamp;
use tokio::sync::mpsc;

use super::service::until;

/// Feeds a service by hand. Event time is a second further with every event.
#[derive(Debug)]
pub(crate) struct Feeder {
    tx: mpsc::Sender<FeedItem>,
    at: Timestamp,
    sent: u64,
}

impl Feeder {
    pub(crate) fn new() -> (Self, Header, mpsc::Receiver<FeedItem>) {
        let (tx, source) = mpsc::channel(1024);
        let at: Timestamp = "2026-09-28T09:00:00Z".parse().unwrap();
        let header = Header {
            tape: "ploy".to_owned(),
            version: 1,
            title: "by hand".to_owned(),
            source: "a test".to_owned(),
            licence: "none".to_owned(),
            books: Books::Modelled,
            from: at,
            to: at + Duration::from_hours(1),
            notes: Vec::new(),
        };
        (Self { tx, at, sent: 0 }, header, source)
    }

    /// Returns the instant of the newest event.
    pub(crate) const fn now(&self) -> Timestamp {
        self.at
    }

    /// Lets this happen a second later.
    pub(crate) async fn event(&mut self, kind: Kind) {
        self.at = self.at + Duration::from_secs(1);
        self.forward(MarketEvent { at: self.at, kind }).await;
    }

    /// Passes an event on as it is.
    pub(crate) async fn forward(&mut self, event: MarketEvent) {
        self.at = event.at;
        self.sent += 1;
        self.tx.send(FeedItem::Event(event)).await.unwrap();
    }

    /// Ends the tape.
    pub(crate) async fn end(self) {
        self.tx.send(FeedItem::End { events: self.sent }).await.unwrap();
    }

    /// Announces a market.
    pub(crate) async fn market(&mut self, number: u8) -> ConditionId {
        let market = market(number, self.at);
        let id = market.id;
        self.event(Kind::Market(Arc::new(market))).await;
        id
    }

    /// Shows a book of yes with 1000 shares on both sides.
    pub(crate) async fn book(&mut self, market: ConditionId, bid: &str, ask: &str) {
        let kind = book(self.at, (market, Outcome::Yes), bid, ask);
        self.event(kind).await;
    }

    /// Settles a market: yes pays this.
    pub(crate) async fn resolve(&mut self, market: ConditionId, yes: &str) {
        let yes: Usdc = yes.parse().unwrap();
        let payouts = [yes, "1".parse::<Usdc>().unwrap() - yes];
        self.event(Kind::Resolved { market, payouts }).await;
    }

    /// Lets so much time pass, as an event that nobody trades on.
    pub(crate) async fn wait(&mut self, span: Duration) {
        self.at = self.at + span;
        self.event(Kind::Feed { feed: "test".into(), state: FeedState::Up }).await;
    }

    /// Lets time pass until a snapshot is as said: what a command leads to is not in step with the tape.
    pub(crate) async fn until(
        &mut self,
        app: &App,
        what: &str,
        is_true: impl Fn(&SystemStatus) -> bool,
    ) -> Arc<SystemStatus> {
        for _ in 0..1000 {
            let status = app.fresh().await;
            if is_true(&status) {
                return status;
            }
            self.wait(Duration::from_secs(1)).await;
            self.settled(app).await;
        }
        panic!("never: {what}; {:#?}", app.fresh().await);
    }

    /// Returns when all that was fed is settled.
    pub(crate) async fn settled(&self, app: &App) {
        until(app, "all events are settled", |status| status.feed.events == self.sent).await;
    }
}

/// Returns a market of the shipped kind, without fees, that closes in an hour.
pub(crate) fn market(number: u8, opens_at: Timestamp) -> Market {
    Market {
        id: ConditionId::from_bytes([number; 32]),
        slug: format!("btc-updown-15m-{number}").into(),
        question: "Up or down?".into(),
        outcomes: ["Up".into(), "Down".into()],
        tokens: None,
        tick: TickSize::CENT,
        min_size: "5".parse().unwrap(),
        fees: FeeSchedule::FREE,
        opens_at,
        closes_at: opens_at + Duration::from_hours(1),
        strike_usd: None,
        event: None,
    }
}

/// Returns the book of an outcome with 1000 shares on both sides.
pub(crate) fn book(
    at: Timestamp,
    (market, outcome): (ConditionId, Outcome),
    bid: &str,
    ask: &str,
) -> Kind {
    let level =
        |price: &str| Level { price: price.parse().unwrap(), size: "1000".parse().unwrap() };
    let book = Arc::new(OrderBook::new(at, vec![level(bid)], vec![level(ask)]));
    Kind::Book { market, outcome, book }
}

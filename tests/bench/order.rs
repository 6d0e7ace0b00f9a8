//! What is committed before an order is sent: its row with what goes out, what its strategy remembers, and both beside
//! the store, with the row of the audit chain.

use actors::ports::Row;
use actors::ports::memory::MemoryRecord;
use ploy::fees::FeeSchedule;
use ploy::intent::{Intent, Purpose, TimeInForce};
use ploy::kernel::Order;
use ploy::market::{Market, Outcome, Side, TickSize};
use ploy::open_orders::OpenOrders;
use ploy::order::ClientOrderId;
use ploy::order_path::Outgoing;
use ploy::position::Portfolio;
use ploy::price::{Size, Usdc};
use ploy::risk::{
    Approved, Context, DayLimits, EntryLimits, GroupLimits, Groups, Limits, RiskGuard, SendLimits,
};
use sqlx::query;

use crate::fan_out::{at, market_id};
use crate::store::Raw;

/// How many characters a strategy remembers: those of the shipped strategies, with some orders open, are as many.
const BODY: usize = 1500;

const ORDER: &str = "insert into orders (run, seq, strategy, at, number, market, outcome, side, limit_price, size, \
     time_in_force, purpose, payload, hash, reserved_cash, reserved_shares) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
const MEMORY: &str = "insert into memories (run, strategy, at, start_number, incarnation, inputs, events, version, body) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
     on conflict (run, strategy) do update set at = excluded.at, inputs = excluded.inputs, body = excluded.body";
const AUDIT: &str = "insert into audit (number, at, event_at, run, fact_seq, strategy, actor, action, subject, \
     state_before, state_after, previous, hash) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

/// What the audit chain tells of such an order.
const TERMS: &str = r#"{"limit":"0.46","market":"0x01abababababababababababababababababababababababababababababababab","outcome":"yes","purpose":"entry","side":"buy","size":"10","time_in_force":"FAK"}"#;

/// Makes orders that a guard let pass.
pub(crate) struct Maker(Approved);

impl Maker {
    pub(crate) fn new() -> Self {
        let limit: Usdc = "1000".parse().expect("an amount");
        let mut guard = RiskGuard::new(Limits {
            market_exposure_max_usdc: limit,
            strategy_exposure_max_usdc: limit,
            open_orders_max: 1,
            order_rate_per_minute: 1,
            order_burst: 1,
            loss_streak_max: 1,
            loss_streak_cooldown: std::time::Duration::ZERO,
            drawdown_max_usdc: limit,
            entry: EntryLimits::PRESET,
            day: DayLimits { loss_max_usdc: limit, ..DayLimits::PRESET },
            sending: SendLimits::PRESET,
            groups: GroupLimits::PRESET,
            mark_grace: std::time::Duration::ZERO,
        });
        let market = market();
        let context = Context {
            now: at(0),
            market: Some(&market),
            tick: market.tick,
            book: None,
            portfolio: &Portfolio::default(),
            orders: &OpenOrders::default(),
            groups: &Groups::new(),
        };
        Self(guard.check(intent(&market), &context).expect("nothing is in its way"))
    }

    pub(crate) fn order(&self, number: u64) -> Outgoing {
        let id = ClientOrderId { strategy: "bench".parse().expect("an id"), number };
        Outgoing::new(Order::new(id, at(number), self.0), "bench")
    }

    /// Returns the rows that the executor commits before it sends an order.
    pub(crate) fn rows(&self, number: u64) -> Vec<Row> {
        vec![Row::Order(self.order(number)), Row::Memory(memory(number))]
    }
}

fn intent(market: &Market) -> Intent {
    Intent {
        market: market.id,
        outcome: Outcome::Yes,
        side: Side::Buy,
        limit: "0.46".parse().expect("a price"),
        size: "10".parse().expect("a size"),
        time_in_force: TimeInForce::Fak,
        purpose: Purpose::Entry,
    }
}

fn market() -> Market {
    Market {
        id: market_id(1),
        slug: "btc-updown-15m-1790586000".into(),
        question: "up or down?".into(),
        outcomes: ["Up".into(), "Down".into()],
        tokens: None,
        tick: TickSize::CENT,
        min_size: Size::ZERO,
        fees: FeeSchedule::FREE,
        opens_at: at(0),
        closes_at: at(u64::from(u32::MAX)),
        strike_usd: None,
        event: None,
    }
}

fn memory(number: u64) -> MemoryRecord {
    MemoryRecord {
        strategy: "bench".parse().expect("an id"),
        at: at(number),
        start: 1,
        incarnation: 1,
        inputs: number,
        events: number,
        version: 1,
        body: "m".repeat(BODY),
    }
}

/// Runs the three statements of a recorded order on a connection of either database.
macro_rules! recorded {
    ($conn:expr, $order:expr, $number:expr) => {{
        let (order, number) = ($order, $number);
        query(ORDER)
            .bind("bench")
            .bind(number)
            .bind("bench")
            .bind(order.at().micros())
            .bind(number)
            .bind(order.intent().market.to_string())
            .bind("yes")
            .bind("buy")
            .bind(460_000_i64)
            .bind(10_000_000_i64)
            .bind("FAK")
            .bind("entry")
            .bind(order.payload().as_str().to_owned())
            .bind(order.hash().to_string())
            .bind(4_600_000_i64)
            .bind(0_i64)
            .execute(&mut *$conn)
            .await
            .expect("it writes");
        query(MEMORY)
            .bind("bench")
            .bind("bench")
            .bind(order.at().micros())
            .bind(1_i64)
            .bind(1_i64)
            .bind(number)
            .bind(number)
            .bind(1_i64)
            .bind("m".repeat(BODY))
            .execute(&mut *$conn)
            .await
            .expect("it writes");
        query(AUDIT)
            .bind(number)
            .bind(order.at().micros())
            .bind(order.at().micros())
            .bind("bench")
            .bind(number)
            .bind("bench")
            .bind("bench")
            .bind("order")
            .bind(order.id().to_string())
            .bind(None::<String>)
            .bind(TERMS)
            .bind(order.hash().to_string())
            .bind(order.hash().to_string())
            .execute(&mut *$conn)
            .await
            .expect("it writes");
    }};
}

impl Raw {
    /// Writes what the store writes for an order and what its strategy remembers. The numbers are past those that the
    /// store gave its chain when it was made.
    pub(crate) async fn order(&mut self, order: &Outgoing) {
        let number = i64::try_from(order.id().number).expect("few rows") + 100;
        match self {
            Self::File(conn) => recorded!(conn, order, number),
            Self::Server(conn) => recorded!(conn, order, number),
        }
    }
}

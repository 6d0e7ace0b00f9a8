//! More than anybody can read: memory stays bounded, the newest book always arrives, own orders are never lost.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actors::app::App;
use actors::bus::Ticket;
use ploy::event::{Kind, MarketEvent};
use ploy::intent::TimeInForce;
use ploy::market::{ConditionId, Outcome};
use ploy::time::Timestamp;

use crate::stage::feeder::{book, market};
use crate::stage::script::{OnEvent, Seen, buy, script, yes_ask};
use crate::stage::service::{Stage, one, orders, stop, until};

const MARKETS: u8 = 10;
const TOKENS: usize = 20;
const BOOKS: u64 = 200_000;
const READERS: usize = 8;
/// How many orders each reader sends at most.
const ORDERS: u64 = 20;
/// Markets, order events and timers that may wait beside one book a token: each order tells of itself at most
/// four times (accepted, two fills, done).
const BESIDE: usize = 10 + 4 * 20 + 1;

/// Buys now and then; the slow one needs longer for a book than twenty new ones take to come.
fn reader(is_slow: bool) -> OnEvent {
    let (mut books, mut sent) = (0_u64, 0);
    Box::new(move |event, _, looks| {
        let Some((market, ask)) = yes_ask(event) else { return };
        books += 1;
        if books % 10 == 1 && sent < ORDERS {
            sent += 1;
            looks.push(buy(market, ask, TimeInForce::Fak));
        }
        if is_slow {
            // It burns its thread, as a strategy does whose mathematics are too heavy.
            let until = std::time::Instant::now() + Duration::from_millis(1);
            while std::time::Instant::now() < until {
                std::hint::spin_loop();
            }
        }
    })
}

fn now(number: u64) -> Timestamp {
    let begin: Timestamp = "2026-09-28T09:00:01Z".parse().unwrap();
    begin + Duration::from_millis(number / 20)
}

/// Publishes as a live feed does: nobody waits for anybody. Returns the most that ever waited for a reader.
async fn flood(app: &App) -> usize {
    for number in 1..=MARKETS {
        publish(app, now(0), Kind::Market(Arc::new(market(number, now(0)))));
    }
    let mut most = 0;
    for number in 0..BOOKS {
        let at = now(number);
        while let Some((due, alarm)) = app.clock.advance(at) {
            alarm(due, Ticket::none());
        }
        publish(app, at, book(at, token(number), "0.39", "0.40"));
        if number % 500 == 0 {
            most = most.max(app.bus.waiting().into_values().max().unwrap());
            tokio::task::yield_now().await;
        }
    }
    most
}

fn publish(app: &App, at: Timestamp, kind: Kind) {
    app.bus.publish(&MarketEvent { at, kind }, &Ticket::none());
}

fn token(number: u64) -> (ConditionId, Outcome) {
    let market = u8::try_from(number / 2 % u64::from(MARKETS)).unwrap() + 1;
    (ConditionId::from_bytes([market; 32]), Outcome::BOTH[usize::from(number % 2 == 1)])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_conflated_in_bounded_memory_and_own_order_events_all_arrive() {
    let seen: Vec<Arc<Seen>> = (0..READERS).map(|_| Arc::default()).collect();
    let stage = seen.iter().enumerate().fold(Stage::new(), |stage, (number, seen)| {
        let build = script(seen, move |_| reader(number == 0));
        stage.custom(&format!("reader-{number}"), build)
    });
    let (app, _feeder) = stage.fed().await;
    let most = flood(&app).await;
    assert!(most <= TOKENS + BESIDE, "{most} waited");

    // What was sent in the last moment arrives when time goes on.
    let late = now(BOOKS) + Duration::from_secs(10);
    let settled = until(&app, "all is read and every order is over", |status| {
        while let Some((due, alarm)) = app.clock.advance(late) {
            alarm(due, Ticket::none());
        }
        let empty = app.bus.waiting().into_values().all(|waiting| waiting == 0);
        empty && status.strategies.iter().all(|one| one.kernel.orders.open == 0)
    })
    .await;
    let newest: Vec<_> = (BOOKS - 20..BOOKS).map(|number| (token(number), now(number))).collect();
    for (number, seen) in seen.iter().enumerate() {
        let name = format!("reader-{number}");
        let kernel = &one(&settled, &name).kernel;
        let read = seen.books.load(Ordering::SeqCst);
        assert_eq!(read + kernel.conflated, BOOKS, "{name}: read and conflated");
        assert_eq!(*seen.newest.lock().unwrap(), newest.iter().copied().collect(), "{name}");
        let sent = orders(&app, &name).await;
        assert_eq!(u64::try_from(sent.len()).unwrap(), kernel.orders.submitted);
        assert!(0 < kernel.orders.submitted, "{name} sent nothing");
        assert_eq!(seen.done.load(Ordering::SeqCst), kernel.orders.submitted, "{name}: ends");
        assert_eq!(seen.fills.load(Ordering::SeqCst), kernel.fills, "{name}: fills");
        assert_eq!(kernel.orders.accepted, kernel.orders.submitted, "{name}: answers");
    }
    assert!(0 < one(&settled, "reader-0").kernel.conflated, "the slow one kept up: no flood");
    stop(app).await;
}

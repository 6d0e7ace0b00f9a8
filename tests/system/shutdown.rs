//! The end of strategies and of the service: nothing is sent after it is said, and no fact is lost.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actors::app::WrapVenue;
use actors::bus::Ticket;
use actors::ports::{News, Venue, Windows};
use ploy::command::Action;
use ploy::market::ConditionId;
use ploy::order::{ClientOrderId, DoneCause, Fill, Liquidity, OrderEvent, Submission, Update};
use ploy::order_path::{Lookup, OrderKey, Outgoing};
use ploy::price::{Size, Usdc};
use tokio::sync::mpsc;

use crate::stage::feeder::Feeder;
use crate::stage::script::{buyer, script};
use crate::stage::service::{Stage, command, phase, stop};
use crate::stage::{folder, rows};

/// What a venue was told and what it told, in this order.
#[derive(Debug, Default)]
struct Told {
    sent: Vec<ClientOrderId>,
    /// Every event, as its row says it: the strategy, the order's number, what happened.
    events: BTreeSet<(String, i64, String)>,
    /// Orders that rest.
    resting: Vec<Outgoing>,
}

/// A venue that fills at once, or lets all orders rest and answers no cancel.
struct Fake {
    told: Arc<Mutex<Told>>,
    rests: Arc<AtomicBool>,
    tell: mpsc::UnboundedSender<(News, Ticket)>,
}

impl Fake {
    fn say(&self, order: &Outgoing, update: Update, ticket: &Ticket) {
        let kind = match &update {
            Update::Submitted(_) => "accepted",
            Update::Filled(_) => "filled",
            Update::Done { .. } => "done",
        };
        let id = order.id().clone();
        let number = i64::try_from(id.number).unwrap();
        let event = (id.strategy.to_string(), number, kind.to_owned());
        self.told.lock().unwrap().events.insert(event);
        let event = OrderEvent { at: order.at(), order: id, update };
        drop(self.tell.send((event.into(), ticket.clone())));
    }
}

impl Venue for Fake {
    fn submit(&self, order: Outgoing, ticket: Ticket) {
        self.told.lock().unwrap().sent.push(order.id().clone());
        self.say(&order, Update::Submitted(Submission::Accepted), &ticket);
        if self.rests.load(Ordering::SeqCst) {
            self.told.lock().unwrap().resting.push(order);
            return;
        }
        let intent = *order.intent();
        let fill = Fill {
            order: order.id().clone(),
            number: 1,
            at: order.at(),
            market: intent.market,
            outcome: intent.outcome,
            side: intent.side,
            price: intent.limit,
            size: intent.size,
            fee: Usdc::ZERO,
            liquidity: Liquidity::Taker,
        };
        self.say(&order, Update::Filled(fill), &ticket);
        let done = Update::Done { unfilled: Size::ZERO, cause: DoneCause::Filled };
        self.say(&order, done, &ticket);
    }

    fn cancel(&self, _: OrderKey, _: Ticket) {}

    fn lookup(&self, _: Lookup, _: Ticket) {}

    fn windows(&self) -> Windows {
        Windows { answer: None, admission: Duration::ZERO }
    }

    fn health(&self) -> Result<(), String> {
        Ok(())
    }
}

/// Returns a fake venue in the place of the paper one, what it is told, and the switch that lets its orders rest.
fn fake() -> (WrapVenue, Arc<Mutex<Told>>, Arc<AtomicBool>) {
    let (told, rests) = (Arc::<Mutex<Told>>::default(), Arc::new(AtomicBool::new(false)));
    let (shared, switch) = (Arc::clone(&told), Arc::clone(&rests));
    let wrap: WrapVenue = Box::new(move |_, events| {
        let (tell, mut news) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(told) = news.recv().await {
                if events.send(told).await.is_err() {
                    return;
                }
            }
        });
        Arc::new(Fake { told: shared, rests: switch, tell })
    });
    (wrap, told, rests)
}

/// Shows so many books at which every buyer buys.
async fn flood(feeder: &mut Feeder, market: ConditionId, books: u32) {
    for _ in 0..books {
        feeder.book(market, "0.39", "0.40").await;
    }
}

/// Waits until so many orders were sent.
async fn sent(told: &Mutex<Told>, least: usize) {
    while told.lock().unwrap().sent.len() < least {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn buyers(names: &[&str], wrap: WrapVenue) -> Stage {
    let with = |stage: Stage, name: &&str| stage.custom(name, script(&Arc::default(), |_| buyer()));
    names.iter().fold(Stage::new().venue(wrap), with)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_after_the_service_has_stopped_and_every_fact_told_before_is_stored() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let (wrap, told, _) = fake();
    let (app, mut feeder) = buyers(&["a", "b", "c"], wrap).store(&store).fed().await;
    let market = feeder.market(1).await;
    let flooding = tokio::spawn(async move {
        flood(&mut feeder, market, 500).await;
        feeder
    });
    sent(&told, 60).await;
    app.stop(Duration::from_secs(20)).await.unwrap();
    let at_end = told.lock().unwrap().sent.len();
    flooding.abort();
    drop(flooding.await);
    tokio::task::yield_now().await;
    let stored: Vec<(String, i64, String)> =
        rows(&store, "select strategy, number, kind from order_events").await;
    let told = told.lock().unwrap();
    assert_eq!(told.sent.len(), at_end, "nothing is sent after the end");
    let stored: BTreeSet<_> = stored.into_iter().collect();
    let lost: Vec<_> = told.events.difference(&stored).collect();
    assert!(lost.is_empty(), "{} lost: {lost:?}", lost.len());
    assert!(180 <= told.events.len(), "there was something to lose");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_strategy_is_sent_after_it_is_said_to_be_stopped() {
    let (wrap, told, _) = fake();
    let (app, mut feeder) = buyers(&["one", "other"], wrap).fed().await;
    let market = feeder.market(1).await;
    let of_one = |told: &Mutex<Told>| {
        told.lock().unwrap().sent.iter().filter(|id| id.strategy.as_str() == "one").count()
    };
    let flooding = tokio::spawn(async move {
        flood(&mut feeder, market, 400).await;
        feeder
    });
    sent(&told, 40).await;
    command(&app, "one", Action::Stop).await.unwrap();
    phase(&app, "one", "stopped").await;
    let at_end = of_one(&told);
    let all = told.lock().unwrap().sent.len();
    let feeder = flooding.await.unwrap();
    feeder.settled(&app).await;
    assert_eq!(of_one(&told), at_end, "nothing of it is sent any more");
    assert!(all < told.lock().unwrap().sent.len(), "the other trades on");
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_whose_deadline_is_missed_sends_nothing_more_and_keeps_what_was_told() {
    let folder = folder();
    let store = folder.path().join("ploy.db");
    let (wrap, told, rests) = fake();
    let (app, mut feeder) = buyers(&["a"], wrap).store(&store).fed().await;
    let market = feeder.market(1).await;
    rests.store(true, Ordering::SeqCst);
    flood(&mut feeder, market, 5).await;
    feeder.settled(&app).await;
    let before = told.lock().unwrap().sent.len();
    let late = app.stop(Duration::from_secs(1)).await.unwrap_err();
    assert!(late.contains("strategies did not end within 1 s"), "{late}");
    let stored: Vec<(String, i64, String)> =
        rows(&store, "select strategy, number, kind from order_events").await;
    let told = told.lock().unwrap();
    assert_eq!((told.sent.len(), told.resting.len()), (before, before));
    assert_eq!(stored.into_iter().collect::<BTreeSet<_>>(), told.events);
    assert!(!told.events.is_empty());
}

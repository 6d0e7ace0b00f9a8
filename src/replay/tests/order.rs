//! In which order things happen.

use super::*;

const A: ConditionId = MARKETS[0];
const YES: Outcome = Outcome::Yes;

/// A strategy that buys on the first book it sees, or never, and writes down what it is told.
#[derive(Debug)]
struct Clerk {
    name: &'static str,
    subscription: Subscription,
    wants: Option<Intent>,
    timer: Option<Timestamp>,
    diary: Arc<Mutex<Vec<String>>>,
}

impl Clerk {
    fn note(&self, what: &str, view: &View<'_>) {
        let at = view.now.micros() / 1000;
        self.diary.lock().unwrap().push(format!("{} {at}: {what}", self.name));
    }
}

impl Strategy for Clerk {
    fn subscription(&self) -> &Subscription {
        &self.subscription
    }

    fn on_event(&mut self, event: &MarketEvent, view: &View<'_>, looks: &mut Vec<Look>) {
        if matches!(event.kind, Kind::Book { .. }) {
            self.note("book", view);
            let numbers = crate::numbers::Numbers::none();
            looks.extend(self.wants.take().map(|intent| Look::intent(intent, numbers)));
        }
    }

    fn on_fill(&mut self, fill: &Fill, view: &View<'_>, _looks: &mut Vec<Look>) {
        self.note(&format!("fill of {}", fill.size), view);
    }

    fn on_done(&mut self, order: &OpenOrder, view: &View<'_>, _looks: &mut Vec<Look>) {
        self.note(&format!("end with {} left", order.remaining()), view);
    }

    fn on_timer(&mut self, view: &View<'_>, _looks: &mut Vec<Look>) {
        self.note("timer", view);
        self.timer = None;
    }

    fn on_settled(&mut self, _market: ConditionId) {}

    fn next_timer(&self) -> Option<Timestamp> {
        self.timer
    }

    fn save(&self) -> Saved {
        Saved::Nothing
    }
}

/// Plays events to clerks `a`, who buys ten shares at 0.5, and `b`, who buys nothing; their timers are due at
/// these milliseconds. Returns the diary of both.
fn check(kind: TimeInForce, timers: [Option<i64>; 2], events: &[MarketEvent]) -> Vec<String> {
    let diary = Arc::<Mutex<Vec<String>>>::default();
    let kernels = ["a", "b"].into_iter().zip(timers).map(|(name, timer)| {
        let clerk = Clerk {
            name,
            subscription: Subscription { slug_prefixes: vec!["m".into()], symbols: Vec::new() },
            wants: (name == "a").then_some(Intent {
                market: A,
                outcome: YES,
                side: Side::Buy,
                limit: price(50),
                size: size(10),
                time_in_force: kind,
                purpose: Purpose::Entry,
            }),
            timer: timer.map(millis),
            diary: Arc::clone(&diary),
        };
        Kernel::new(name.parse().unwrap(), Box::new(clerk), limits(), Memory::default())
    });
    let mut replay = Replay::new(kernels, PaperVenue::new(LATENCY));
    replay.play(&market(A), &mut |_, _| {}).unwrap();
    events.iter().for_each(|event| replay.play(event, &mut |_, _| {}).unwrap());
    replay.finish(&mut |_, _| {}).unwrap();
    std::mem::take(&mut *diary.lock().unwrap())
}

fn ask(at: i64, cents: i64, shares: i64) -> MarketEvent {
    book(millis(at), (A, YES), (10, 100), (cents, shares))
}

#[test]
fn what_is_due_between_two_events_happens_in_the_order_of_time() {
    let told =
        check(TimeInForce::Fak, [Some(1100), Some(1900)], &[ask(1000, 50, 7), ask(2000, 50, 9)]);
    let expected = [
        "a 1000: book",
        "b 1000: book",
        "a 1100: timer",
        "a 1250: fill of 7",
        "a 1250: end with 3 left",
        "b 1900: timer",
        "a 2000: book",
        "b 2000: book",
    ];
    assert_eq!(told, expected);
}

#[test]
fn at_one_instant_the_venue_comes_first_then_timers_then_the_event() {
    let told = check(TimeInForce::Fak, [None, Some(1250)], &[ask(1000, 50, 7), ask(1250, 40, 9)]);
    let expected = [
        "a 1000: book",
        "b 1000: book",
        "a 1250: fill of 7",
        "a 1250: end with 3 left",
        "b 1250: timer",
        "a 1250: book",
        "b 1250: book",
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_strategy_sees_an_event_before_what_the_venue_makes_of_it() {
    let told = check(TimeInForce::Gtc, [None, None], &[ask(1000, 60, 7), ask(2000, 45, 10)]);
    let expected = [
        "a 1000: book",
        "b 1000: book",
        "a 2000: book",
        "b 2000: book",
        "a 2000: fill of 10",
        "a 2000: end with 0 left",
    ];
    assert_eq!(told, expected);
}

#[test]
fn after_the_last_event_orders_arrive_and_timers_of_one_minute_ring() {
    let told = check(TimeInForce::Fak, [Some(61_000), Some(61_001)], &[ask(1000, 60, 7)]);
    let expected = ["a 1000: book", "b 1000: book", "a 1250: end with 10 left", "a 61000: timer"];
    assert_eq!(told, expected);
}

#[test]
fn a_settlement_reaches_the_strategy_and_its_resting_order_ends() {
    let kind = Kind::Resolved { market: A, payouts: [usdc("1"), usdc("0")] };
    let settled = MarketEvent { at: millis(2000), kind };
    let told = check(TimeInForce::Gtc, [None, None], &[ask(1000, 60, 7), settled]);
    assert_eq!(told[2..], ["a 2000: end with 10 left"]);
}

#[test]
fn a_timer_is_not_rung_at_an_instant_at_which_its_strategy_was_told_something_else() {
    let told = check(TimeInForce::Fak, [Some(1250), None], &[ask(1000, 50, 7)]);
    let expected = ["a 1000: book", "b 1000: book", "a 1250: fill of 7", "a 1250: end with 3 left"];
    assert_eq!(told, expected);
}

#[test]
fn the_next_incarnation_takes_the_place_of_the_present_one() {
    let diary = Arc::<Mutex<Vec<String>>>::default();
    let kernel = |name, memory| {
        let subscription = Subscription { slug_prefixes: vec!["m".into()], symbols: Vec::new() };
        let (wants, timer, diary) = (None, None, Arc::clone(&diary));
        let clerk = Clerk { name, subscription, wants, timer, diary };
        Kernel::new("a".parse().unwrap(), Box::new(clerk), limits(), memory)
    };
    let venue = PaperVenue::new(LATENCY);
    let mut replay = Replay::new([kernel("first", Memory::default())], venue);
    replay.play(&market(A), &mut |_, _| {}).unwrap();
    replay.play(&ask(1000, 50, 7), &mut |_, _| {}).unwrap();
    let memory = replay.kernels().values().next().unwrap().memory();
    replay.restart(kernel("second", memory));
    for event in [market(A), ask(2000, 50, 7)] {
        replay.play(&event, &mut |_, _| {}).unwrap();
    }
    assert_eq!(*diary.lock().unwrap(), ["first 1000: book", "second 2000: book"]);
    assert_eq!(replay.kernels().len(), 1);
}

//! What outlives the process, and what of all that was told is news to whoever goes on with it.

use std::collections::BTreeSet;

use super::*;

/// Returns what outlives a desk, after it was written and read.
fn outlived(desk: &Desk) -> Lasting {
    let text = serde_json::to_string(&desk.kernel.lasting("v")).unwrap();
    let lasting: Lasting = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&lasting).unwrap(), text);
    lasting
}

/// Returns the desk that goes on from what outlived another, told these fills of the past.
fn after(lasting: Lasting, fills: &[Fill]) -> Desk {
    let mut desk = Desk::new();
    let (slug_prefixes, symbols) = (vec!["btc-".to_owned()], vec!["BTC".into()]);
    let subscription = Subscription { slug_prefixes, symbols };
    let puppet = Puppet { subscription, hands: Arc::clone(&desk.hands) };
    let id = "a".parse().unwrap();
    desk.kernel = Kernel::outlived(id, Box::new(puppet), limits(), lasting).unwrap();
    fills.iter().for_each(|fill| desk.kernel.rebook_fill(fill).unwrap());
    desk
}

fn told(number: u64, update: Update) -> OrderEvent {
    let order = ClientOrderId { strategy: "a".parse().unwrap(), number };
    OrderEvent { at: Timestamp::from_millis(1_000_000), order, update }
}

fn partial(number: u64, text: &str) -> Fill {
    let open = intent(A, "entry 10 yes at 0.4");
    super::fill(number, &open, text, Timestamp::from_millis(1_000_000))
}

fn words(news: &[OrderEvent]) -> Vec<String> {
    let word = |event: &OrderEvent| match &event.update {
        Update::Submitted(Submission::Accepted) => "accepted".to_owned(),
        Update::Submitted(Submission::Rejected { reason, .. }) => reason.clone(),
        Update::Submitted(Submission::Unknown) => "unknown".to_owned(),
        Update::Filled(fill) => format!("fill {} of {}", fill.number, fill.size),
        Update::Done { unfilled, .. } => format!("done, {unfilled} left"),
    };
    news.iter().map(|event| format!("{}: {}", event.order.number, word(event))).collect()
}

/// An order that was accepted and partly filled, and all that is told of it by the end.
fn partly() -> (Desk, Vec<OrderEvent>) {
    let mut desk = Desk::new();
    desk.want("entry 10 yes at 0.4");
    desk.submission(1, Submission::Accepted);
    desk.fill(1, "1: 4 at 0.4").unwrap();
    let done = Update::Done { unfilled: size("3"), cause: DoneCause::Absent };
    let all = vec![
        told(1, Update::Submitted(Submission::Accepted)),
        told(1, Update::Filled(partial(1, "1: 4 at 0.4"))),
        told(1, Update::Filled(partial(1, "2: 3 at 0.4"))),
        told(1, done),
    ];
    (desk, all)
}

#[test]
fn what_was_told_before_is_no_news_and_what_came_since_is() {
    let (desk, all) = partly();
    let lasting = outlived(&desk);
    assert_eq!(lasting.open_from(), Some(1));
    let news = lasting.news(&BTreeSet::from([1]), &all);
    assert_eq!(words(&news), ["1: fill 2 of 3", "1: done, 3 left"]);
}

#[test]
fn an_order_that_was_answered_and_not_yet_heard_of_is_heard_of() {
    let mut desk = Desk::new();
    desk.want("entry 10 yes at 0.4");
    let (_, all) = partly();
    let news = outlived(&desk).news(&BTreeSet::from([1]), &all);
    assert_eq!(
        words(&news),
        ["1: accepted", "1: fill 1 of 4", "1: fill 2 of 3", "1: done, 3 left"]
    );
}

#[test]
fn an_order_that_was_never_stored_was_not_sent() {
    let mut desk = Desk::new();
    desk.want("entry 10 yes at 0.4");
    desk.want_in(B, "entry 10 yes at 0.4");
    let news = outlived(&desk).news(&BTreeSet::from([1]), &[]);
    assert_eq!(words(&news), ["2: not sent: the process ended before it was stored"]);
}

#[test]
fn whoever_goes_on_counts_holds_and_numbers_on() {
    let (desk, all) = partly();
    let lasting = outlived(&desk);
    let news = lasting.news(&BTreeSet::from([1]), &all);
    let mut next = after(lasting, &[partial(1, "1: 4 at 0.4")]);
    assert_eq!(next.kernel.digest(), desk.kernel.digest());
    let (was, is) = (desk.kernel.status(), next.kernel.status());
    assert_eq!((was.pnl, was.fills, was.orders), (is.pnl, is.fills, is.orders));
    assert_eq!((was.risk, was.positions[0].size), (is.risk, is.positions[0].size));
    for event in news {
        next.give(&Input::Order(event)).unwrap();
    }
    assert_eq!(next.told(), ["fill of a:1, 7 held", "end with 3 left, 0 open"]);
    assert_eq!((next.cash().as_str(), next.kernel.status().fills), ("-2.8", 2));
    for (id, slug) in [(A, "btc-a"), (B, "btc-b")] {
        next.tell(Kind::Market(Arc::new(market(id, slug))));
    }
    assert_eq!(next.want_in(B, "entry 10 yes at 0.4"), ["submit 2", "2 order 2"]);
}

#[test]
fn what_is_shown_is_known_and_nothing_is_decided_on_it() {
    let (desk, _) = partly();
    let mut next = after(outlived(&desk), &[partial(1, "1: 4 at 0.4")]);
    let look = Look::intent(intent(A, "entry 10 yes at 0.4"), Numbers::none());
    next.hands.lock().unwrap().wishes.push(look);
    let event = |kind| MarketEvent { at: desk.now, kind };
    let level = |price: &str| Level { price: price.parse().unwrap(), size: size("1000") };
    let book = Arc::new(OrderBook::new(desk.now, vec![level("0.5")], vec![level("0.6")]));
    let known = [
        event(Kind::Market(Arc::new(market(A, "btc-a")))),
        event(Kind::Book { market: A, outcome: YES, book }),
        event(Kind::Market(Arc::new(market(B, "eth-b")))),
    ];
    next.kernel.show(&known);
    assert_eq!(next.told(), ["market"], "it is shown no book, and no market that it does not want");
    assert_eq!(next.kernel.digest(), desk.kernel.digest());
    assert_eq!(next.kernel.portfolio().equity(), usdc("0.4"), "4 shares at 0.5, bought for 1.6");
    assert!(next.kernel.market(A).unwrap().book(YES).is_some());
    assert!(next.kernel.market(B).is_none());
}

#[test]
fn what_contradicts_itself_is_refused() {
    let (desk, _) = partly();
    let puppet = || Puppet { subscription: Subscription::default(), hands: Arc::default() };
    let other =
        Kernel::outlived("b".parse().unwrap(), Box::new(puppet()), limits(), outlived(&desk));
    assert_eq!(other.unwrap_err().to_string(), "the checkpoint is of a, not of b");
    let text = serde_json::to_string(&desk.kernel.lasting("v")).unwrap();
    let last = text.replace("\"last_order\":1", "\"last_order\":0");
    assert_ne!(last, text);
    let lasting: Lasting = serde_json::from_str(&last).unwrap();
    let stray = Kernel::outlived("a".parse().unwrap(), Box::new(puppet()), limits(), lasting);
    assert!(stray.unwrap_err().to_string().contains("an open order 1, and the last one was 0"));
    let more = text.replacen('{', "{\"more\":1,", 1);
    assert!(serde_json::from_str::<Lasting>(&more).is_err());
}

#[test]
fn what_was_told_before_other_settings_were_taken_over_is_no_news_after_it() {
    let (desk, all) = partly();
    let puppet = Puppet { subscription: Subscription::default(), hands: Arc::default() };
    let id = "a".parse().unwrap();
    let next = Kernel::resume(id, Box::new(puppet), limits(), desk.kernel.checkpoint()).unwrap();
    let news = next.lasting("w").news(&BTreeSet::from([1]), &all);
    assert_eq!(words(&news), ["1: fill 2 of 3", "1: done, 3 left"]);
}

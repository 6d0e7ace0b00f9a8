//! Orders and fills.

use super::*;

#[test]
fn an_approved_intent_is_numbered_handed_on_and_outstanding() {
    let mut desk = Desk::new();
    assert_eq!(desk.want("entry 10 yes at 0.4"), ["submit 1", "1 order 1"]);
    assert_eq!(desk.want_in(B, "entry 10 yes at 0.4"), ["submit 2", "2 order 2"]);
    let open: Vec<_> = desk.kernel.orders().iter().map(|(n, order)| (n, order.intent)).collect();
    let text = "entry 10 yes at 0.4";
    assert_eq!(open, [(1, intent(A, text)), (2, intent(B, text))]);
    assert_eq!(desk.want_in(B, "entry 10 no at 0.4"), ["3 refused open_orders"]);
}

#[test]
fn an_open_order_ties_up_its_fee_too() {
    let mut desk = Desk::new();
    let fees = FeeSchedule::new(usdc("0.07"), 1).unwrap();
    let dear = ConditionId::from_bytes([3; 32]);
    desk.tell(Kind::Market(Arc::new(Market { fees, ..market(dear, "btc-c") })));
    desk.want_in(dear, "entry 10 yes at 0.5");
    assert_eq!(desk.kernel.orders().reserved(dear), usdc("5.175"));
}

#[test]
fn one_order_a_leg_is_outstanding_at_most() {
    let mut desk = Desk::new();
    desk.want("entry 10 yes at 0.4");
    assert_eq!(desk.want("entry 10 yes at 0.4"), ["2 refused one_order_per_leg"]);
    desk.done(1, "10");
    assert_eq!(desk.want("entry 10 yes at 0.4"), ["submit 2", "3 order 2"]);
}

#[test]
fn a_fill_moves_the_portfolio_before_the_strategy_is_told() {
    let mut desk = Desk::new();
    desk.want("entry 10 yes at 0.4");
    desk.told();
    desk.fill(1, "1: 4 at 0.39").unwrap();
    desk.fill(1, "2: 6 at 0.4").unwrap();
    assert_eq!(desk.told(), ["fill of a:1, 4 held", "fill of a:1, 10 held"]);
    assert_eq!(desk.cash(), "-3.96");
    assert_eq!(desk.done(1, "0"), NOTHING);
    assert_eq!(desk.told(), ["end with 0 left, 0 open"]);
}

#[test]
fn a_fill_told_twice_counts_once() {
    let mut desk = Desk::new();
    desk.want("entry 10 yes at 0.4");
    desk.fill(1, "1: 4 at 0.4").unwrap();
    desk.told();
    assert_eq!(desk.fill(1, "1: 4 at 0.4"), Ok(NOTHING));
    assert_eq!(desk.told(), NOTHING);
    let order = *desk.kernel.orders().iter().next().unwrap().1;
    assert_eq!((order.filled, desk.cash().as_str()), (size("4"), "-1.6"));
    assert_eq!(desk.kernel.status().fills, 1);
}

#[test]
fn a_fill_of_an_order_that_is_not_open_breaks_the_books() {
    let mut desk = Desk::new();
    let stray = |number| format!("a fill of a:{number}, which is not open");
    assert_eq!(desk.fill(7, "1: 4 at 0.4").unwrap_err().to_string(), stray(7));
    desk.want("entry 10 yes at 0.4");
    desk.done(1, "10");
    assert_eq!(desk.fill(1, "1: 4 at 0.4").unwrap_err().to_string(), stray(1));
}

#[test]
fn a_sale_of_more_than_is_held_breaks_the_books() {
    let mut desk = Desk::new();
    desk.trade(A, "entry 10 yes at 0.4");
    desk.want("exit 10 yes at 0.3");
    assert!(matches!(desk.fill(2, "1: 10.01 at 0.3"), Err(Broken::Oversold(_))));
}

#[test]
fn an_accepted_order_stays_open_and_a_refused_one_is_over() {
    let mut desk = Desk::new();
    desk.want("entry 10 yes at 0.4");
    desk.told();
    assert_eq!(desk.submission(1, Submission::Accepted), NOTHING);
    assert_eq!((desk.told(), desk.kernel.orders().len()), (NOTHING, 1));
    desk.done(1, "10");
    desk.want("entry 10 yes at 0.4");
    desk.told();
    desk.submission(2, Submission::Rejected { reason: "no".into(), origin: Origin::Order });
    assert_eq!(desk.told(), ["end with 10 left, 0 open"]);
}

#[test]
fn an_order_whose_answer_was_lost_blocks_its_leg_until_it_is_found() {
    let mut desk = Desk::new();
    desk.want("entry 10 yes at 0.4");
    desk.told();
    desk.submission(1, Submission::Unknown);
    assert_eq!(desk.told(), NOTHING);
    assert!(desk.kernel.orders().iter().all(|(_, order)| order.unknown));
    assert_eq!(desk.want("entry 10 yes at 0.4"), ["2 refused one_order_per_leg"]);
    // It was there after all.
    desk.submission(1, Submission::Accepted);
    assert!(desk.kernel.orders().iter().all(|(_, order)| !order.unknown));
    desk.fill(1, "1: 10 at 0.4").unwrap();
    desk.done(1, "0");
    assert_eq!(desk.want("entry 10 yes at 0.4"), ["submit 2", "3 order 2"]);
    // This one was not.
    desk.submission(2, Submission::Unknown);
    desk.submission(2, Submission::Rejected { reason: "not found".into(), origin: Origin::Order });
    assert!(desk.kernel.orders().is_empty());
}

#[test]
fn news_of_an_order_that_is_over_is_no_news() {
    let mut desk = Desk::new();
    desk.want("entry 10 yes at 0.4");
    desk.done(1, "10");
    desk.told();
    assert_eq!(desk.done(1, "10"), NOTHING);
    assert_eq!(
        desk.submission(1, Submission::Rejected { reason: "late".into(), origin: Origin::Order }),
        NOTHING
    );
    assert_eq!(desk.told(), NOTHING);
    let orders = desk.kernel.status().orders;
    assert_eq!((orders.filled, orders.unfilled), (0, 1));
}

#[test]
fn an_exit_of_more_than_is_held_is_not_sent() {
    let mut desk = Desk::new();
    desk.trade(A, "entry 10 yes at 0.4");
    assert_eq!(desk.want("exit 10.01 yes at 0.3"), ["2 refused holdings"]);
    assert_eq!(desk.want("hedge 10.01 no at 0.5"), ["3 refused holdings again"]);
    assert_eq!(desk.want("hedge 10 no at 0.5"), ["submit 2", "4 order 2"]);
}

/// Gives an input, returns what triggered each decision and how its order fared with the guard.
fn grounds(desk: &mut Desk, input: &Input) -> Vec<(Trigger, Option<String>)> {
    let mut effects = Vec::new();
    desk.kernel.handle(input, &mut effects).unwrap();
    let of = |effect| match effect {
        Effect::Decided { decision, risk, .. } => {
            let answer = risk.map(|risk| {
                let rejection = risk.rejection().map(|no| no.rule.name());
                format!("{} asked, refused by {rejection:?}", risk.checks.len())
            });
            Some((decision.trigger, answer))
        }
        Effect::Submit(_)
        | Effect::Settled { .. }
        | Effect::Tripped(_)
        | Effect::HalfOpen(_)
        | Effect::Released(_) => None,
    };
    effects.into_iter().filter_map(of).collect()
}

#[test]
fn a_decision_knows_what_moved_the_kernel_and_when_that_was() {
    let mut desk = Desk::new();
    let (now, late) = (desk.now, desk.now - Duration::from_secs(2));
    let news = MarketEvent { at: late, kind: Kind::Gap { missed: 1 } };
    desk.hands.lock().unwrap().wishes.push(Look::no(A, Reason::NoEdge, Numbers::none()));
    let told = grounds(&mut desk, &Input::Market(news));
    assert_eq!(told, [(Trigger { cause: Cause::Gap, at: late }, None)]);

    desk.want("entry 10 yes at 0.4");
    desk.hands.lock().unwrap().wishes.push(Look::no(A, Reason::NoEdge, Numbers::none()));
    let order = ClientOrderId { strategy: "a".parse().unwrap(), number: 1 };
    let update = Update::Done { unfilled: size("10"), cause: DoneCause::Unmatched };
    let told = grounds(&mut desk, &Input::Order(OrderEvent { at: now, order, update }));
    let ended = Trigger { cause: Cause::OrderEnded { order: 1 }, at: now };
    assert_eq!(told, [(ended, None)]);

    desk.hands.lock().unwrap().wishes.push(Look::no(A, Reason::NoEdge, Numbers::none()));
    let told = grounds(&mut desk, &Input::Timer(now));
    assert_eq!(told, [(Trigger { cause: Cause::Timer, at: now }, None)]);
}

#[test]
fn an_approval_and_a_first_refusal_are_told_in_full_and_a_repeated_one_is_not() {
    let mut desk = Desk::new();
    let mut want = |text: &str| {
        let look = Look::intent(intent(A, text), Numbers::none());
        desk.hands.lock().unwrap().wishes.push(look);
        let event = MarketEvent { at: desk.now, kind: Kind::Gap { missed: 1 } };
        grounds(&mut desk, &Input::Market(event)).remove(0).1
    };
    let no = Some("24 asked, refused by Some(\"market_exposure\")".to_owned());
    assert_eq!(want("entry 200 yes at 0.4"), no);
    assert_eq!(want("entry 200 yes at 0.4"), None);
    assert_eq!(want("entry 10 yes at 0.4"), Some("24 asked, refused by None".to_owned()));
    let no = Some("24 asked, refused by Some(\"one_order_per_leg\")".to_owned());
    assert_eq!(want("entry 10 yes at 0.4"), no);
}

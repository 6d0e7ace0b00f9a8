//! What the account takes over from an earlier process: what it saw of markets, was told of orders, and settled.

use super::*;

#[test]
fn what_an_earlier_process_saw_of_markets_is_known_and_trips_nothing() {
    let day = DayLimits { loss_max_usdc: usdc("10"), ..DayLimits::PRESET };
    let mut account = AccountGuard::new(AccountLimits { day, ..wide() });
    filled(&mut account, "a:1", "entry buy 100 yes at 0.40 fak in 1");
    let market = ConditionId::from_bytes([1; 32]);
    let level = Level { price: "0.10".parse().unwrap(), size: Size::THOUSAND };
    let book = Arc::new(OrderBook::new(second(1), vec![level], Vec::new()));
    let kinds = [announced(1), announced(2), Kind::Book { market, outcome: Outcome::Yes, book }];
    for kind in kinds {
        account.recall_event(&MarketEvent { at: second(1), kind });
    }
    assert_eq!((account.equity(), turns(&mut account)), (usdc("-30"), Vec::new()));
    assert_eq!(ask_at(&account, "a:2", "exit sell 10 yes at 0.10 fak in 1", 1), Ok(()));
    assert_eq!(
        ask_at(&account, "a:2", "entry buy 10 yes at 0.10 fak in 2", 1),
        no("daily_loss 30 of 10")
    );
    account.recall_event(&MarketEvent {
        at: second(2),
        kind: Kind::Resolved { market, payouts: [usdc("1"), Usdc::ZERO] },
    });
    assert_eq!(account.equity(), usdc("60"));
    assert_eq!(
        ask_at(&account, "a:2", "exit sell 10 yes at 0.10 fak in 1", 2),
        no("unknown_market 0 of 0")
    );
}

#[test]
fn what_an_earlier_process_was_told_of_orders_is_held_and_ties_up_what_is_left() {
    let mut account = account(wide());
    account.reserve(&id("a:1"), order("entry buy 100 yes at 0.40 gtc in 1"));
    let fill = Fill {
        number: 1,
        order: id("a:1"),
        market: ConditionId::from_bytes([1; 32]),
        outcome: Outcome::Yes,
        side: Side::Buy,
        price: "0.40".parse().unwrap(),
        size: "60".parse().unwrap(),
        fee: Usdc::ZERO,
        liquidity: Liquidity::Taker,
        at: NOW,
    };
    let event = |update| OrderEvent { at: NOW, order: id("a:1"), update };
    account.recall(&event(Update::Filled(fill))).unwrap();
    assert_eq!(used(&account, AccountRule::OpenNotional), "16 of 100000, 99984 left");
    assert_eq!(used(&account, AccountRule::GrossExposure), "40 of 100000, 99960 left");
    let done = Update::Done { unfilled: "40".parse().unwrap(), cause: DoneCause::Cancelled };
    account.recall(&event(done)).unwrap();
    assert_eq!(used(&account, AccountRule::GrossExposure), "24 of 100000, 99976 left");
}

#[test]
fn an_order_of_an_earlier_process_ties_up_its_fee_once_its_market_is_known() {
    let mut account = AccountGuard::new(wide());
    account.reserve(&id("a:1"), order("entry buy 100 yes at 0.50 gtc in 7"));
    account.reserve(&id("a:2"), order("entry buy 40 yes at 0.50 gtc in 8"));
    let rule = AccountRule::OpenNotional;
    assert_eq!(used(&account, rule), "70 of 100000, 99930 left");
    observed(&mut account, 0, announced(8));
    assert_eq!(used(&account, rule), "70 of 100000, 99930 left");
    observed(&mut account, 0, announced(7));
    assert_eq!(used(&account, rule), "70.5 of 100000, 99929.5 left");
}

#[test]
fn what_is_recalled_of_a_market_that_has_paid_waits_for_its_open_orders() {
    let mut account = account(wide());
    filled(&mut account, "a:1", "entry buy 50 yes at 0.40 fak in 1");
    account.reserve(&id("b:1"), order("entry buy 20 yes at 0.30 gtc in 1"));
    account.recall_settlement(ConditionId::from_bytes([1; 32]), [usdc("1"), Usdc::ZERO]);
    assert_eq!(used(&account, AccountRule::GrossExposure), "26 of 100000, 99974 left");
    filled(&mut account, "b:1", "entry buy 20 yes at 0.30 gtc in 1");
    ended(&mut account, "b:1");
    assert_eq!((account.equity(), account.open().count()), (usdc("44"), 0));
}

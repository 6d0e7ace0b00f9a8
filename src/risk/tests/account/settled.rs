//! Markets that have paid, and what is told late of orders in them.

use super::*;

#[test]
fn what_was_refused_or_has_ended_is_given_back_and_a_settled_market_is_at_risk_no_more() {
    let mut account = account(wide());
    filled(&mut account, "a:1", "entry buy 50 yes at 0.40 fak in 1");
    admit(&mut account, "b:1", "entry buy 40 yes at 0.50 fak in 1");
    assert_eq!(used(&account, AccountRule::MarketExposure), "40 of 100000, 99960 left");
    let refusal = Submission::Rejected { reason: "no".into(), origin: crate::order::Origin::Venue };
    told(&mut account, "b:1", Update::Submitted(refusal));
    assert_eq!(used(&account, AccountRule::MarketExposure), "20 of 100000, 99980 left");
    account.settled(ConditionId::from_bytes([1; 32]), [usdc("1"), Usdc::ZERO]);
    assert_eq!(used(&account, AccountRule::MarketExposure), "0 of 100000, 100000 left");
    assert_eq!(account.equity(), usdc("30"));
}

#[test]
fn a_market_that_was_never_announced_or_has_paid_is_not_traded() {
    let mut account = account(wide());
    let unknown = no("unknown_market 0 of 0");
    let both = |account: &AccountGuard, market: u8| {
        let order = |what: &str| format!("{what} 10 yes at 0.40 fak in {market}");
        assert_eq!(ask(account, "a:1", &order("entry buy")), unknown);
        assert_eq!(ask(account, "a:1", &order("exit sell")), unknown);
        assert_eq!(ask(account, "a:1", &order("hedge buy")), unknown);
    };
    both(&account, 9);
    filled(&mut account, "b:1", "entry buy 50 yes at 0.40 fak in 1");
    assert_eq!(ask(&account, "a:1", "exit sell 10 yes at 0.40 fak in 1"), Ok(()));
    let market = ConditionId::from_bytes([1; 32]);
    let payouts = [usdc("1"), Usdc::ZERO];
    observed(&mut account, 1, Kind::Resolved { market, payouts });
    both(&account, 1);
    account.settled(market, payouts);
    both(&account, 1);
}

#[test]
fn a_fill_of_one_strategy_that_is_told_after_the_settlement_of_another_is_booked_before_it() {
    let mut account = account(wide());
    filled(&mut account, "a:1", "entry buy 50 yes at 0.40 fak in 1");
    filled(&mut account, "b:1", "entry buy 20 yes at 0.30 fak in 1");
    admit(&mut account, "b:2", "exit sell 20 yes at 0.50 gtc in 1");
    let market = ConditionId::from_bytes([1; 32]);
    let payouts = [Usdc::ZERO, usdc("1")];
    observed(&mut account, 1, Kind::Resolved { market, payouts });
    account.settled(market, payouts);
    filled(&mut account, "b:2", "exit sell 20 yes at 0.50 gtc in 1");
    ended(&mut account, "b:2");
    account.settled(market, payouts);
    assert_eq!(
        account.equity(),
        usdc("-16"),
        "26 were paid, 10 came of the sale, nothing of the rest"
    );
    assert_eq!(used(&account, AccountRule::GrossExposure), "0 of 100000, 100000 left");
}

#[test]
fn the_first_answer_of_a_market_counts() {
    let mut account = account(wide());
    filled(&mut account, "a:1", "entry buy 50 yes at 0.40 fak in 1");
    let market = ConditionId::from_bytes([1; 32]);
    for payouts in [[usdc("1"), Usdc::ZERO], [Usdc::ZERO, usdc("1")]] {
        observed(&mut account, 1, Kind::Resolved { market, payouts });
        assert_eq!(account.equity(), usdc("30"));
    }
}

#[test]
fn a_market_that_is_over_takes_no_room() {
    let mut account = account(wide());
    let room = |account: &AccountGuard| format!("{account:?}").len();
    for number in 1..=8_u8 {
        let market = ConditionId::from_bytes([number; 32]);
        let order = |what: &str| format!("{what} in {number}");
        bids(&mut account, number, "0.40", 1);
        filled(&mut account, &format!("a:{number}"), &order("entry buy 10 yes at 0.40 fak"));
        admit(&mut account, &format!("b:{number}"), &order("exit sell 10 yes at 0.90 gtc"));
        let payouts = [usdc("1"), Usdc::ZERO];
        observed(&mut account, 2, Kind::Resolved { market, payouts });
        account.settled(market, payouts);
        let open = room(&account);
        ended(&mut account, &format!("b:{number}"));
        assert!(room(&account) < open, "{number}");
    }
    let empty = AccountGuard::new(wide());
    assert!(room(&account) < room(&empty) + 200, "{account:?}");
}

#[test]
fn a_market_is_known_as_long_as_an_order_in_it_is_open_and_no_longer() {
    let mut account = account(wide());
    admit(&mut account, "a:1", "entry buy 10 yes at 0.40 gtc in 1");
    admit(&mut account, "a:2", "entry buy 10 yes at 0.40 gtc in 2");
    let market = ConditionId::from_bytes([1; 32]);
    observed(&mut account, 1, Kind::Resolved { market, payouts: [usdc("1"), Usdc::ZERO] });
    let is_known = |account: &AccountGuard| format!("{account:?}").contains("btc-updown-15m-1");
    assert!(is_known(&account));
    ended(&mut account, "a:1");
    assert!(!is_known(&account), "the other order is of another market");
}

//! The account's guard: what several strategies may do together, and never with each other.

mod recalled;
mod settled;
mod shown;

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::book::{Level, OrderBook};
use crate::event::{Kind, MarketEvent};
use crate::market::EventRef;
use crate::order::{ClientOrderId, DoneCause, OrderEvent, Update};
use crate::risk::{AccountGuard, AccountLimits, AccountRule, AccountTurn, RateLimit};

const BID: &str = "entry buy 10 yes at 0.60 gtc in 1";

/// Limits that nothing in these tests reaches.
fn wide() -> AccountLimits {
    let much = usdc("100000");
    let rate = RateLimit { per_minute: 60, burst: 1000 };
    AccountLimits {
        open_orders_max: 1000,
        open_notional_max_usdc: much,
        gross_exposure_max_usdc: much,
        market_exposure_max_usdc: much,
        event_exposure_max_usdc: much,
        symbol_exposure_max_usdc: much,
        worst_loss_max_usdc: much,
        day: DayLimits { loss_max_usdc: much, ..DayLimits::PRESET },
        drawdown_max_usdc: much,
        orders: rate,
        cancels: rate,
        mark_age_max: Duration::from_secs(60),
    }
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_millis(1000 * second)
}

fn observed(account: &mut AccountGuard, at: i64, kind: Kind) {
    account.observe(&MarketEvent { at: second(at), kind });
}

/// Markets 1 and 2 are on one underlying, 3 and 4 of one neg-risk event, 5 and 6 of another event; 7 has a fee.
fn announced(number: u8) -> Kind {
    let event = match number {
        3 | 4 => Some(EventRef { id: "election".into(), neg_risk: true }),
        5 | 6 => Some(EventRef { id: "match".into(), neg_risk: false }),
        _ => None,
    };
    let slug = if number < 3 { format!("btc-updown-15m-{number}") } else { "question".to_owned() };
    let fees =
        if number == 7 { FeeSchedule::new(usdc("0.02"), 1).unwrap() } else { FeeSchedule::FREE };
    let id = ConditionId::from_bytes([number; 32]);
    Kind::Market(Arc::new(Market { id, slug: slug.into(), event, fees, ..market() }))
}

/// An account that knows markets 1 to 8, and holds nothing.
fn account(limits: AccountLimits) -> AccountGuard {
    let mut account = AccountGuard::new(limits);
    (1..=8).for_each(|number| observed(&mut account, 0, announced(number)));
    account
}

fn bids(account: &mut AccountGuard, market: u8, bid: &str, at: i64) {
    let price = |text: &str| vec![Level { price: text.parse().unwrap(), size: Size::THOUSAND }];
    let bids = if bid == "none" { Vec::new() } else { price(bid) };
    let book = Arc::new(OrderBook::new(second(at), bids, Vec::new()));
    let market = ConditionId::from_bytes([market; 32]);
    observed(account, at, Kind::Book { market, outcome: Outcome::Yes, book });
}

/// Reads an intent, as `entry buy 100 yes at 0.33 gtc in 1`.
fn order(text: &str) -> Intent {
    let words: Vec<&str> = text.split(' ').collect();
    let [purpose, side, size, outcome, "at", limit, rests, "in", market] = words[..] else {
        panic!("{text}")
    };
    Intent {
        market: ConditionId::from_bytes([market.parse().unwrap(); 32]),
        outcome: if outcome == "yes" { Outcome::Yes } else { Outcome::No },
        side: if side == "buy" { Side::Buy } else { Side::Sell },
        limit: limit.parse().unwrap(),
        size: size.parse().unwrap(),
        time_in_force: if rests == "gtc" { TimeInForce::Gtc } else { TimeInForce::Fak },
        purpose: match purpose {
            "entry" => Purpose::Entry,
            "exit" => Purpose::Exit,
            "hedge" => Purpose::Hedge,
            other => panic!("{other}"),
        },
    }
}

fn id(text: &str) -> ClientOrderId {
    text.parse().unwrap()
}

/// The one place that asks the account; nothing is reserved.
fn ask_at(account: &AccountGuard, number: &str, text: &str, at: i64) -> Result<(), String> {
    account.check(&id(number), &order(text), second(at)).map_err(|no| {
        let other = no.other.map(|other| format!(", {other}")).unwrap_or_default();
        format!("{} {} of {}{other}", no.rule.name(), no.used, no.limit)
    })
}

fn ask(account: &AccountGuard, number: &str, text: &str) -> Result<(), String> {
    ask_at(account, number, text, 0)
}

fn no(text: &str) -> Result<(), String> {
    Err(text.to_owned())
}

fn admit(account: &mut AccountGuard, number: &str, text: &str) {
    account.admit(&id(number), order(text), second(0)).unwrap();
}

fn told(account: &mut AccountGuard, number: &str, update: Update) {
    let event = OrderEvent { at: NOW, order: id(number), update };
    account.told(&event).unwrap();
}

/// An order of an earlier process is filled at its limit; it was told twice.
fn filled(account: &mut AccountGuard, number: &str, text: &str) {
    let Intent { market, outcome, side, limit, size, .. } = order(text);
    let order = id(number);
    let liquidity = Liquidity::Taker;
    let (fee, at) = (Usdc::ZERO, NOW);
    let fill =
        Fill { number: 1, order, market, outcome, side, price: limit, size, fee, liquidity, at };
    told(account, number, Update::Filled(fill.clone()));
    told(account, number, Update::Filled(fill));
}

fn ended(account: &mut AccountGuard, number: &str) {
    told(account, number, Update::Done { unfilled: Size::ZERO, cause: DoneCause::Filled });
}

fn used(account: &AccountGuard, rule: AccountRule) -> String {
    let uses = account.uses();
    let found = uses.iter().find(|one| one.rule == rule).unwrap();
    format!("{} of {}, {} left", found.used, found.limit, found.room())
}

fn turns(account: &mut AccountGuard) -> Vec<String> {
    let turns = account.take_turns().into_iter().map(|turn| match turn {
        AccountTurn::Tripped(rule, trip) => {
            format!("{}: {} of {}", rule.name(), trip.used, trip.limit)
        }
        AccountTurn::Released(rule, _) => format!("{} released", rule.name()),
    });
    turns.collect()
}

#[test]
fn an_order_that_another_strategys_could_meet_is_refused() {
    let check = |resting: &str, wanted: &str, expected: Result<(), String>| {
        let mut account = account(wide());
        admit(&mut account, "a:1", resting);
        assert_eq!(ask(&account, "b:1", wanted), expected, "{resting} | {wanted}");
    };
    let refused = |used: &str| no(&format!("self_cross {used} of 0.6, a:1"));
    check(BID, "exit sell 10 yes at 0.60 fak in 1", refused("0.6"));
    check(BID, "exit sell 10 yes at 0.59 fak in 1", refused("0.59"));
    check(BID, "exit sell 10 yes at 0.61 fak in 1", Ok(()));
    // Two purchases that pay one USDC together make a pair.
    check(BID, "entry buy 10 no at 0.40 fak in 1", refused("0.6"));
    check(BID, "entry buy 10 no at 0.39 fak in 1", Ok(()));
    // The same side never meets, nor does another market.
    check(BID, "entry buy 10 yes at 0.60 fak in 1", Ok(()));
    check(BID, "exit sell 10 no at 0.40 fak in 1", Ok(()));
    check(BID, "exit sell 10 yes at 0.60 fak in 2", Ok(()));
    // Two sales that ask no more than one USDC together burn a pair.
    let offer = "exit sell 10 no at 0.40 gtc in 1";
    check(offer, "exit sell 10 yes at 0.60 fak in 1", refused("0.6"));
    check(offer, "exit sell 10 yes at 0.61 fak in 1", Ok(()));
    // Of two that both end at once neither waits for the other; one that is to rest may be met by one on its way.
    let brief = "entry buy 10 yes at 0.60 fak in 1";
    check(brief, "exit sell 10 yes at 0.60 fak in 1", Ok(()));
    check(brief, "exit sell 10 yes at 0.60 gtc in 1", refused("0.6"));
}

#[test]
fn a_self_cross_names_both_orders() {
    let mut account = account(wide());
    admit(&mut account, "a:1", BID);
    let intent = order("exit sell 10 yes at 0.59 fak in 1");
    let no = account.check(&id("b:7"), &intent, NOW).unwrap_err().to_string();
    let both = "account rule self_cross: b:7 at 0.59 could trade with a:1 at 0.6, as prices of yes";
    assert_eq!(no, both);
}

#[test]
fn a_strategys_own_orders_and_those_that_have_ended_stand_in_nobodys_way() {
    let mut account = account(wide());
    let sale = "exit sell 10 yes at 0.50 fak in 1";
    admit(&mut account, "a:1", BID);
    assert_eq!(ask(&account, "a:2", sale), Ok(()));
    assert!(ask(&account, "b:1", sale).is_err());
    told(&mut account, "a:1", Update::Submitted(Submission::Unknown));
    assert!(ask(&account, "b:1", sale).is_err(), "an order whose answer was lost may rest");
    filled(&mut account, "a:1", BID);
    assert_eq!(ask(&account, "b:1", sale), Ok(()), "nothing of it is left to be met");
    ended(&mut account, "a:1");
    assert_eq!(account.open().count(), 0);
    assert_eq!(used(&account, AccountRule::WorstLoss), "6 of 100000, 99994 left");
}

/// Asks with the limit at what an order comes to, one millionth (or one) below, and one above.
fn at_its_limit(rule: AccountRule, used: &str, set: fn(&mut AccountLimits, Usdc), wanted: &str) {
    let used = usdc(used);
    let step = Usdc::from_micros(1).unwrap();
    for (limit, passes) in [(used - step, false), (used, true), (used + step, true)] {
        let mut limits = wide();
        set(&mut limits, limit);
        let mut account = account(limits);
        filled(&mut account, "a:1", "entry buy 50 yes at 0.40 fak in 1");
        filled(&mut account, "a:2", "entry buy 20 no at 0.70 fak in 3");
        account.reserve(&id("b:1"), order("entry buy 40 yes at 0.50 fak in 2"));
        let expected = format!("{} {used} of {limit}", rule.name());
        let answer = ask(&account, "c:1", wanted);
        assert_eq!(answer, if passes { Ok(()) } else { Err(expected) }, "{wanted}");
    }
}

#[test]
fn every_amount_is_held_to_the_millionth() {
    use AccountRule::*;
    // 20 held and 10 wanted in market 1, 14 held in market 3, 20 open in market 2.
    let wanted = "entry buy 20 yes at 0.50 fak in 1";
    let set: fn(&mut AccountLimits, Usdc) = |limits, max| limits.open_notional_max_usdc = max;
    at_its_limit(OpenNotional, "30", set, wanted);
    at_its_limit(GrossExposure, "64", |limits, max| limits.gross_exposure_max_usdc = max, wanted);
    at_its_limit(MarketExposure, "30", |limits, max| limits.market_exposure_max_usdc = max, wanted);
    at_its_limit(SymbolExposure, "50", |limits, max| limits.symbol_exposure_max_usdc = max, wanted);
    at_its_limit(WorstLoss, "64", |limits, max| limits.worst_loss_max_usdc = max, wanted);
    // Of a neg-risk event one question at most is answered by yes: either 14 are lost in one, or 16 in the other.
    let wanted = "entry buy 20 no at 0.80 fak in 4";
    let set: fn(&mut AccountLimits, Usdc) = |limits, max| limits.event_exposure_max_usdc = max;
    at_its_limit(EventExposure, "14", set, wanted);
    at_its_limit(WorstLoss, "54", |limits, max| limits.worst_loss_max_usdc = max, wanted);
    // The fee is part of what is reserved: 100 × 0.02 × 0.5 × 0.5.
    let wanted = "entry buy 100 yes at 0.50 fak in 7";
    let fee = FeeSchedule::new(usdc("0.02"), 1).unwrap();
    let cost = usdc("50") + fee.taker_fee("100".parse().unwrap(), "0.5".parse().unwrap());
    assert!(usdc("50") < cost);
    let set: fn(&mut AccountLimits, Usdc) = |limits, max| limits.market_exposure_max_usdc = max;
    at_its_limit(MarketExposure, &cost.to_string(), set, wanted);
}

#[test]
fn the_count_of_open_orders_is_held_exactly() {
    for (max, passes) in [(2, false), (3, true), (4, true)] {
        let mut account = account(AccountLimits { open_orders_max: max, ..wide() });
        account.reserve(&id("a:1"), order("entry buy 10 yes at 0.40 fak in 1"));
        account.reserve(&id("b:1"), order("exit sell 10 yes at 0.90 gtc in 2"));
        let answer = ask(&account, "c:1", "entry buy 10 yes at 0.40 fak in 1");
        assert_eq!(answer, if passes { Ok(()) } else { no("open_orders 3 of 2") });
    }
}

#[test]
fn questions_of_another_event_may_all_be_lost() {
    let mut account = account(AccountLimits { event_exposure_max_usdc: usdc("20"), ..wide() });
    filled(&mut account, "a:1", "entry buy 20 no at 0.70 fak in 5");
    let wanted = "entry buy 20 no at 0.40 fak in 6";
    assert_eq!(ask(&account, "b:1", wanted), no("event_exposure 22 of 20"));
}

#[test]
fn yes_of_one_strategy_and_no_of_another_are_pairs() {
    let mut account = account(wide());
    filled(&mut account, "a:1", "entry buy 100 yes at 0.45 fak in 1");
    filled(&mut account, "b:1", "entry buy 100 no at 0.50 fak in 1");
    assert_eq!(used(&account, AccountRule::WorstLoss), "0 of 100000, 100000 left");
    assert_eq!(used(&account, AccountRule::GrossExposure), "95 of 100000, 99905 left");
    filled(&mut account, "b:2", "exit sell 100 no at 0.50 fak in 1");
    assert_eq!(used(&account, AccountRule::WorstLoss), "45 of 100000, 99955 left");
}

#[test]
fn protection_passes_however_much_all_strategies_have_lost_or_open() {
    let mut account = account(AccountLimits {
        open_orders_max: 1,
        drawdown_max_usdc: usdc("10"),
        day: DayLimits { loss_max_usdc: usdc("10"), ..DayLimits::PRESET },
        gross_exposure_max_usdc: usdc("40"),
        ..wide()
    });
    filled(&mut account, "a:1", "entry buy 100 yes at 0.40 fak in 1");
    admit(&mut account, "a:2", "exit sell 10 yes at 0.90 gtc in 1");
    bids(&mut account, 1, "0.10", 1);
    let wanted = "entry buy 10 yes at 0.40 fak in 2";
    assert_eq!(ask(&account, "d:1", wanted), no("daily_loss 30 of 10"));
    assert_eq!(ask(&account, "a:3", "exit sell 100 yes at 0.10 fak in 1"), Ok(()));
    assert_eq!(ask(&account, "a:3", "hedge buy 100 no at 0.80 fak in 1"), Ok(()));
}

fn losing(starts_at: u64) -> AccountGuard {
    let day = DayLimits {
        loss_max_usdc: usdc("10"),
        starts_at: Duration::from_secs(starts_at),
        ..DayLimits::PRESET
    };
    let mut account =
        account(AccountLimits { day, mark_age_max: Duration::from_hours(1000), ..wide() });
    filled(&mut account, "a:1", "entry buy 100 yes at 0.40 fak in 1");
    account
}

#[test]
fn a_day_s_loss_of_all_is_held_from_its_limit_on_until_the_next_day_also_without_a_trade() {
    let wanted = "entry buy 10 yes at 0.30 fak in 2";
    for (bid, passes) in [("0.301", true), ("0.30", false), ("0.299", false)] {
        let mut account = losing(0);
        bids(&mut account, 1, bid, 1);
        assert_eq!(ask(&account, "b:1", wanted).is_ok(), passes, "{bid}");
    }
    // Midnight at two hours east of Greenwich is at 22:00.
    let (mut account, midnight) = (losing(22 * 3600), 22 * 3600);
    bids(&mut account, 1, "0.20", 1);
    assert_eq!(turns(&mut account), ["daily_loss: 20 of 10"]);
    bids(&mut account, 1, "0.39", midnight - 1);
    assert_eq!(ask(&account, "b:1", wanted), no("daily_loss 20 of 10"), "it holds all day");
    observed(&mut account, midnight, Kind::Gap { missed: 1 });
    assert_eq!(turns(&mut account), ["daily_loss released"]);
    assert_eq!(ask(&account, "b:1", wanted), Ok(()));
    assert_eq!(used(&account, AccountRule::DailyLoss), "0 of 10, 10 left");
}

#[test]
fn a_day_s_loss_counts_anew_from_where_a_person_let_go_of_it() {
    let mut account = losing(0);
    bids(&mut account, 1, "0.30", 1);
    assert_eq!(turns(&mut account), ["daily_loss: 10 of 10"]);
    account.release();
    assert_eq!(turns(&mut account), ["daily_loss released"]);
    assert_eq!(ask_at(&account, "b:1", "entry buy 10 yes at 0.40 fak in 2", 1), Ok(()));
    bids(&mut account, 1, "0.21", 2);
    assert_eq!(used(&account, AccountRule::DailyLoss), "9 of 10, 1 left");
    bids(&mut account, 1, "0.20", 3);
    assert_eq!(turns(&mut account), ["daily_loss: 10 of 10"]);
}

#[test]
fn a_fall_from_the_peak_holds_until_a_person_says_so_and_counts_anew_from_there() {
    let drawdown_max_usdc = usdc("20");
    let mut account = account(AccountLimits { drawdown_max_usdc, ..wide() });
    filled(&mut account, "a:1", "entry buy 100 yes at 0.40 fak in 1");
    bids(&mut account, 1, "0.60", 1);
    bids(&mut account, 1, "0.401", 2);
    assert_eq!(turns(&mut account), Vec::<String>::new());
    assert_eq!(used(&account, AccountRule::Drawdown), "19.9 of 20, 0.1 left");
    bids(&mut account, 1, "0.40", 3);
    bids(&mut account, 1, "0.55", 4);
    let wanted = "entry buy 10 yes at 0.30 fak in 2";
    assert_eq!(turns(&mut account), ["drawdown: 20 of 20"]);
    observed(&mut account, 864_000, Kind::Gap { missed: 1 });
    bids(&mut account, 1, "0.55", 864_000);
    assert_eq!(ask(&account, "b:1", wanted), no("drawdown 20 of 20"));
    account.release();
    assert_eq!(turns(&mut account), ["drawdown released"]);
    assert_eq!(used(&account, AccountRule::Drawdown), "0 of 20, 20 left");
    bids(&mut account, 1, "0.36", 864_001);
    assert_eq!(used(&account, AccountRule::Drawdown), "19 of 20, 1 left");
    assert_eq!(ask_at(&account, "b:1", wanted, 864_001), Ok(()));
    bids(&mut account, 1, "0.35", 864_002);
    assert_eq!(turns(&mut account), ["drawdown: 20 of 20"]);
}

#[test]
fn what_no_young_bid_values_is_worth_nothing_to_an_entry_and_trips_nothing() {
    let mut account = losing(0);
    let wanted = "entry buy 10 yes at 0.30 fak in 2";
    // After a restart no book has come yet.
    assert_eq!(ask(&account, "b:1", wanted), no("daily_loss 40 of 10"));
    bids(&mut account, 1, "0.40", 10);
    assert_eq!(ask_at(&account, "b:1", wanted, 10 + 3_600_000), Ok(()));
    assert_eq!(ask_at(&account, "b:1", wanted, 10 + 3_600_001), no("daily_loss 40 of 10"));
    assert_eq!(turns(&mut account), Vec::<String>::new());
    assert_eq!(account.equity(), Usdc::ZERO);
    // Nobody bids: that is known, and is a loss.
    bids(&mut account, 1, "none", 11);
    assert_eq!(turns(&mut account), ["daily_loss: 40 of 10"]);
    // What a market pays is known for ever.
    let market = ConditionId::from_bytes([1; 32]);
    observed(&mut account, 12, Kind::Resolved { market, payouts: [usdc("1"), Usdc::ZERO] });
    assert_eq!(account.equity(), usdc("60"));
    account.settled(market, [usdc("1"), Usdc::ZERO]);
    assert_eq!(account.equity(), usdc("60"));
}

#[test]
fn a_limit_that_an_exit_passes_holds_back_all_entries_until_it_is_kept_again() {
    let mut account = account(AccountLimits { market_exposure_max_usdc: usdc("30"), ..wide() });
    filled(&mut account, "a:1", "entry buy 100 yes at 0.45 fak in 1");
    filled(&mut account, "b:1", "entry buy 100 no at 0.50 fak in 1");
    // The exposure was above the limit only between the two purchases.
    assert_eq!(turns(&mut account), ["market_exposure: 45 of 30", "market_exposure released"]);
    filled(&mut account, "b:2", "exit sell 100 no at 0.50 fak in 1");
    let wanted = "entry buy 10 yes at 0.30 fak in 2";
    assert_eq!(ask(&account, "c:1", wanted), no("market_exposure 45 of 30"));
    filled(&mut account, "a:2", "exit sell 40 yes at 0.50 fak in 1");
    assert_eq!(turns(&mut account), ["market_exposure: 45 of 30", "market_exposure released"]);
    assert_eq!(ask(&account, "c:1", wanted), Ok(()));
}

#[test]
fn protection_that_passes_a_count_or_a_notional_trips_nothing() {
    let limits = AccountLimits { open_orders_max: 1, open_notional_max_usdc: usdc("10"), ..wide() };
    let mut account = account(limits);
    filled(&mut account, "a:1", "entry buy 100 yes at 0.40 fak in 1");
    admit(&mut account, "a:2", "exit sell 40 yes at 0.90 gtc in 1");
    admit(&mut account, "a:3", "exit sell 40 yes at 0.91 gtc in 1");
    bids(&mut account, 1, "0.40", 1);
    told(&mut account, "a:2", Update::Submitted(Submission::Accepted));
    assert_eq!((turns(&mut account), account.tripped().count()), (Vec::new(), 0));
    ended(&mut account, "a:2");
    ended(&mut account, "a:3");
    assert_eq!(ask(&account, "a:4", "entry buy 10 yes at 0.40 gtc in 2"), Ok(()));
}

#[test]
fn entries_cannot_use_up_what_protection_may_send() {
    let orders = RateLimit { per_minute: 60, burst: 2 };
    let mut account = account(AccountLimits { orders, ..wide() });
    let (entry, exit) = ("entry buy 10 yes at 0.30 fak in 2", "exit sell 10 yes at 0.30 fak in 2");
    admit(&mut account, "a:1", entry);
    admit(&mut account, "b:1", entry);
    assert_eq!(used(&account, AccountRule::OrderThrottle), "2 of 2, 0 left");
    assert_eq!(ask(&account, "c:1", entry), no("order_throttle 3 of 2"));
    admit(&mut account, "a:2", exit);
    admit(&mut account, "b:2", exit);
    assert_eq!(ask(&account, "c:1", exit), no("order_throttle 5 of 4"));
    // A second of event time is one order: protection has it before any entry.
    assert_eq!(ask_at(&account, "c:1", exit, 1), Ok(()));
    assert_eq!(ask_at(&account, "c:1", entry, 2), no("order_throttle 3 of 2"));
    assert_eq!(ask_at(&account, "c:1", entry, 3), Ok(()));
}

#[test]
fn an_order_that_was_refused_takes_nothing_from_the_throttle() {
    let orders = RateLimit { per_minute: 1, burst: 1 };
    let mut account = account(AccountLimits { orders, open_orders_max: 0, ..wide() });
    let intent = order("entry buy 10 yes at 0.30 fak in 2");
    account.admit(&id("a:1"), intent, NOW).unwrap_err();
    assert_eq!(used(&account, AccountRule::OrderThrottle), "0 of 1, 1 left");
    assert_eq!(account.open().count(), 0);
}

#[test]
fn cancels_are_never_held_back_and_too_many_keep_entries_from_resting() {
    let cancels = RateLimit { per_minute: 60, burst: 3 };
    let mut account = account(AccountLimits { cancels, ..wide() });
    account.cancels(2);
    assert_eq!(ask(&account, "a:1", BID), Ok(()));
    account.cancels(2);
    assert_eq!(used(&account, AccountRule::CancelThrottle), "4 of 3, 0 left");
    assert_eq!(ask(&account, "a:1", BID), no("cancel_throttle 5 of 3"));
    assert_eq!(ask(&account, "a:1", "entry buy 10 yes at 0.60 fak in 1"), Ok(()));
    assert_eq!(ask(&account, "a:1", "exit sell 10 yes at 0.60 gtc in 1"), Ok(()));
    assert_eq!(ask_at(&account, "a:1", BID, 2), Ok(()));
}

#[test]
fn what_is_written_down_brings_back_the_day_the_peak_and_what_holds() {
    let drawdown_max_usdc = usdc("20");
    let limits = AccountLimits { drawdown_max_usdc, ..wide() };
    let mut before = account(limits);
    filled(&mut before, "a:1", "entry buy 100 yes at 0.40 fak in 1");
    bids(&mut before, 1, "0.60", 1);
    bids(&mut before, 1, "0.45", 2);
    let written = serde_json::to_string(&before.standing()).unwrap();
    let mut after = AccountGuard::new(limits);
    filled(&mut after, "a:1", "entry buy 100 yes at 0.40 fak in 1");
    after.stand(serde_json::from_str(&written).unwrap());
    observed(&mut after, 3, announced(1));
    bids(&mut after, 1, "0.40", 3);
    assert_eq!(turns(&mut after), ["drawdown: 20 of 20"]);
    let written = serde_json::to_string(&after.standing()).unwrap();
    let mut third = account(limits);
    third.stand(serde_json::from_str(&written).unwrap());
    assert_eq!(third.standing(), after.standing());
    let wanted = "entry buy 10 yes at 0.30 fak in 2";
    assert_eq!(ask(&third, "b:1", wanted), no("drawdown 20 of 20"));
}

#[test]
fn amounts_too_large_to_be_added_up_are_not_read() {
    let written = serde_json::to_string(&account(wide()).standing()).unwrap();
    let changed = written.replace("\"peak\":\"0\"", "\"peak\":\"900000000000\"");
    assert_ne!(written, changed);
    serde_json::from_str::<crate::risk::AccountStanding>(&changed).unwrap_err();
}

fn any_order() -> impl Strategy<Value = (u8, Intent, bool)> {
    let purposes = select(vec!["entry buy", "exit sell"]);
    let prices = select(vec!["0.3", "0.4", "0.5", "0.6", "0.7"]);
    let outcomes = select(vec!["yes", "no"]);
    let rests = select(vec!["gtc", "fak"]);
    let all = (0..3_u8, purposes, outcomes, prices, rests, 1..5_u8, any::<bool>());
    all.prop_map(|(who, p, o, price, r, m, ends)| {
        (who, order(&format!("{p} 10 {o} at {price} {r} in {m}")), ends)
    })
}

fn tight() -> AccountLimits {
    AccountLimits {
        open_orders_max: 6,
        open_notional_max_usdc: usdc("30"),
        gross_exposure_max_usdc: usdc("25"),
        market_exposure_max_usdc: usdc("9"),
        event_exposure_max_usdc: usdc("8"),
        symbol_exposure_max_usdc: usdc("10"),
        worst_loss_max_usdc: usdc("20"),
        ..wide()
    }
}

/// What an order pays for yes, or takes for no: reckoned in another way than the guard's.
fn on_yes(intent: &Intent) -> (bool, i64) {
    let price = intent.limit.micros();
    let price = if intent.outcome == Outcome::Yes { price } else { 1_000_000 - price };
    let buys = (intent.outcome == Outcome::Yes) == (intent.side == Side::Buy);
    (buys, price)
}

proptest! {
    /// Whatever is asked in whatever order, and whichever end, what is open never crosses, and entries keep every limit.
    #[test]
    fn what_was_let_in_keeps_every_limit_of_the_account(
        orders in prop::collection::vec(any_order(), 0..24),
    ) {
        let mut account = account(tight());
        let mut open: BTreeMap<ClientOrderId, Intent> = BTreeMap::new();
        for (number, (who, intent, ends)) in (1..).zip(orders) {
            let id = ClientOrderId { strategy: format!("s{who}").parse().unwrap(), number };
            match account.admit(&id, intent, NOW) {
                Ok(()) => drop(open.insert(id.clone(), intent)),
                Err(no) => prop_assert_eq!(no.other.is_some(), no.rule == AccountRule::SelfCross),
            }
            if ends && open.remove(&id).is_some() {
                ended(&mut account, &id.to_string());
            }
            // Protection is not counted against the number of orders.
            let bound = |rule: AccountRule| {
                !matches!(rule, AccountRule::OpenOrders | AccountRule::OpenNotional)
            };
            for one in account.uses().into_iter().filter(|one| bound(one.rule)) {
                prop_assert!(!one.is_passed(), "{one:?}");
            }
        }
        prop_assert!(account.open().map(|(id, intent)| (id.clone(), *intent)).eq(open.clone()));
        for (who, bid) in open.iter().filter(|(_, intent)| on_yes(intent).0) {
            for (other, ask) in open.iter().filter(|(_, intent)| !on_yes(intent).0) {
                let rests = [bid, ask].iter().any(|one| one.time_in_force == TimeInForce::Gtc);
                let meets = on_yes(ask).1 <= on_yes(bid).1 && bid.market == ask.market;
                let same = who.strategy == other.strategy;
                prop_assert!(same || !rests || !meets, "{bid:?} {ask:?}");
            }
        }
        // Protection is not counted against the number of orders: entries alone.
        let entries = open.values().filter(|intent| intent.purpose == Purpose::Entry);
        let cost: Usdc = entries.clone().map(Intent::notional).sum();
        prop_assert!(entries.count() <= 6 && cost <= usdc("25"), "{cost}");
    }

    /// Two guards that are told the same say the same.
    #[test]
    fn the_same_inputs_give_the_same_answers(
        orders in prop::collection::vec(any_order(), 0..24),
    ) {
        let answers = || {
            let mut account = account(tight());
            let asked = (1..).zip(&orders).map(|(number, (who, intent, _))| {
                let id = ClientOrderId { strategy: format!("s{who}").parse().unwrap(), number };
                account.admit(&id, *intent, NOW)
            });
            let asked: Vec<_> = asked.collect();
            (asked, account.standing())
        };
        prop_assert_eq!(answers(), answers());
    }
}

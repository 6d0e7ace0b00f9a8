//! What a refusal of each rule of the account says, held against docs/risk.md.

use std::sync::Arc;
use std::time::Duration;

use ploy::book::{Level, OrderBook};
use ploy::event::{Kind, MarketEvent};
use ploy::fees::FeeSchedule;
use ploy::intent::{Intent, Purpose, TimeInForce};
use ploy::market::{ConditionId, EventRef, Market, Outcome, Side, TickSize};
use ploy::order::{ClientOrderId, DoneCause, Fill, Liquidity, OrderEvent, Update};
use ploy::price::{Size, Usdc};
use ploy::risk::{AccountGuard, AccountLimits, AccountRule, DayLimits, RateLimit};
use ploy::time::Timestamp;

use super::refusals::hold;

/// A refusal: the settings that bind, and what is open or held by whom; then who asks for what.
struct Case {
    set: &'static str,
    limits: fn(&mut AccountLimits),
    /// Orders that were sent; those that end with `filled` were, at their limits.
    before: &'static [&'static str],
    after: fn(&mut AccountGuard),
    asks: &'static str,
}

const PLAIN: Case =
    Case { set: "", limits: |_| {}, before: &[], after: |_| {}, asks: "two:1 buy 20 yes at 0.50" };

fn usdc(text: &str) -> Usdc {
    text.parse().unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(1000 * second)
}

fn market(number: u8) -> ConditionId {
    ConditionId::from_bytes([number; 32])
}

/// Limits that nothing here reaches but what a case lowers.
fn wide() -> AccountLimits {
    let (much, rate) = (usdc("1000000"), RateLimit { per_minute: 60, burst: 1000 });
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

/// Returns an account that knows markets 1 and 2, of one event and on one underlying, and 3, which stands alone.
fn account(limits: AccountLimits) -> AccountGuard {
    let mut account = AccountGuard::new(limits);
    for number in 1..=3_u8 {
        let event = (number < 3).then(|| EventRef { id: "btc".into(), neg_risk: false });
        let slug = if number < 3 { format!("btc-updown-15m-{number}") } else { "question".into() };
        let market = Market {
            id: market(number),
            slug: slug.into(),
            question: "?".into(),
            outcomes: ["Yes".into(), "No".into()],
            tokens: None,
            tick: TickSize::CENT,
            min_size: "5".parse().unwrap(),
            fees: FeeSchedule::FREE,
            opens_at: at(0),
            closes_at: at(0),
            strike_usd: None,
            event,
        };
        account.observe(&MarketEvent { at: at(0), kind: Kind::Market(Arc::new(market)) });
    }
    account
}

/// Reads an order, as `one:1 buy 20 yes of 2 at 0.50`; one that rests ends with `gtc`.
fn order(text: &str) -> (ClientOrderId, Intent) {
    let words: Vec<&str> = text.split(' ').collect();
    let after = |word: &str| words.iter().position(|found| *found == word).map(|at| words[at + 1]);
    let side = if words[1] == "buy" { Side::Buy } else { Side::Sell };
    let intent = Intent {
        market: market(after("of").map_or(1, |number| number.parse().unwrap())),
        outcome: if words[3] == "yes" { Outcome::Yes } else { Outcome::No },
        side,
        limit: after("at").unwrap().parse().unwrap(),
        size: words[2].parse().unwrap(),
        time_in_force: if text.contains("gtc") { TimeInForce::Gtc } else { TimeInForce::Fak },
        purpose: if side == Side::Buy { Purpose::Entry } else { Purpose::Exit },
    };
    (words[0].parse().unwrap(), intent)
}

fn send(account: &mut AccountGuard, text: &str) {
    let (id, intent) = order(text);
    account.admit(&id, intent, at(0)).unwrap();
    if text.ends_with("filled") {
        let Intent { market, outcome, side, limit: price, size, .. } = intent;
        let (fee, liquidity, order) = (Usdc::ZERO, Liquidity::Taker, id.clone());
        let fill = Fill {
            number: 1,
            order,
            market,
            outcome,
            side,
            price,
            size,
            fee,
            liquidity,
            at: at(0),
        };
        let done = Update::Done { unfilled: Size::ZERO, cause: DoneCause::Filled };
        for update in [Update::Filled(fill), done] {
            account.told(&OrderEvent { at: at(0), order: id.clone(), update }).unwrap();
        }
    }
}

/// Somebody bids so much for yes of the first market.
fn bid(account: &mut AccountGuard, price: &str) {
    let level = Level { price: price.parse().unwrap(), size: "100".parse().unwrap() };
    let book = Arc::new(OrderBook::new(at(1), vec![level], vec![]));
    let kind = Kind::Book { market: market(1), outcome: Outcome::Yes, book };
    account.observe(&MarketEvent { at: at(1), kind });
}

const HELD: &[&str] = &["one:1 buy 100 yes at 0.40 filled"];
const OPEN: &[&str] = &["one:1 buy 80 yes at 0.50 gtc"];

/// Returns a refusal of this rule. A new rule must say how it refuses.
fn case(rule: AccountRule) -> Case {
    match rule {
        AccountRule::SelfCross => Case {
            before: &["one:1 buy 10 yes at 0.60 gtc"],
            asks: "two:1 buy 10 no at 0.45",
            ..PLAIN
        },
        AccountRule::DailyLoss => Case {
            set: "`daily_loss_max_usdc = 10`, and the best bid fell to 0.30",
            limits: |limits| limits.day.loss_max_usdc = usdc("10"),
            before: HELD,
            after: |account| bid(account, "0.30"),
            ..PLAIN
        },
        AccountRule::Drawdown => Case {
            set: "`drawdown_max_usdc = 10`, and the best bid fell to 0.30",
            limits: |limits| limits.drawdown_max_usdc = usdc("10"),
            before: HELD,
            after: |account| bid(account, "0.30"),
            ..PLAIN
        },
        AccountRule::UnknownMarket => Case {
            set: "the market was never announced, or has paid",
            asks: "two:1 sell 20 yes of 9 at 0.40",
            ..PLAIN
        },
        AccountRule::OpenOrders => Case {
            set: "`open_orders_max = 1`",
            limits: |limits| limits.open_orders_max = 1,
            before: OPEN,
            ..PLAIN
        },
        AccountRule::OpenNotional => Case {
            set: "`open_notional_max_usdc = 45`",
            limits: |limits| limits.open_notional_max_usdc = usdc("45"),
            before: OPEN,
            ..PLAIN
        },
        AccountRule::GrossExposure
        | AccountRule::MarketExposure
        | AccountRule::EventExposure
        | AccountRule::SymbolExposure
        | AccountRule::WorstLoss => exposed(rule),
        AccountRule::CancelThrottle => Case {
            set: "`cancel_rate_per_minute = 6`, `cancel_burst = 1`, and three were cancelled",
            limits: |limits| limits.cancels = RateLimit { per_minute: 6, burst: 1 },
            after: |account| account.cancels(3),
            asks: "two:1 buy 20 yes at 0.50 gtc",
            ..PLAIN
        },
        AccountRule::OrderThrottle => Case {
            set: "`order_rate_per_minute = 6`, `order_burst = 1`",
            limits: |limits| limits.orders = RateLimit { per_minute: 6, burst: 1 },
            before: OPEN,
            ..PLAIN
        },
    }
}

fn exposed(rule: AccountRule) -> Case {
    let of_two = "two:1 buy 20 yes of 2 at 0.50";
    if rule == AccountRule::GrossExposure {
        Case {
            set: "`gross_exposure_max_usdc = 45`",
            limits: |limits| limits.gross_exposure_max_usdc = usdc("45"),
            before: HELD,
            asks: "two:1 buy 20 no at 0.50",
            ..PLAIN
        }
    } else if rule == AccountRule::MarketExposure {
        Case {
            set: "`market_exposure_max_usdc = 45`",
            limits: |limits| limits.market_exposure_max_usdc = usdc("45"),
            before: HELD,
            ..PLAIN
        }
    } else if rule == AccountRule::EventExposure {
        Case {
            set: "`event_exposure_max_usdc = 45`, and both markets are of one event",
            limits: |limits| limits.event_exposure_max_usdc = usdc("45"),
            before: HELD,
            asks: of_two,
            ..PLAIN
        }
    } else if rule == AccountRule::SymbolExposure {
        Case {
            set: "`symbol_exposure_max_usdc = 45`, and both markets are on `btc`",
            limits: |limits| limits.symbol_exposure_max_usdc = usdc("45"),
            before: HELD,
            asks: of_two,
            ..PLAIN
        }
    } else {
        Case {
            set: "`worst_loss_max_usdc = 45`",
            limits: |limits| limits.worst_loss_max_usdc = usdc("45"),
            before: HELD,
            asks: "two:1 buy 20 yes of 3 at 0.50",
            ..PLAIN
        }
    }
}

#[test]
fn the_page_shows_what_a_refusal_of_each_rule_of_the_account_says() {
    let mut block = String::from("\n");
    for rule in AccountRule::ALL {
        let Case { set, limits: change, before, after, asks } = case(rule);
        let mut limits = wide();
        change(&mut limits);
        let mut account = account(limits);
        before.iter().for_each(|text| send(&mut account, text));
        after(&mut account);
        let (id, intent) = order(asks);
        let no = account.check(&id, &intent, at(1)).expect_err(rule.name());
        assert_eq!(no.rule, rule, "{asks}");
        let held = before.iter().map(|text| format!("`{text}`"));
        let when: Vec<String> = held.chain((!set.is_empty()).then(|| set.to_owned())).collect();
        let when = when.join(", ");
        block += &format!("`{asks}`; {when}:\n\n```text\nnot sent: {no}\n```\n\n");
    }
    hold("account refusals", &block);
}

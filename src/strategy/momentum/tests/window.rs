//! Windows: what the markets that close in the same quarter of an hour may cost, and the best signal of one.

use super::*;

const FIVE: ConditionId = ConditionId::from_bytes([5; 32]);

/// Both underlyings above their strikes: BTC by more.
const UP: (&str, &str) = ("100300", "4004");

/// Returns a desk that takes the best signal of a window, with both markets offered at 0.3.
fn collecting() -> Desk {
    let best_edge = Some(Duration::from_secs(2));
    let mut desk = Desk::new(Config { best_edge, cooldown: Duration::ZERO, ..directional() });
    desk.quote(BTC, "-/0.3", "-/0.3").quote(ETH, "-/0.3", "-/0.3");
    desk
}

#[test]
fn what_a_window_may_cost_passes_exactly() {
    let look = |max: &str, bought: &str| {
        let window_exposure_max_usdc = usdc(max);
        let mut desk = Desk::new(Config {
            cooldown: Duration::ZERO,
            window_exposure_max_usdc,
            ..directional()
        });
        if bought != "0" {
            desk.trade(ETH, bought);
        }
        desk.quote(BTC, "-/0.3", "-/0.3").quote(ETH, "-/0.3", "-/0.3");
        let look = desk.still("100300", "4000")[0].clone();
        desk.spot("BTC", "100300");
        (look, desk.compared)
    };
    let entry = "entry: buy 40 yes of btc at 0.3";
    assert_eq!(look("12", "0").0, entry);
    assert_eq!(look("15", "10").0, entry);
    let (no, compared) = look("14.99", "10");
    assert_eq!(no, "window_exposure");
    assert_eq!(compared, "spent 3, cost 12, window_exposure_max 14.99");
}

#[test]
fn markets_that_close_in_the_same_quarter_of_an_hour_share_a_window() {
    let shares = |closes: u64| {
        let mut desk = Desk::new(Config { cooldown: Duration::ZERO, ..directional() });
        desk.announce(market(FIVE, "eth", (closes - 300, closes)), |_| {});
        desk.trade(FIVE, "50");
        desk.quote(BTC, "-/0.3", "-/0.3");
        desk.prices("BTC", &[(60, "100300"), (0, "100300")]) == "window_exposure"
    };
    assert!(shares(900));
    assert!(shares(1200));
    assert!(shares(1799));
    assert!(!shares(899));
    assert!(!shares(1800));
}

#[test]
fn an_entry_on_its_way_counts_for_its_window() {
    let mut desk = Desk::new(Config { cooldown: Duration::ZERO, ..directional() });
    desk.quote(BTC, "-/0.3", "-/0.3").quote(ETH, "-/0.3", "-/0.3");
    desk.still("100300", "4000");
    let order = desk.send(ETH, Purpose::Entry, "50");
    assert_eq!(desk.spot("BTC", "100300"), "window_exposure");
    assert_eq!(desk.compared, "pending 15, cost 12, window_exposure_max 25");
    desk.unmatched(order);
    assert_eq!(desk.spot("BTC", "100300"), "entry: buy 40 yes of btc at 0.3");
    // What was bought and what is on its way are one sum.
    desk.trade(ETH, "20");
    let order = desk.send(ETH, Purpose::Entry, "30");
    assert_eq!(desk.spot("BTC", "100300"), "window_exposure");
    assert_eq!(desk.compared, "spent 6, pending 9, cost 12, window_exposure_max 25");
    desk.unmatched(order);
    assert_eq!(desk.spot("BTC", "100300"), "entry: buy 40 yes of btc at 0.3");
    // So are several that are on their way.
    desk.announce(market(FIVE, "eth", (600, 900)), |_| {});
    let orders = [ETH, FIVE].map(|market| desk.send(market, Purpose::Entry, "30"));
    assert_eq!(desk.spot("BTC", "100300"), "window_exposure");
    assert_eq!(desk.compared, "spent 6, pending 18, cost 12, window_exposure_max 25");
    for order in orders {
        desk.unmatched(order);
    }
    // An exit costs nothing.
    desk.send(ETH, Purpose::Exit, "50");
    assert_eq!(desk.spot("BTC", "100300"), "entry: buy 40 yes of btc at 0.3");
}

#[test]
fn a_window_is_spent_by_a_fill_and_by_nothing_else() {
    // It was spent by a rejected, a failed and even a dry-run order.
    let mut desk = collecting();
    desk.strategy.config.best_edge = Some(Duration::ZERO);
    let entry = "entry: buy 40 yes of btc at 0.3";
    assert_eq!(desk.still(UP.0, "4000")[0], entry);
    let order = desk.send(BTC, Purpose::Entry, "40");
    desk.refused(order);
    assert_eq!(desk.spot("BTC", UP.0), entry);
    let order = desk.send(BTC, Purpose::Entry, "40");
    desk.unmatched(order);
    assert_eq!(desk.spot("BTC", UP.0), entry);
    let order = desk.send(ETH, Purpose::Entry, "10");
    assert_eq!(desk.spot("BTC", UP.0), "window_spent");
    assert_eq!(desk.compared, "pending 3");
    desk.unmatched(order);
    assert_eq!(desk.spot("BTC", UP.0), entry);
    desk.trade(ETH, "5");
    assert_eq!(desk.spot("BTC", UP.0), "window_spent");
    assert_eq!(desk.compared, "spent 1.5");
}

#[test]
fn the_best_signal_of_a_window_is_taken_when_the_first_is_two_seconds_old() {
    let mut desk = collecting();
    assert_eq!(desk.still("100000", UP.1), ["await_best"; 2]);
    assert_eq!(desk.next_timer(), Some(Duration::from_secs(2)));
    desk.wait_s(1);
    assert_eq!(desk.spot("BTC", UP.0), "await_best");
    assert!(desk.compared.ends_with("waited 1s, signal_delay 2s"), "{}", desk.compared);
    desk.wait_s(1);
    assert_eq!(desk.timer(), ["not_best", "entry: buy 40 yes of btc at 0.3"]);
    assert!(desk.compared.starts_with("chance 0.877995"), "{}", desk.compared);
    assert_eq!(desk.next_timer(), None);
}

#[test]
fn the_signals_are_judged_as_they_are_then_and_not_as_they_were() {
    let mut desk = collecting();
    desk.still(UP.0, UP.1);
    desk.wait_s(1);
    desk.quote(BTC, "-/0.55", "-/0.3").quote(ETH, "-/0.4", "-/0.3");
    desk.spot("BTC", "100050");
    desk.spot("ETH", UP.1);
    desk.wait_s(1);
    assert_eq!(desk.timer(), ["no_edge", "entry: buy 40 yes of eth at 0.4"]);
    // When none is left, nothing is bought, and the next signal waits anew.
    let mut desk = collecting();
    desk.still(UP.0, UP.1);
    desk.wait_s(2).quote(BTC, "-/0.9", "-/0.9").quote(ETH, "-/0.9", "-/0.9");
    assert_eq!(desk.timer(), ["price_limit", "price_limit"]);
    desk.quote(BTC, "-/0.3", "-/0.3");
    assert_eq!(desk.spot("BTC", UP.0), "await_best");
    assert!(desk.compared.contains("waited 0s"), "{}", desk.compared);
}

#[test]
fn a_look_after_the_time_picks_too_when_the_timer_is_late() {
    let mut desk = collecting();
    desk.still(UP.0, UP.1);
    desk.wait(Duration::from_secs(2) - INSTANT);
    assert_eq!(desk.spot("ETH", UP.1), "await_best");
    desk.wait(INSTANT);
    let kind = Kind::Spot { symbol: "ETH".into(), price_usd: usdc(UP.1) };
    assert_eq!(desk.event(kind), ["not_best", "entry: buy 40 yes of btc at 0.3"]);
    assert_eq!(desk.timer(), Vec::<String>::new());
}

#[test]
fn of_equal_signals_the_first_underlying_is_taken() {
    let mut desk = collecting();
    desk.strategy.config.series[1].volatility = frac("0.005");
    desk.still("100250", "4010");
    desk.wait_s(2);
    assert_eq!(desk.timer(), ["not_best", "entry: buy 40 yes of btc at 0.3"]);
    assert_eq!(desk.strategy.waiting.len(), 0);
}

#[test]
fn each_window_has_its_own_best_signal() {
    let mut desk = collecting();
    desk.settle(ETH);
    desk.announce(market(FIVE, "eth", (600, 930)), |market| market.strike_usd = Some(usdc("4000")));
    desk.change(|market| market.closes_at = begin() + Duration::from_secs(899));
    desk.quote(BTC, "-/0.3", "-/0.3").quote(FIVE, "-/0.3", "-/0.3");
    assert_eq!(desk.still(UP.0, UP.1), ["await_best"; 2]);
    desk.wait_s(2);
    let entries = ["entry: buy 40 yes of btc at 0.3", "entry: buy 40 yes of another at 0.3"];
    assert_eq!(desk.timer(), entries);
}

#[test]
fn a_window_is_not_picked_when_another_is_due() {
    let mut desk = collecting();
    desk.settle(ETH);
    desk.announce(market(FIVE, "eth", (600, 930)), |market| market.strike_usd = Some(usdc("4000")));
    desk.change(|market| market.closes_at = begin() + Duration::from_secs(899));
    desk.quote(BTC, "-/0.3", "-/0.3").quote(FIVE, "-/0.3", "-/0.3");
    assert_eq!(desk.prices("BTC", &[(60, UP.0), (0, UP.0)]), "await_best");
    desk.wait_s(1);
    assert_eq!(desk.prices("ETH", &[(60, UP.1), (0, UP.1)]), "await_best");
    desk.wait_s(1);
    assert_eq!(desk.timer(), ["entry: buy 40 yes of btc at 0.3"]);
    assert_eq!(desk.next_timer(), Some(Duration::from_secs(1)));
    desk.wait_s(1);
    assert_eq!(desk.timer(), ["entry: buy 40 yes of another at 0.3"]);
}

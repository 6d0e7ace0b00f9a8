//! Markets that have paid while an order in them is open: what is told of it late is of before.

use super::checkpoint::{read, resumed, written};
use super::*;
use serde_json::Value as Json;

/// Ten yes are held for 4, five of them are offered at 0.5, and the market pays as told.
fn selling(yes: &str, no: &str) -> Desk {
    let mut desk = Desk::new();
    desk.trade(A, "entry 10 yes at 0.4");
    desk.want("exit 5 yes at 0.5");
    desk.told();
    assert_eq!(desk.settle(A, yes, no), NOTHING);
    desk
}

#[test]
fn a_sale_that_is_told_after_the_market_paid_is_booked_before_it() {
    let mut desk = selling("0", "1");
    assert_eq!((desk.told(), desk.cash().as_str()), (NOTHING, "-4"));
    assert_eq!(desk.fill(2, "1: 5 at 0.5"), Ok(NOTHING));
    assert_eq!(desk.done(2, "0"), ["btc-a settled for 0, profit -1.5"]);
    let told = ["fill of a:2, 5 held", "end with 0 left, 0 open", "a settled"];
    assert_eq!((desk.told(), desk.cash().as_str()), (told.map(str::to_owned).to_vec(), "-1.5"));
    assert!(!desk.kernel.portfolio().is_held(A));
}

#[test]
fn a_purchase_that_is_told_after_the_market_paid_is_paid_too() {
    let mut desk = Desk::new();
    desk.want("entry 10 yes at 0.4");
    assert_eq!(desk.settle(A, "1", "0"), NOTHING);
    desk.fill(1, "1: 4 at 0.4").unwrap();
    assert_eq!(desk.fill(1, "2: 6 at 0.3"), Ok(NOTHING));
    assert_eq!(desk.done(1, "0"), ["btc-a settled for 10, profit 6.6"]);
    assert_eq!(desk.cash(), "6.6");
}

#[test]
fn the_last_order_of_the_market_settles_it_however_it_ends() {
    let mut desk = Desk::new();
    desk.trade(A, "entry 10 yes at 0.4");
    desk.want("exit 5 yes at 0.5");
    desk.want("entry 10 no at 0.3");
    desk.settle(A, "1", "0");
    desk.told();
    assert_eq!(desk.submission(2, Submission::Unknown), NOTHING);
    assert_eq!(desk.done(3, "10"), NOTHING, "one is open still");
    let no = Submission::Rejected { reason: "settled".into(), origin: Origin::Order };
    assert_eq!(desk.submission(2, no), ["btc-a settled for 10, profit 6"]);
    assert_eq!(desk.told().last().unwrap(), "a settled");
}

#[test]
fn an_order_elsewhere_is_not_waited_for() {
    let mut desk = Desk::new();
    desk.trade(A, "entry 10 yes at 0.4");
    desk.want_in(B, "entry 10 yes at 0.4");
    assert_eq!(desk.settle(A, "1", "0"), ["btc-a settled for 10, profit 6"]);
}

#[test]
fn a_market_sold_out_by_what_is_told_late_made_its_round_then() {
    let mut desk = Desk::new();
    desk.trade(A, "entry 10 yes at 0.4");
    desk.want("exit 10 yes at 0.5");
    desk.settle(A, "1", "0");
    desk.fill(2, "1: 10 at 0.5").unwrap();
    desk.told();
    assert_eq!(desk.done(2, "0"), NOTHING, "nothing was held");
    assert_eq!((desk.told().last().unwrap().as_str(), desk.cash().as_str()), ("a settled", "1"));
}

#[test]
fn nothing_more_is_wanted_of_a_market_that_has_paid() {
    let mut desk = selling("1", "0");
    assert_eq!(desk.want("hedge 5 no at 0.3"), ["3 refused unknown_market"]);
    // An announcement again, and another answer, change nothing.
    desk.tell(Kind::Market(Arc::new(market(A, "btc-a"))));
    assert_eq!(desk.want("hedge 5 no at 0.3"), ["4 refused unknown_market again"]);
    assert_eq!(desk.settle(A, "0", "1"), NOTHING);
    assert_eq!(desk.done(2, "5"), ["btc-a settled for 10, profit 6"]);
}

#[test]
fn what_waits_is_shown_by_its_name_and_by_the_orders_that_it_waits_for() {
    let mut desk = selling("1", "0");
    let status = desk.kernel.status();
    let [waits] = &status.settling[..] else { panic!("{:?}", status.settling) };
    assert_eq!((waits.market.as_str(), &waits.orders[..]), ("btc-a", &[2][..]));
    assert_eq!(waits.payouts_usdc, ["1", "0"].map(usdc));
    let held: Vec<_> =
        status.positions.iter().map(|held| (held.market.as_str(), held.label.as_str())).collect();
    assert_eq!(held, [("btc-a", "Up")]);
    desk.done(2, "5");
    assert!(desk.kernel.status().settling.is_empty());
}

#[test]
fn a_kernel_that_is_resumed_waits_on() {
    let desk = selling("0", "1");
    let text = written(&desk);
    assert_eq!(serde_json::to_string(&read(&text).unwrap().checkpoint()).unwrap(), text);
    let mut desk = resumed(desk.kernel.checkpoint(), limits());
    assert_eq!(desk.fill(2, "1: 5 at 0.5"), Ok(NOTHING));
    assert_eq!(desk.done(2, "0"), ["btc-a settled for 0, profit -1.5"]);
}

#[test]
fn what_is_written_of_what_waits_must_fit_the_rest() {
    let refused = |change: fn(&mut Json)| {
        let mut json: Json = serde_json::from_str(&written(&selling("0", "1"))).unwrap();
        change(&mut json);
        read(&json.to_string()).unwrap_err()
    };
    let other = refused(|json| {
        let waits = json["settling"].as_object_mut().unwrap();
        let one = waits.remove(&A.to_string()).unwrap();
        waits.insert(B.to_string(), one);
    });
    assert_eq!(other, format!("the checkpoint has the market {A} under another id"));
    let idle = refused(|json| json["orders"] = serde_json::json!({}));
    assert_eq!(idle, format!("the checkpoint has the settlement of {A} wait for no order"));
    let open = refused(|json| {
        let mut state = json["markets"][B.to_string()].clone();
        state["market"] = json["settling"][A.to_string()]["market"].clone();
        json["markets"][A.to_string()] = state;
    });
    assert_eq!(open, format!("the checkpoint has the market {A} open, and paid"));
}

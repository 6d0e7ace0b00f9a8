//! What is written down of a kernel, and what is refused when it is read.

use serde_json::Value as Json;

use super::*;

/// Returns a kernel of which every part says something.
pub(super) fn busy() -> Desk {
    let mut desk = Desk::new();
    desk.bid(A, YES, "0.4");
    desk.no(A, Reason::NoSignal, 1);
    desk.trade(A, "entry 10 yes at 0.4");
    desk.trade(A, "exit 10 yes at 0.3");
    desk.trade(B, "entry 10 yes at 0.4");
    desk.want("entry 5000 yes at 0.4");
    desk.want("entry 10 yes at 0.4");
    desk.give(&Input::Gate { at: desk.now, gate: Gate::ReduceOnly }).unwrap();
    desk
}

pub(super) fn written(desk: &Desk) -> String {
    serde_json::to_string(&desk.kernel.checkpoint()).unwrap()
}

/// Returns the kernel of a text, with a strategy that knows nothing, or what is wrong.
pub(super) fn read(text: &str) -> Result<Kernel, String> {
    let checkpoint: Checkpoint = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let puppet = Puppet { subscription: Subscription::default(), hands: Arc::default() };
    Kernel::resume("a".parse().unwrap(), Box::new(puppet), limits(), checkpoint)
        .map_err(|error| error.to_string())
}

/// Returns a desk at which a kernel goes on from its checkpoint, by these limits.
pub(super) fn resumed(checkpoint: Checkpoint, limits: Limits) -> Desk {
    let mut desk = Desk::new();
    let (subscription, hands) = (Subscription::default(), Arc::clone(&desk.hands));
    let puppet = Box::new(Puppet { subscription, hands });
    desk.kernel = Kernel::resume("a".parse().unwrap(), puppet, limits, checkpoint).unwrap();
    desk.now = desk.kernel.now();
    desk
}

/// Changes one value of a checkpoint, at a path such as `memory.seq`. Returns why it is refused.
fn refused(path: &str, value: &str) -> String {
    let mut json: Json = serde_json::from_str(&written(&busy())).unwrap();
    let pointer = format!("/{}", path.replace('.', "/"));
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    let parent = json.pointer_mut(parent).unwrap_or_else(|| panic!("{path}"));
    parent[last] = serde_json::from_str(value).unwrap();
    let text = serde_json::to_string_pretty(&json).unwrap();
    match read(&text) {
        Ok(_) => panic!("{path} = {value} is read"),
        Err(error) => error,
    }
}

fn check(path: &str, value: &str, expected: &str) {
    let error = refused(path, value);
    let (problem, place) = error.split_once(" at line ").unwrap_or_else(|| panic!("{error}"));
    assert_eq!(problem, expected, "{path} = {value}");
    let (line, column) = place.split_once(" column ").unwrap();
    assert!(1 < line.parse::<u32>().unwrap() && 0 < column.parse::<u32>().unwrap(), "{error}");
}

#[test]
fn a_kernel_is_what_was_written_of_it() {
    let desk = busy();
    let text = written(&desk);
    let kernel = read(&text).unwrap();
    assert_eq!(serde_json::to_string(&kernel.checkpoint()).unwrap(), text);
    assert_eq!(kernel.status(), desk.kernel.status());
    assert_eq!(kernel.guard.gate(), Gate::ReduceOnly);
    // Four orders of a hundred at once are used up, and so are they after it was read.
    assert!(text.contains(r#""throttle":{"tokens":"#), "{text}");
    assert_eq!(kernel.guard.standing(), desk.kernel.guard.standing());
    assert_ne!(kernel.guard.standing(), Desk::new().kernel.guard.standing());
}

#[test]
fn a_memory_is_what_was_written_of_it() {
    let memory = busy().kernel.memory();
    let text = serde_json::to_string(&memory).unwrap();
    let read: Memory = serde_json::from_str(&text).unwrap();
    assert_eq!(read, memory);
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
    assert!(
        serde_json::from_str::<Memory>(&text.replacen(r#""seq""#, r#""sequence""#, 1)).is_err()
    );
}

#[test]
fn what_is_unknown_is_refused_with_its_place() {
    let fields = "expected one of `id`, `memory`, `guard`, `markets`, `settling`, `portfolio`, `orders`, \
         `strategy`";
    check("more", "1", &format!("unknown field `more`, {fields}"));
    check("guard.more", "1", "unknown field `more`, expected `gate` or `throttle`");
    let names = "expected one of `now`, ";
    assert!(refused("memory.more", "1").contains(names));
    for path in [
        "guard.throttle.more",
        "memory.orders.more",
        "memory.digest.more",
        "memory.breaker.more",
        "memory.valuation.more",
        "memory.tallies.more",
        "portfolio.more",
        "orders.4.more",
        "orders.4.intent.more",
    ] {
        let error = refused(path, "1");
        assert!(error.contains("`more`") && error.contains(" at line "), "{path}: {error}");
    }
    check(
        "strategy",
        r#""witch""#,
        "unknown variant `witch`, expected one of `nothing`, `split_arb`, `momentum`, `nba_swing`, `drill`",
    );
    check(
        "guard.gate",
        r#""ajar""#,
        "unknown variant `ajar`, expected one of `open`, `reduce_only`, `closed`",
    );
    let cause = r#"{"no whim":{"count":1}}"#;
    assert!(refused("memory.tallies.all", cause).starts_with("`no whim`: unknown variant `whim`"));
    let cause = r#"{"maybe":{"count":1}}"#;
    assert!(
        refused("memory.tallies.all", cause).starts_with("`maybe`: neither `no` nor `rejected`")
    );
}

#[test]
fn numbers_are_read_by_the_names_that_strategies_give_them() {
    let path = "memory.tallies.all.no no_signal.numbers";
    check(path, r#"[["whim",{"count":1}]]"#, "`whim` is not the name of a number");
    let one = r#"["ask",{"price":"0.46"}]"#;
    let eight = format!("[{}]", [one; 8].join(","));
    check(path, &eight, "invalid length 8, expected at most seven numbers");
    check(path, r#"[["ask",{"price":"1"}]]"#, "price 1 is not between 0 and 1");
}

#[test]
fn what_could_not_go_on_is_refused() {
    let most = u64::MAX.to_string();
    let problem = format!("{most} is too large to go on counting");
    for path in ["memory.seq", "memory.inputs", "memory.digest.count", "memory.breaker.streak"] {
        check(path, &most, &problem);
    }
    let problem = "a count is too large to go on counting";
    check("memory.orders.accepted", &most, problem);
    check("memory.rejections", &format!(r#"{{"gate":{most}}}"#), problem);
    let largest = r#""1000000000000""#;
    check("memory.valuation.peak", largest, "1000000000000 is too large an amount");
    let problem = "the amounts of the portfolio are too large to be added up";
    check("portfolio.cash", largest, problem);
    check("portfolio.cash", r#""-1000000000000""#, problem);
    check("memory.digest.link", r#""ab""#, "`ab` is not a digest of 64 hex digits");
}

#[test]
fn a_checkpoint_that_contradicts_itself_is_refused() {
    let check = |path, value: &str, expected: &str| assert_eq!(refused(path, value), expected);
    check("id", r#""b""#, "the checkpoint is of b, not of a");
    let open = "the checkpoint has an open order 4, and the last one was 3";
    check("memory.last_order", "3", open);
    let json: Json = serde_json::from_str(&written(&busy())).unwrap();
    let market = json["markets"][B.to_string()].to_string();
    let under = format!(r#"{{"{A}":{market}}}"#);
    check("markets", &under, &format!("the checkpoint has the market {B} under another id"));
}

/// Nothing of a kernel is left out: what a field is taken away from cannot be read.
#[test]
fn what_is_missing_is_refused() {
    let json: Json = serde_json::from_str(&written(&busy())).unwrap();
    let objects = ["", "/memory", "/guard", "/guard/throttle", "/portfolio", "/memory/breaker"];
    for place in objects {
        let fields = json.pointer(place).unwrap().as_object().unwrap();
        for field in fields.keys() {
            let mut json = json.clone();
            json.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(field);
            let error = read(&json.to_string()).map(drop).unwrap_err();
            assert!(error.starts_with("missing field") && error.contains(" at line "), "{error}");
        }
    }
}

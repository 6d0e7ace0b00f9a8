//! Replays of tapes: bounds, failures of a strategy, and the order in which gates are really asked.

use std::collections::BTreeMap;
use std::path::Path;

use ploy::compare::gates::rows;
use ploy::compare::line::{Decided, Verdict};
use ploy::event::Kind;
use ploy::market::ConditionId;
use ploy::open_orders::OpenOrder;
use ploy::order::Fill;
use ploy::strategy::{Look, Strategy, View};

use super::*;
use crate::adapters::tape::writer::{Effort, TapeWriter};
use crate::settings;

fn config() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../config")
}

fn strategy_file(name: &str) -> StrategyConfig {
    settings::strategy_file(&config().join(format!("strategies/{name}.toml"))).unwrap()
}

/// The first hour of the shipped books, as a tape of its own.
fn hour(folder: &Path) -> PathBuf {
    let service = settings::service(&config()).unwrap();
    let shipped = config().join(service.feed.paths.first().unwrap());
    let tape = crate::adapters::tape::reader::open(&shipped).unwrap();
    let mut header = tape.header().clone();
    let end = header.from + Duration::from_hours(1);
    let events: Vec<MarketEvent> =
        tape.map(Result::unwrap).take_while(|event| event.at < end).collect();
    header.to = events.last().unwrap().at;
    let path = folder.join("hour.jsonl");
    let mut writer = TapeWriter::create(&path, &header, Effort::Quick).unwrap();
    events.iter().for_each(|event| writer.write(event).unwrap());
    writer.finish().unwrap();
    path
}

fn plan(tape: &Path, strategies: Vec<StrategyConfig>) -> Plan {
    Plan {
        tapes: vec![tape.to_owned()],
        latency: Duration::from_millis(250),
        strategies,
        from: None,
        to: None,
        tell: Tell::Lines,
    }
}

/// Plays to the end and returns every line.
fn told(player: &mut Player) -> Vec<Line> {
    let mut lines = Vec::new();
    while player.play_some().unwrap() {
        lines.extend(player.lines());
    }
    lines.extend(player.lines());
    lines
}

fn decisions(lines: &[Line]) -> Vec<&Decided> {
    lines
        .iter()
        .filter_map(|line| match line {
            Line::Decision(decided) => Some(decided),
            Line::Fill(_) | Line::Done(_) | Line::Settled(_) | Line::Risk(_) => None,
            Line::Decisions(_) | Line::End(_) => panic!("{line:?}"),
        })
        .collect()
}

#[test]
fn what_is_told_between_two_times_is_what_all_of_it_tells_there() {
    let folder = tempfile::tempdir().unwrap();
    let tape = hour(folder.path());
    let files = || vec![strategy_file("split_arb_legged")];
    let mut whole = Player::open(&plan(&tape, files())).unwrap();
    let all = told(&mut whole);
    let from = "2026-09-28T09:05:00Z".parse().unwrap();
    let to = "2026-09-28T09:30:00Z".parse().unwrap();
    let bounds = Plan { from: Some(from), to: Some(to), ..plan(&tape, files()) };
    let mut part = Player::open(&bounds).unwrap();
    let lines = told(&mut part);
    let is_within = |line: &&Line| line.at().is_some_and(|at| from <= at && at <= to);
    let expected: Vec<&Line> = all.iter().filter(is_within).collect();
    assert!(expected.len() > 100, "{}", expected.len());
    let found: Vec<&Line> = lines.iter().filter(is_within).collect();
    assert_eq!(found, expected);
    // After the last event orders arrive; nothing else is told after the bound.
    assert!(
        lines.iter().all(|line| line.at().is_some_and(|at| at <= to + ploy::replay::AFTER_END))
    );

    let end = part.end(0);
    let total = end.strategies.first().unwrap();
    let own = decisions(&lines);
    let orders = own.iter().filter(|decided| decided.verdict == Verdict::Order).count();
    assert_eq!(total.decisions, u64::try_from(own.len()).unwrap());
    assert_eq!(total.orders, u64::try_from(orders).unwrap());
    let status = part.status(None);
    let causes: u64 = status.strategies[0].kernel.totals().iter().map(|tally| tally.count).sum();
    assert_eq!(causes, total.decisions - total.orders);
}

/// A strategy that does what another does until so many events, then panics.
#[derive(Debug)]
struct Frail {
    inner: Box<dyn Strategy>,
    left: u32,
}

impl Strategy for Frail {
    fn subscription(&self) -> &Subscription {
        self.inner.subscription()
    }
    fn on_event(&mut self, event: &MarketEvent, view: &View<'_>, looks: &mut Vec<Look>) {
        self.left = self.left.checked_sub(1).expect("it is frail");
        self.inner.on_event(event, view, looks);
    }
    fn on_fill(&mut self, fill: &Fill, view: &View<'_>, looks: &mut Vec<Look>) {
        self.inner.on_fill(fill, view, looks);
    }
    fn on_done(&mut self, order: &OpenOrder, view: &View<'_>, looks: &mut Vec<Look>) {
        self.inner.on_done(order, view, looks);
    }
    fn on_timer(&mut self, view: &View<'_>, looks: &mut Vec<Look>) {
        self.inner.on_timer(view, looks);
    }
    fn on_settled(&mut self, market: ConditionId) {
        self.inner.on_settled(market);
    }
    fn next_timer(&self) -> Option<Timestamp> {
        self.inner.next_timer()
    }

    fn save(&self) -> ploy::strategy::Saved {
        ploy::strategy::Saved::Nothing
    }
}

#[test]
fn a_strategy_that_panics_is_set_aside_and_the_others_decide_as_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let tape = hour(folder.path());
    let files = vec![strategy_file("split_arb_legged"), strategy_file("split_arb_simultaneous")];
    let alone = vec![files[1].clone()];
    let mut alone = Player::open(&plan(&tape, alone)).unwrap();
    let expected = told(&mut alone);

    let plan = plan(&tape, files);
    let kernels = plan.strategies.iter().enumerate().map(|(place, config)| {
        let inner = config.kind.build();
        let left = if place == 0 { 3000 } else { u32::MAX };
        let strategy = Box::new(Frail { inner, left });
        Kernel::new(config.id.clone(), strategy, config.limits.clone(), Memory::default())
    });
    let kernels: Vec<Kernel> = kernels.collect();
    let sets = plan.strategies.iter().map(set).collect();
    let source = Source::open(&plan.tapes).unwrap();
    let mut player = Player::of(source, kernels, sets, &plan);
    let lines = told(&mut player);
    let others: Vec<Line> = lines
        .into_iter()
        .filter(|line| line.strategy().is_some_and(|id| id.as_str() == "split_arb_simultaneous"))
        .collect();
    assert_eq!(others, expected);
    assert!(player.has_failed() && !alone.has_failed());
    let end = player.end(0);
    let failed: Vec<(&str, bool)> =
        end.strategies.iter().map(|total| (total.id.as_str(), total.failed.is_some())).collect();
    assert_eq!(failed, [("split_arb_legged", true), ("split_arb_simultaneous", false)]);
    let status = player.status(None);
    let first = &status.strategies[0];
    assert_eq!(first.phase.name(), "halted");
    assert!(first.last_error.as_ref().unwrap().contains("it is frail"), "{:?}", first.last_error);
    assert!(first.kernel.decisions > 1000);
}

/// The looks of a replay, by instant and market.
type Looks = BTreeMap<(Timestamp, Option<ConditionId>), Vec<Decided>>;

/// Returns how each look of a replay under other settings ended.
fn looks(tape: &Path, name: &str, changes: &[(&str, &str)]) -> Looks {
    let mut text = strategy_file(name).text.to_string();
    for (key, value) in changes {
        let line = text.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap();
        text = text.replace(&line.to_owned(), &format!("{key} = {value}"));
    }
    let file = settings::strategy_text("changed", name.parse().unwrap(), &text).unwrap();
    let mut player = Player::open(&plan(tape, vec![file])).unwrap();
    let lines = told(&mut player);
    let mut looks = Looks::new();
    for decided in decisions(&lines) {
        looks.entry((decided.at, decided.market_id)).or_default().push(decided.clone());
    }
    looks
}

/// Returns the gate at which a look ended.
fn end(look: &Decided) -> Option<&str> {
    look.reason.as_deref()
}

/// Where the first of two settings alone ends a look at one gate, and the second alone at a later one, both together
/// end it at the earlier one. Each setting is so strict that nothing is bought: no look follows from another.
fn check_order(tape: &Path, name: &str, gates: &[(&str, &str, &str)]) {
    let file = strategy_file(name);
    let row = rows(file.kind.name(), file.kind.variant()).unwrap().entry;
    let place = |name: &str| row.iter().position(|gate| gate.name == name).unwrap();
    let strict = |changes: &[(&str, &str)]| looks(tape, name, changes);
    let alone: Vec<_> =
        gates.iter().map(|(gate, key, value)| (*gate, strict(&[(key, value)]))).collect();
    let mut pairs = 0;
    for (n, (early, key, value)) in gates.iter().enumerate() {
        for (late, other, other_value) in &gates[n + 1..] {
            assert!(place(early) < place(late), "{name}: {early} stands after {late}");
            let both = strict(&[(key, value), (other, other_value)]);
            let of = |gate: &str| &alone.iter().find(|(name, _)| *name == gate).unwrap().1;
            let mut met = 0;
            for (at, looks) in &both {
                let (Some(one), Some(two)) = (of(early).get(at), of(late).get(at)) else {
                    continue;
                };
                // Where there are more on one side, they are not the same looks: one is a timer's.
                if one.len() != looks.len() || two.len() != looks.len() {
                    continue;
                }
                for ((look, one), two) in looks.iter().zip(one).zip(two) {
                    if end(one) == Some(*early) && end(two) == Some(*late) {
                        assert_eq!(end(look), Some(*early), "{name}: {early}, {late}: {look:?}");
                        met += 1;
                    }
                }
            }
            pairs += usize::from(met > 0);
        }
    }
    assert_eq!(pairs, gates.len() * (gates.len() - 1) / 2, "{name}: a pair never met");
}

#[test]
fn split_arb_asks_in_the_order_of_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let tape = hour(folder.path());
    check_order(
        &tape,
        "split_arb_legged",
        &[
            ("near_close", "exit_before_close_s", "86400"),
            ("stale_book", "book_age_ms_max", "100"),
            ("book_skew", "book_skew_ms_max", "0"),
            ("price_limit", "entry_price_max_usdc", "0.001"),
            ("hedge_distance", "hedge_slack_usdc", "0"),
        ],
    );
}

/// Returns a tape that comes with the program.
fn shipped(name: &str) -> PathBuf {
    config().join(format!("tapes/{name}.jsonl.gz"))
}

#[test]
fn momentum_asks_in_the_order_of_its_rows() {
    check_order(
        &shipped("eth-5m-synthetic-2026-09-28"),
        "momentum",
        &[
            ("stale_book", "book_age_ms_max", "100"),
            ("price_limit", "entry_price_max_usdc", "0.10"),
            ("no_edge", "value_min_usdc", "0.5"),
        ],
    );
}

#[test]
fn nba_swing_asks_in_the_order_of_its_rows() {
    check_order(
        &shipped("nba-synthetic-2026-09-28"),
        "nba_swing",
        &[
            ("filters", "best_depth_min_usdc", "1000000"),
            ("price_high", "price_max_usdc", "0.06"),
            ("no_edge", "edge_min_usdc", "0.5"),
            ("low_confidence", "confidence_min", "1"),
        ],
    );
}

#[test]
fn a_tape_may_have_no_market_that_anybody_wants() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    let at: Timestamp = "2026-09-28T09:00:00Z".parse().unwrap();
    let header = Header {
        tape: "ploy".to_owned(),
        version: 1,
        title: "a gap".to_owned(),
        source: "none".to_owned(),
        licence: "none".to_owned(),
        books: Books::None,
        from: at,
        to: at,
        notes: Vec::new(),
    };
    let mut writer = TapeWriter::create(&path, &header, Effort::Quick).unwrap();
    writer.write(&MarketEvent { at, kind: Kind::Gap { missed: 1 } }).unwrap();
    writer.finish().unwrap();
    let mut player = Player::open(&plan(&path, vec![strategy_file("split_arb_legged")])).unwrap();
    assert_eq!(told(&mut player), []);
    assert_eq!(player.progress(), (1, 0));
    let status = player.status(None);
    assert_eq!((status.feed.events, status.strategies[0].kernel.decisions), (1, 0));
}

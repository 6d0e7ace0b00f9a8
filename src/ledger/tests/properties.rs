//! Facts in any order, told twice, late or never, with crashes between: the ledger is what the reference says.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, Strategy as Any, prop_assert, prop_assert_eq, prop_oneof};
use proptest::proptest;
use proptest::sample::select;
use proptest::test_runner::TestCaseError;

use super::reference::{Balances, Reference, Shares, Told};
use super::{fill_of, market, terms, usdc};
use crate::ledger::{Booked, Event, Finding, Ledger, LedgerError, Owner, Settlement, Stage, Terms};
use crate::market::{Outcome, Side};
use crate::order::Fill;
use crate::price::{Size, Usdc};

#[derive(Clone, Debug)]
enum Step {
    /// A fact about one of the orders of the world, by its number.
    Recorded(usize),
    Over(usize),
    Fill {
        order: usize,
        number: u32,
        stage: Stage,
    },
    /// The same fill with another price.
    Forged {
        order: usize,
        number: u32,
    },
    Settled {
        owner: usize,
        market: u8,
        settlement: Settlement,
    },
    Converted {
        owner: usize,
        market: u8,
        is_split: bool,
        name: u8,
        cents: i64,
    },
    Noted {
        owner: usize,
        is_fee: bool,
        name: u8,
        cents: i64,
    },
    /// The process dies, and what was written is read again.
    Crash,
}

fn worlds() -> impl Any<Value = Vec<Terms>> {
    let order = (select(vec!["a", "b"]), 0..2_u8, select(vec![Outcome::Yes, Outcome::No]))
        .prop_flat_map(|(strategy, number, outcome)| {
            let side = select(vec![Side::Buy, Side::Buy, Side::Sell]);
            (side, 1..999_999_i64, 1..20_000_000_i64, 0..400_000_i64)
                .prop_map(move |rest| (strategy, number, outcome, rest))
        });
    vec(order, 1..7).prop_map(|orders| {
        let mut world = Vec::new();
        for (at, (strategy, of, outcome, (side, limit, size, fee))) in
            orders.into_iter().enumerate()
        {
            let mut terms = terms(strategy, u64::try_from(at).unwrap() + 1, side);
            terms.market = market(of);
            terms.outcome = outcome;
            terms.limit = crate::price::Price::from_micros(limit).unwrap();
            terms.size = Size::from_micros(size).unwrap();
            terms.fee = Usdc::from_micros(fee).unwrap();
            world.push(terms);
        }
        world
    })
}

fn steps() -> impl Any<Value = Vec<Step>> {
    let stage = || select(vec![Stage::Matched, Stage::Matched, Stage::Confirmed, Stage::Failed]);
    let fill = || {
        (0..7_usize, 1..4_u32, stage()).prop_map(|(order, number, stage)| Step::Fill {
            order,
            number,
            stage,
        })
    };
    let pays = vec![
        Settlement::Paid([usdc("1"), Usdc::ZERO]),
        Settlement::Paid([usdc("0.5"); 2]),
        Settlement::Void,
    ];
    let settled = (0..3_usize, 0..2_u8, select(pays))
        .prop_map(|(owner, market, settlement)| Step::Settled { owner, market, settlement });
    let converted = (0..3_usize, 0..2_u8, proptest::bool::ANY, 0..3_u8, 1..900_i64).prop_map(
        |(owner, market, is_split, name, cents)| {
            // The same name means the same size most of the time.
            let cents = if cents < 800 { i64::from(name + 1) * 150 } else { cents };
            Step::Converted { owner, market, is_split, name, cents }
        },
    );
    let noted = (0..3_usize, proptest::bool::ANY, 0..3_u8, 0..12_i64).prop_map(
        |(owner, is_fee, name, cents)| {
            let cents = if cents == 0 { 7 } else { i64::from(name + 1) * 3 };
            Step::Noted { owner, is_fee, name, cents }
        },
    );
    let step = prop_oneof![
        5 => (0..7_usize).prop_map(Step::Recorded),
        2 => (0..7_usize).prop_map(Step::Over),
        12 => fill(),
        1 => (0..7_usize, 1..4_u32).prop_map(|(order, number)| Step::Forged { order, number }),
        1 => settled,
        2 => converted,
        1 => noted,
        1 => proptest::strategy::Just(Step::Crash),
    ];
    vec(step, 1..60)
}

fn owner(number: usize) -> Owner {
    match number {
        0 => Owner::Strategy("a".parse().unwrap()),
        1 => Owner::Strategy("b".parse().unwrap()),
        _ => Owner::Unattributed,
    }
}

/// A fill of an order: at its limit or better, a third of it or more, so that some orders are filled beyond their size.
fn fill(terms: &Terms, number: u32) -> Fill {
    let micros = terms.size.micros() * i64::from(number) / 4;
    let mut fill = fill_of(terms, number);
    fill.size = Size::from_micros(micros.max(1)).unwrap();
    fill.fee = Usdc::from_micros(micros % 90_001).unwrap();
    fill
}

/// Returns the fact of a step; nothing for a crash and for an order that is not in the world.
fn event(step: &Step, world: &[Terms]) -> Option<Event> {
    let cents = |cents: i64| cents * 10_000;
    Some(match step {
        Step::Recorded(order) => Event::Recorded(world.get(*order)?.clone()),
        Step::Over(order) => Event::Over { order: world.get(*order)?.order.clone() },
        Step::Fill { order, number, stage } => {
            Event::Filled { fill: fill(world.get(*order)?, *number), stage: *stage }
        }
        Step::Forged { order, number } => {
            let mut fill = fill(world.get(*order)?, *number);
            fill.price = fill.price.complement();
            fill.size += Size::CENT;
            Event::Filled { fill, stage: Stage::Confirmed }
        }
        Step::Settled { owner: whose, market: of, settlement } => {
            Event::Settled { owner: owner(*whose), market: market(*of), settlement: *settlement }
        }
        Step::Converted { owner: whose, market: of, is_split, name, cents: size } => {
            let (owner, market) = (owner(*whose), market(*of));
            let reference = format!("pair-{name}").into();
            let size = Size::from_micros(cents(*size)).unwrap();
            match is_split {
                true => Event::Split { owner, market, reference, size },
                false => Event::Merge { owner, market, reference, size },
            }
        }
        Step::Noted { owner: whose, is_fee, name, cents: sum } => {
            let owner = owner(*whose);
            let amount = Usdc::from_micros(cents(*sum)).unwrap();
            match is_fee {
                true => Event::Fee { owner, reference: format!("fee-{name}").into(), amount },
                false => {
                    Event::Rebate { owner, reference: format!("rebate-{name}").into(), amount }
                }
            }
        }
        Step::Crash => return None,
    })
}

fn told(booked: &Result<Booked, LedgerError>) -> Told {
    match booked {
        Ok(Booked::Once) => Told::Once,
        Ok(Booked::Duplicate) => Told::Duplicate,
        Ok(Booked::Waiting) => Told::Waiting,
        Ok(Booked::Unattributed) => Told::Unattributed,
        Err(_) => Told::Refused,
    }
}

/// What the ledger says of an owner, in the words of the reference.
fn balances(ledger: &Ledger, owner: &Owner) -> Balances {
    let wide = |amount: Usdc| i128::from(amount.micros());
    let account = ledger.account(owner).unwrap_or_default();
    let mut shares = BTreeMap::new();
    if let Some(book) = ledger.books.get(owner) {
        for (market, at) in &book.markets {
            for outcome in Outcome::BOTH {
                let held = outcome.of(&at.shares);
                let shown = Shares {
                    pending: i128::from(held.pending),
                    provisional: i128::from(held.provisional),
                    confirmed: i128::from(held.confirmed),
                    offered: i128::from(held.offered),
                    cost: i128::from(*outcome.of(&at.folded.costs)),
                };
                if shown != Shares::default() {
                    shares.insert((*market, outcome), shown);
                }
            }
        }
    }
    let waiting = ledger.findings().filter_map(|finding| match finding {
        Finding::Oversold { owner: whose, lines, .. } if whose == *owner => Some(lines),
        Finding::Oversold { .. } | Finding::Overfilled { .. } | Finding::Unattributed { .. } => {
            None
        }
    });
    Balances {
        cash: wide(account.cash),
        reserved: wide(account.reserved),
        cost: wide(account.cost),
        realised: wide(account.realised),
        fees: wide(account.fees),
        rebates: wide(account.rebates),
        payouts: wide(account.payouts),
        volume: wide(account.volume),
        fills: account.fills,
        shares,
        waiting: usize::try_from(waiting.sum::<u64>()).unwrap(),
    }
}

fn crash(ledger: &Ledger) -> Ledger {
    let written = serde_json::to_string(ledger).unwrap();
    serde_json::from_str(&written).unwrap()
}

fn play(world: &[Terms], steps: &[Step]) -> Result<(), TestCaseError> {
    let (mut ledger, mut reference) = (Ledger::default(), Reference::default());
    for step in steps {
        let Some(event) = event(step, world) else {
            let read = crash(&ledger);
            prop_assert_eq!(&read, &ledger);
            ledger = read;
            continue;
        };
        let booked = ledger.book(&event);
        prop_assert_eq!(told(&booked), reference.book(&event), "{:?} of {:?}", booked, event);
        if booked != Ok(Booked::Duplicate) {
            let again = ledger.book(&event);
            let is_same = told(&again) == told(&booked) && booked.is_err();
            prop_assert!(again == Ok(Booked::Duplicate) || is_same, "told twice: {:?}", again);
        }
        prop_assert!(ledger.sums().values().all(|sum| *sum == 0));
    }
    prop_assert_eq!(ledger.audit(), Ok(()));
    for owner in reference.owners() {
        prop_assert_eq!(balances(&ledger, &owner), reference.balances(&owner), "{}", owner);
    }
    let total = ledger.total().unwrap();
    let cash: Usdc = ledger.accounts().map(|(_, account)| account.cash).sum();
    prop_assert_eq!((total.sum_micros(), total.cash), (0, cash));
    prop_assert_eq!(total.cash + total.reserved + total.cost, total.realised);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::default())]

    /// Orders, fills in every stage, settlements, pairs, fees and rebates, in any order, forged and told again, with
    /// crashes between.
    #[test]
    fn the_ledger_is_what_the_reference_adds_up(world in worlds(), steps in steps()) {
        play(&world, &steps)?;
    }

    /// What is told in another order comes to the same money and the same shares; only what the shares cost, and so
    /// what was made of those that are still held, follows the order.
    #[test]
    fn another_order_of_the_same_facts_comes_to_the_same_money_and_shares(
        world in worlds(),
        steps in steps(),
        seed in proptest::num::u64::ANY,
    ) {
        let facts = honest(&world, &steps);
        let mut shuffled = facts.clone();
        let mut state = seed;
        for at in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let other = usize::try_from(state >> 33).unwrap() % (at + 1);
            shuffled.swap(at, other);
        }
        let (mut one, mut other) = (Ledger::default(), Ledger::default());
        for (event, shuffled) in facts.iter().zip(&shuffled) {
            prop_assert!(one.book(event).is_ok(), "{:?}", event);
            prop_assert!(other.book(shuffled).is_ok(), "{:?}", shuffled);
        }
        let waits = |ledger: &Ledger| {
            ledger.findings().any(|finding| matches!(finding, Finding::Oversold { .. }))
        };
        if !waits(&one) && !waits(&other) {
            for owner in (0..3).map(owner) {
                let (one, other) = (balances(&one, &owner), balances(&other, &owner));
                prop_assert_eq!(linear(one), linear(other));
            }
        }
    }
}

/// Returns the facts of the steps that contradict none before.
fn honest(world: &[Terms], steps: &[Step]) -> Vec<Event> {
    let mut ledger = Ledger::default();
    let mut last: BTreeMap<(usize, u32), Stage> = BTreeMap::new();
    let mut facts = Vec::new();
    for step in steps {
        if let Step::Fill { order, number, stage: stage @ (Stage::Confirmed | Stage::Failed) } =
            step
            && last.entry((*order, *number)).or_insert(*stage) != stage
        {
            continue;
        }
        if matches!(step, Step::Forged { .. } | Step::Settled { settlement: Settlement::Void, .. })
        {
            continue;
        }
        let Some(event) = event(step, world) else { continue };
        if ledger.book(&event).is_ok() {
            facts.push(event);
        }
    }
    facts
}

/// Leaves out what follows the order of the facts.
fn linear(mut balances: Balances) -> Balances {
    balances.realised = balances.cost + balances.cash + balances.reserved - balances.realised;
    balances.cost = 0;
    balances.shares.values_mut().for_each(|shares| shares.cost = 0);
    balances.shares.retain(|_, shares| *shares != Shares::default());
    balances
}

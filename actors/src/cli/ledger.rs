//! `ploy ledger`: the accounts as lines for people, with the sum that must be zero.

use ploy::ledger::{AccountStatus, HoldingStatus, LedgerStatus};
use ploy::order::StrategyId;
use ploy::price::{Size, Usdc, decimal};

use super::client::Failure;
use super::look::{Look, Tone};
use crate::words;

/// The columns of accounts: the owner, then USDC, then shares by their state, then fills.
const ACCOUNTS: [&str; 12] = [
    "ACCOUNT",
    ">CASH",
    ">RESERVED",
    ">COST",
    ">REALISED",
    ">UNREALISED",
    ">FEES",
    ">PENDING",
    ">PROVISIONAL",
    ">SELLABLE",
    ">OFFERED",
    ">FILLS",
];
/// The columns of one strategy's shares.
const SHARES: [&str; 8] =
    ["MARKET", "OUTCOME", ">PENDING", ">PROVISIONAL", ">SELLABLE", ">OFFERED", ">LOCKED", ">COST"];

/// Returns the accounts of all, or of one strategy with its shares.
pub(super) fn render(
    ledger: &LedgerStatus,
    id: Option<&StrategyId>,
    look: Look,
) -> Result<String, Failure> {
    let of = |id: &StrategyId| ledger.accounts.iter().find(|one| one.owner == id.as_str());
    let (accounts, shares) = match id {
        None => (ledger.accounts.iter().chain(&ledger.total).collect(), &[][..]),
        Some(id) => {
            let account = of(id).ok_or_else(|| nothing_of(id))?;
            (vec![account], account.holdings.as_slice())
        }
    };
    let rows = accounts.into_iter().map(|account| row(account, ledger)).collect();
    let mut text = look.table(&ACCOUNTS, rows) + "\n";
    if !shares.is_empty() {
        let rows = shares.iter().map(holding).collect();
        text += &format!("\n{}\n", look.table(&SHARES, rows));
    }
    let (tone, sentence) = verdict(ledger);
    Ok(text + "\n" + &look.paint(tone, &sentence) + "\n")
}

fn nothing_of(id: &StrategyId) -> Failure {
    Failure::Usage(format!("`{id}` has no account: it has sent no order in this run"))
}

fn row(account: &AccountStatus, ledger: &LedgerStatus) -> Vec<(Tone, String)> {
    let usdc = |amount: Usdc| (Tone::Plain, amount.to_string());
    // The line of all has no shares of its own.
    let is_total = ledger.total.as_ref() == Some(account);
    let owners = ledger.accounts.iter().filter(|one| is_total || one.owner == account.owner);
    let held: Vec<&HoldingStatus> = owners.flat_map(|owner| &owner.holdings).collect();
    let sum = |of: fn(&HoldingStatus) -> Size| {
        let sum: i64 = held.iter().map(|holding| of(holding).micros()).sum();
        (Tone::Plain, decimal(sum))
    };
    let unrealised = account.unrealised_usdc.map_or_else(String::new, |usdc| usdc.to_string());
    vec![
        (Tone::Plain, words::plain(&account.owner)),
        usdc(account.cash_usdc),
        usdc(account.reserved_usdc),
        usdc(account.cost_usdc),
        usdc(account.realised_usdc),
        (Tone::Plain, unrealised),
        usdc(account.fees_usdc),
        sum(|holding| holding.pending),
        sum(|holding| holding.provisional),
        sum(|holding| holding.sellable),
        sum(|holding| holding.offered),
        (Tone::Plain, words::count(account.fills)),
    ]
}

fn holding(holding: &HoldingStatus) -> Vec<(Tone, String)> {
    let HoldingStatus { market_id, outcome, pending, provisional, sellable, .. } = holding;
    let sizes = [pending, provisional, sellable, &holding.offered, &holding.locked];
    let mut row =
        vec![(Tone::Plain, words::plain(market_id)), (Tone::Plain, outcome.name().to_owned())];
    row.extend(sizes.map(|size| (Tone::Plain, size.to_string())));
    row.push((Tone::Plain, holding.cost_usdc.to_string()));
    row
}

/// Says what all accounts come to together with the venue's side of each.
fn verdict(ledger: &LedgerStatus) -> (Tone, String) {
    let sum = decimal(ledger.sum_micros);
    let sums = format!(
        "with the venue's side all accounts sum to {sum} USDC; shares off: {}",
        ledger.shares_off
    );
    match &ledger.broken {
        Some(why) => (Tone::Bad, format!("BROKEN: {}\n{sums}", words::plain(why))),
        None if ledger.is_sound() => (Tone::Good, sums),
        None => (Tone::Bad, format!("BROKEN: {sums}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ploy::ledger::{Event, Ledger, Owner, Settlement, Stage, Terms};
    use ploy::market::{ConditionId, Outcome, Side};
    use ploy::order::{Fill, Liquidity};
    use ploy::time::Timestamp;

    const WIDE: Look = Look { width: 160, colour: false };

    /// The example of docs/ledger.md, fact by fact.
    fn example() -> Ledger {
        let market = |number: u8| ConditionId::from_bytes([number; 32]);
        let terms = |order: &str, of: u8, side: Side, limit: &str, size: &str| Terms {
            order: order.parse().unwrap(),
            market: market(of),
            outcome: Outcome::Yes,
            side,
            limit: limit.parse().unwrap(),
            size: size.parse().unwrap(),
            fee: Usdc::ZERO,
        };
        let fill = |terms: &Terms, price: &str, size: &str, fee: &str| Fill {
            number: 1,
            order: terms.order.clone(),
            market: terms.market,
            outcome: terms.outcome,
            side: terms.side,
            price: price.parse().unwrap(),
            size: size.parse().unwrap(),
            fee: fee.parse().unwrap(),
            liquidity: Liquidity::Taker,
            at: Timestamp::default(),
        };
        let filled = |fill: Fill, stage| Event::Filled { fill, stage };
        let one = terms("momentum:1", 1, Side::Buy, "0.40", "10");
        let two = terms("momentum:2", 1, Side::Sell, "0.60", "4");
        let three = terms("swing:1", 2, Side::Buy, "0.30", "20");
        let four = terms("swing:2", 3, Side::Buy, "0.55", "10");
        let mut ledger = Ledger::default();
        for fact in [
            Event::Recorded(one.clone()),
            filled(fill(&one, "0.39", "10", "0.1"), Stage::Confirmed),
            Event::Over { order: one.order.clone() },
            Event::Recorded(two),
            Event::Recorded(three.clone()),
            filled(fill(&three, "0.30", "5", "0"), Stage::Matched),
            Event::Recorded(four.clone()),
            filled(fill(&four, "0.55", "10", "0.2"), Stage::Confirmed),
            Event::Over { order: four.order.clone() },
            Event::Settled {
                owner: Owner::Strategy("swing".parse().unwrap()),
                market: market(3),
                settlement: Settlement::Paid(["1".parse().unwrap(), Usdc::ZERO]),
            },
        ] {
            ledger.book(&fact).unwrap();
        }
        ledger
    }

    #[test]
    fn the_page_s_example_is_what_the_ledger_says() {
        let page = include_str!("../../../docs/ledger.md");
        let shown = render(&example().status(), None, WIDE).unwrap();
        assert!(page.contains(&shown), "docs/ledger.md has not\n{shown}");
        let id = "swing".parse().unwrap();
        let shown = render(&example().status(), Some(&id), WIDE).unwrap();
        assert!(page.contains(&shown), "docs/ledger.md has not\n{shown}");
    }

    #[test]
    fn what_is_broken_is_said_and_who_is_unknown_has_no_account() {
        let mut status = example().status();
        status.broken = Some("momentum: cash".to_owned());
        let shown = render(&status, None, WIDE).unwrap();
        assert!(shown.contains("\nBROKEN: momentum: cash\n"), "{shown}");
        let none = render(&status, Some(&"nobody".parse().unwrap()), WIDE).unwrap_err();
        let why = "`nobody` has no account: it has sent no order in this run";
        assert_eq!(none.to_string(), why);
        status.broken = None;
        status.shares_off = 1;
        assert!(render(&status, None, WIDE).unwrap().contains("BROKEN: with"));
    }
}

//! What is shown of a limit's use and of a refusal.

use super::*;

#[test]
fn use_is_told_in_thousandths_of_its_limit() {
    let mut account = account(AccountLimits { open_notional_max_usdc: usdc("50"), ..wide() });
    admit(&mut account, "a:1", "entry buy 60 yes at 0.50 gtc in 1");
    let uses = account.uses();
    let of = |rule| uses.iter().find(|one| one.rule == rule).unwrap().permille();
    assert_eq!((of(AccountRule::OpenNotional), of(AccountRule::OpenOrders)), (600, 1));
}

#[test]
fn a_refusal_says_what_was_compared_or_that_a_market_is_not_known() {
    let account = account(AccountLimits { worst_loss_max_usdc: usdc("1"), ..wide() });
    let said = |text: &str| account.check(&id("a:1"), &order(text), NOW).unwrap_err().to_string();
    assert_eq!(said("entry buy 10 yes at 0.40 gtc in 2"), "account rule worst_loss: 4 of 1");
    let unknown = "account rule unknown_market: the market of a:1 is not known";
    assert_eq!(said("entry buy 10 yes at 0.40 gtc in 9"), unknown);
}

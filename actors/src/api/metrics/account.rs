//! The limits of the whole account as Prometheus text.

use ploy::price::parse_micros;
use ploy::risk::AccountRule;
use ploy::status::AccountStatus;

use super::text::{Family, Text, count, counter, gauge, units};

const USED: Family<1> = gauge(
    "ploy_account_used",
    ["rule"],
    "How much of a limit of the whole account is used, in the unit of the limit.",
);
const LIMIT: Family<1> =
    gauge("ploy_account_limit", ["rule"], "The limit of the whole account, in USDC or as a count.");
const TRIPPED: Family<1> = gauge(
    "ploy_account_tripped",
    ["rule"],
    "Whether a limit of the whole account holds back entries of all strategies.",
);
const REFUSED: Family<1> = counter(
    "ploy_account_refusals_total",
    ["rule"],
    "Orders that a rule of the whole account refused before they were sent.",
);

/// Adds what is told of the account.
pub(super) fn render(text: &mut Text, account: &AccountStatus) {
    for rule in AccountRule::ALL {
        let name = rule.name();
        let is_tripped = account.tripped.iter().any(|trip| trip.rule == name);
        text.set(&TRIPPED, [name], count(u64::from(is_tripped)));
        text.set(&REFUSED, [name], count(account.refused.get(name).copied().unwrap_or_default()));
    }
    for limit in &account.limits {
        // Usage without its limit, or the reverse, would mislead: both or neither.
        if let (Ok(used), Ok(allowed)) = (parse_micros(&limit.used), parse_micros(&limit.limit)) {
            text.set(&USED, [&limit.rule], units(used));
            text.set(&LIMIT, [&limit.rule], units(allowed));
        }
    }
}

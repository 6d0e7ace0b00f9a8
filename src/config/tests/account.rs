//! Tests of what the service's file says of the whole account.

use super::*;
use crate::risk::{AccountLimits, DayLimits, RateLimit};

/// What the service's file must state beside.
const ACCOUNT: &str = r#"[account]
open_orders_max = 20
open_notional_max_usdc = 400
gross_exposure_max_usdc = 1000
market_exposure_max_usdc = 100
event_exposure_max_usdc = 200
symbol_exposure_max_usdc = 300
worst_loss_max_usdc = 400
daily_loss_max_usdc = 200
day_starts_at_min = 90
day_zone = "europe/berlin"
drawdown_max_usdc = 201
order_rate_per_minute = 240
order_burst = 40
cancel_rate_per_minute = 241
cancel_burst = 41
mark_age_s_max = 600
"#;

/// A service's file with all that must be stated of the account.
pub(super) fn stated(text: &str) -> String {
    format!("{text}\n{ACCOUNT}")
}

pub(super) fn account_limits() -> AccountLimits {
    let usdc = |text: &str| text.parse().unwrap();
    AccountLimits {
        open_orders_max: 20,
        open_notional_max_usdc: usdc("400"),
        gross_exposure_max_usdc: usdc("1000"),
        market_exposure_max_usdc: usdc("100"),
        event_exposure_max_usdc: usdc("200"),
        symbol_exposure_max_usdc: usdc("300"),
        worst_loss_max_usdc: usdc("400"),
        day: DayLimits {
            loss_max_usdc: usdc("200"),
            starts_at: Duration::from_mins(90),
            zone: "Europe/Berlin".parse().unwrap(),
        },
        drawdown_max_usdc: usdc("201"),
        orders: RateLimit { per_minute: 240, burst: 40 },
        cancels: RateLimit { per_minute: 241, burst: 41 },
        mark_age_max: Duration::from_secs(600),
    }
}

#[test]
fn a_limit_of_the_account_that_is_not_stated_is_a_fault() {
    let missing = "p.toml:1:1: account: the section is missing; it must say open_orders_max, \
         open_notional_max_usdc, gross_exposure_max_usdc, market_exposure_max_usdc, event_exposure_max_usdc, \
         symbol_exposure_max_usdc, worst_loss_max_usdc, daily_loss_max_usdc, day_starts_at_min, \
         drawdown_max_usdc, order_rate_per_minute, order_burst, cancel_rate_per_minute, cancel_burst, \
         mark_age_s_max";
    assert_eq!(told(&service("p.toml", LEAST_SERVICE).unwrap_err()), [missing]);
    let lines =
        ACCOUNT.lines().filter(|line| line.contains(" = ") && !line.starts_with("day_zone"));
    for line in lines {
        let text = stated(LEAST_SERVICE).replacen(&format!("\n{line}\n"), "\n", 1);
        let faults = told(&service("p.toml", &text).unwrap_err());
        let key = line.split(" = ").next().unwrap();
        assert!(faults.len() == 1 && faults[0].contains(key), "{faults:?}");
    }
}

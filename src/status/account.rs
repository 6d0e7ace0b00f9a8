//! The whole account in the status: how much of every limit is used, what holds back entries, what was refused.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::price::Usdc;
use crate::time::Timestamp;

/// The limits of the whole account at an instant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountStatus {
    /// Every limit that counts something, in the order in which its rules are asked.
    pub limits: Vec<AccountLimitStatus>,
    /// What holds back entries of all strategies now.
    pub tripped: Vec<AccountTripStatus>,
    /// Orders that the account refused in this process, by rule.
    pub refused: BTreeMap<String, u64>,
    /// The newest refusal.
    pub last_refusal: Option<String>,
    /// What all strategies have made, held shares at the bids told last, from a start of zero.
    pub equity_usdc: Usdc,
    /// Why the account's holdings cannot be relied on; no entry passes then.
    pub broken: Option<String>,
}

/// How much of a limit of the account is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountLimitStatus {
    /// The rule.
    pub rule: String,
    /// What is used now: USDC, or a count.
    pub used: String,
    /// What is allowed, in the same unit.
    pub limit: String,
    /// What is left, in the same unit.
    pub room: String,
    /// Used ÷ limit in thousandths.
    pub permille: u64,
}

/// A limit of the account that was reached or passed: entries of all strategies wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountTripStatus {
    /// The rule.
    pub rule: String,
    /// What it had come to.
    pub used: String,
    /// What is allowed.
    pub limit: String,
    /// When, on the time that decisions run on.
    pub at: Timestamp,
}

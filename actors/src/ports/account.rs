//! What of the account's guard must outlive the process, as it is kept.

use ploy::risk::AccountStanding;
use ploy::time::Timestamp;

/// Where the guard of the account stands. Of a run the newest one counts, and is the only one kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRecord {
    /// When, on the time that decisions run on.
    pub at: Timestamp,
    /// What of it must outlive the process.
    pub standing: AccountStanding,
}

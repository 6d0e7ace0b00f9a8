//! The order: an approved intent with its number.

use crate::intent::Intent;
use crate::order::ClientOrderId;
use crate::risk::Approved;
use crate::time::Timestamp;

/// An approved intent with its number: the only thing that the executor takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    id: ClientOrderId,
    at: Timestamp,
    approved: Approved,
}

impl Order {
    /// Numbers an approved intent.
    #[must_use]
    pub const fn new(id: ClientOrderId, at: Timestamp, approved: Approved) -> Self {
        Self { id, at, approved }
    }

    /// Returns our number of it.
    #[must_use]
    pub const fn id(&self) -> &ClientOrderId {
        &self.id
    }

    /// Returns when it was decided.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// Returns what is wanted.
    #[must_use]
    pub const fn intent(&self) -> &Intent {
        self.approved.intent()
    }
}

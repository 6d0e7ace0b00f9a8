//! How a replay shows what it played: settings, sums and strategies as headers, reports and snapshots have them.

use std::collections::BTreeMap;

use ploy::compare::line::{Set, Total};
use ploy::config::StrategyConfig;
use ploy::lifecycle::{Gate, Phase};
use ploy::order::StrategyId;
use ploy::restart::FailureClass;
use ploy::rollout::RolloutStatus;
use ploy::status::{KernelStatus, StrategyStatus, TapeStatus};
use ploy::tape::Header;
use ploy::time::Timestamp;

/// What one strategy came to over what was told.
pub(super) struct Sum<'a> {
    pub(super) kernel: KernelStatus,
    /// What it failed of, where it did.
    pub(super) failed: Option<&'a str>,
}

/// Returns how a strategy is set.
#[must_use]
pub fn set(config: &StrategyConfig) -> Set {
    Set {
        id: config.id.clone(),
        kind: config.kind.name().to_owned(),
        variant: config.kind.variant().to_owned(),
        config_version: config.version.clone(),
        text_sha256: ploy::config::text_hash(&config.text),
        settings: config.settings(),
    }
}

pub(super) fn strategy(set: &Set, sum: Sum<'_>, since: Timestamp) -> StrategyStatus {
    let phase = match sum.failed {
        None => Phase::Running,
        Some(why) => Phase::Halted { class: FailureClass::Error, cause: why.to_owned() },
    };
    StrategyStatus {
        id: set.id.clone(),
        kind: set.kind.clone(),
        variant: set.variant.clone(),
        phase,
        since,
        gate: Gate::Open,
        config_version: set.config_version.chars().take(12).collect(),
        config_since: None,
        config_pending: None,
        rollout: RolloutStatus::default(),
        restarts: BTreeMap::new(),
        failures: u32::from(sum.failed.is_some()),
        dependency_tries: 0,
        last_error: sum.failed.map(str::to_owned),
        busy_ms: None,
        poison: Vec::new(),
        books: Vec::new(),
        kernel: sum.kernel,
    }
}

/// Returns what a strategy came to.
#[must_use]
pub fn total(id: &StrategyId, kernel: &KernelStatus, failed: Option<&str>) -> Total {
    Total {
        id: id.clone(),
        decisions: kernel.decisions,
        orders: kernel.orders.submitted,
        rejections: kernel.rejections.values().sum(),
        fills: kernel.fills,
        fees_usdc: kernel.pnl.fees_usdc,
        volume_usdc: kernel.pnl.volume_usdc,
        realised_usdc: kernel.pnl.realised_usdc,
        pnl_usdc: kernel.pnl.total_usdc,
        drawdown_max_usdc: kernel.pnl.drawdown_max_usdc,
        digest: kernel.digest.clone(),
        failed: failed.map(str::to_owned),
    }
}

pub(super) fn tape(header: &Header) -> TapeStatus {
    let Header { title, books, from, to, .. } = header;
    TapeStatus { title: title.clone(), books: *books, from: *from, to: *to }
}

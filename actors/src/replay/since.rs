//! What a strategy did since an instant: how it stands now less how it stood then.

use std::collections::BTreeMap;

use ploy::status::KernelStatus;

/// Takes away what was before. What is outstanding or held, the digest and the worst drawdown stay as they are now:
/// they belong to all that was played.
pub fn subtract(now: &mut KernelStatus, before: &KernelStatus) {
    now.inputs -= before.inputs;
    now.decisions -= before.decisions;
    now.intents -= before.intents;
    now.fills -= before.fills;
    let (orders, then) = (&mut now.orders, &before.orders);
    orders.submitted -= then.submitted;
    orders.accepted -= then.accepted;
    orders.rejected -= then.rejected;
    orders.unknown -= then.unknown;
    orders.filled -= then.filled;
    orders.unfilled -= then.unfilled;
    for (rule, count) in &mut now.rejections {
        *count -= before.rejections.get(rule).copied().unwrap_or(0);
    }
    now.rejections.retain(|_, count| *count != 0);
    let pnl = &mut now.pnl;
    pnl.realised_usdc -= before.pnl.realised_usdc;
    pnl.unrealised_usdc -= before.pnl.unrealised_usdc;
    pnl.total_usdc -= before.pnl.total_usdc;
    pnl.fees_usdc -= before.pnl.fees_usdc;
    pnl.volume_usdc -= before.pnl.volume_usdc;
    pnl.cash_usdc -= before.pnl.cash_usdc;
    let then: BTreeMap<_, u64> = before
        .causes
        .iter()
        .map(|tally| ((&tally.verdict, &tally.cause, &tally.market), tally.count))
        .collect();
    for tally in &mut now.causes {
        tally.count -= then.get(&(&tally.verdict, &tally.cause, &tally.market)).unwrap_or(&0);
    }
    now.causes.retain(|tally| tally.count != 0);
}

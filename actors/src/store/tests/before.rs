//! What stood before, in the audit chain, where an earlier process told of it.

use ploy::lifecycle::Gate;

use super::audit::{everything, found, on_each, process, told as read};
use super::*;
use crate::ports::audit::AuditRecord;
use crate::ports::config::HistoryRecord;
use crate::ports::gates::GateRecord;
use crate::ports::rollout::RolloutRecord;

/// One change of everything of which the next state is told, that says this.
fn changes(what: &str) -> Vec<Row> {
    let gate = |strategy, cause: &str| {
        Row::Gate(GateRecord {
            at: at(1),
            strategy,
            cause: cause.to_owned(),
            gate: Gate::ReduceOnly,
            reason: what.to_owned(),
            actor: "ann".to_owned(),
        })
    };
    vec![
        gate(None, "operator"),
        gate(None, "store_outage"),
        gate(Some(me()), "pause"),
        Row::History(HistoryRecord {
            at: at(1),
            strategy: me().to_string(),
            event: "in_force".to_owned(),
            version: Some(what.to_owned()),
            actor: "file".to_owned(),
            what: "applied".to_owned(),
            until: None,
        }),
        Row::Rollout(RolloutRecord {
            strategy: me(),
            good: Some(what.to_owned()),
            stage: "settled".to_owned(),
            version: None,
            why: None,
            at: at(1),
        }),
        Row::Risk(RiskRecord {
            at: at(1),
            strategy: me(),
            event: "tripped".to_owned(),
            rule: "drawdown".to_owned(),
            used: what.to_owned(),
            limit: "10".to_owned(),
        }),
    ]
}

#[test]
fn what_an_earlier_process_told_stands_before_the_first_change_of_the_next() {
    on_each(|backend| {
        process(backend, "one", changes("11"));
        process(backend, "two", changes("12"));
        let all = read(backend, &everything());
        let of = |run: &str, action: &str| -> Vec<AuditRecord> {
            let its = all.iter().filter(|record| record.run == run && record.action == action);
            its.cloned().collect()
        };
        for (action, rows) in
            [("halt_raised", 2), ("pause_begun", 1), ("config_in_force", 1), ("rollout", 1)]
        {
            let (one, two) = (of("one", action), of("two", action));
            assert_eq!((one.len(), two.len()), (rows, rows), "{action}");
            for (earlier, later) in one.iter().zip(&two) {
                assert_eq!((&earlier.before, &later.before), (&None, &earlier.after), "{action}");
                assert!(earlier.after.is_some() && earlier.after != later.after, "{action}");
            }
        }
        // Another run begins with a breaker of its own.
        assert_eq!(of("two", "breaker_tripped")[0].before, None);
        assert!(found(backend).is_sound());
    });
}

//! Strategies that run together decide as each of them alone.

use ploy::order::StrategyId;

use crate::case::Case;
use crate::play::Play;

#[test]
fn two_strategies_on_one_tape_decide_as_each_alone() {
    let case = Case::read("split_arb/two_strategies_take_the_same_books");
    let together = Play::all(&case);
    assert_eq!(case.strategies.len(), 2);
    for strategy in &case.strategies {
        let alone = Play::all(&case.alone(strategy));
        let its = |line: &&(StrategyId, String)| line.0 == strategy.id;
        let lines: Vec<_> = together.iter().filter(its).cloned().collect();
        assert!(lines.iter().any(|(_, line)| line.contains("fill")), "{} trades", strategy.id);
        assert_eq!(lines, alone);
    }
}

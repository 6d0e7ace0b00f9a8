//! Checks an expression of Prometheus against what the program really shows.

use std::collections::BTreeSet;

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{Expr, LabelModifier, VectorSelector, parse};

use crate::exposition::Metrics;

/// Labels that Prometheus adds to every series.
const TARGET_LABELS: [&str; 2] = ["instance", "job"];
/// Series that Prometheus makes itself, with the labels that they have beside those.
const OWN_SERIES: [(&str, &[&str]); 2] =
    [("up", &[]), ("ALERTS", &["alertname", "alertstate", "severity", "strategy", "rule", "feed"])];
/// Labels whose values are the operator's, not the program's.
const OPEN_LABELS: [&str; 5] = ["strategy", "feed", "version", "instance", "job"];

/// Fails unless the expression parses, names only what the program shows, and takes rates of counters only.
/// Returns the labels that its series may carry.
pub(crate) fn check(place: &str, text: &str, metrics: &Metrics) -> BTreeSet<String> {
    let text = text.replace("$__rate_interval", "5m").replace("$__range", "1h");
    let expr = parse(&text).unwrap_or_else(|error| panic!("{place}: {text}: {error}"));
    let mut checker = Checker { place, metrics, labels: BTreeSet::new(), grouped: Vec::new() };
    checker.labels.extend(TARGET_LABELS.map(String::from));
    checker.walk(&expr);
    for label in &checker.grouped {
        assert!(checker.labels.contains(label), "{place}: no series has `{label}`: {text}");
    }
    checker.labels
}

struct Checker<'a> {
    place: &'a str,
    metrics: &'a Metrics,
    labels: BTreeSet<String>,
    grouped: Vec<String>,
}

impl<'a> Checker<'a> {
    fn walk(&mut self, expr: &Expr) {
        match expr {
            Expr::Aggregate(aggregate) => {
                self.modifier(aggregate.modifier.as_ref());
                self.walk(&aggregate.expr);
            }
            Expr::Unary(unary) => self.walk(&unary.expr),
            Expr::Binary(binary) => {
                if let Some(modifier) = &binary.modifier {
                    self.modifier(modifier.matching.as_ref());
                }
                self.walk(&binary.lhs);
                self.walk(&binary.rhs);
            }
            Expr::Paren(paren) => self.walk(&paren.expr),
            Expr::Subquery(subquery) => self.walk(&subquery.expr),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) => {}
            Expr::VectorSelector(selector) => {
                self.selector(selector);
            }
            Expr::MatrixSelector(matrix) => {
                self.selector(&matrix.vs);
            }
            Expr::Call(call) => {
                let rate = matches!(call.func.name, "rate" | "increase" | "irate");
                for argument in &call.args.args {
                    if let (true, Expr::MatrixSelector(matrix)) = (rate, &**argument) {
                        let kind = self.selector(&matrix.vs);
                        assert_eq!(kind, "counter", "{}: {}", self.place, call.func.name);
                    } else {
                        self.walk(argument);
                    }
                }
            }
            Expr::Extension(_) => panic!("{}: an unknown expression", self.place),
        }
    }

    fn modifier(&mut self, modifier: Option<&LabelModifier>) {
        if let Some(modifier) = modifier {
            self.grouped.extend(modifier.labels().labels.iter().cloned());
        }
    }

    /// Returns the metric's type.
    fn selector(&mut self, selector: &VectorSelector) -> &'a str {
        let name = selector.name.as_deref().expect("a selector names its metric");
        let own = OWN_SERIES.iter().find(|(own, _)| *own == name);
        if let Some((_, labels)) = own {
            self.labels.extend(labels.iter().map(|label| (*label).to_owned()));
            return "gauge";
        }
        let metrics = self.metrics;
        let Some(metric) = metrics.get(name) else {
            panic!("{}: the program does not show `{name}`", self.place);
        };
        self.labels.extend(metric.labels.keys().cloned());
        for matcher in &selector.matchers.matchers {
            let label = matcher.name.as_str();
            if OPEN_LABELS.contains(&label) {
                let known = TARGET_LABELS.contains(&label) || metric.labels.contains_key(label);
                assert!(known, "{}: `{name}` has no `{label}`", self.place);
                continue;
            }
            let Some(values) = metric.labels.get(label) else {
                panic!("{}: `{name}` has no `{label}`", self.place);
            };
            for wanted in wanted(matcher) {
                let place = self.place;
                assert!(values.contains(wanted), "{place}: `{name}` has no {label}=\"{wanted}\"");
            }
        }
        &metric.kind
    }
}

/// The values that a matcher names; a regular expression here is no more than `a|b`.
fn wanted(matcher: &Matcher) -> Vec<&str> {
    match &matcher.op {
        MatchOp::Equal | MatchOp::NotEqual => vec![&matcher.value],
        MatchOp::Re(_) | MatchOp::NotRe(_) => matcher.value.split('|').collect(),
    }
}

#[test]
fn a_wrong_expression_is_found() {
    let metrics = crate::exposition::rendered();
    for wrong in [
        "ploy_strategy_state{",
        "ploy_no_such_metric",
        "ploy_strategy_state{state=\"halt\"}",
        "ploy_strategy_state{phase=\"halted\"}",
        "rate(ploy_open_orders[5m])",
        "sum by (token) (ploy_open_orders)",
        "ploy_ready{strategy=\"x\"}",
    ] {
        let found = std::panic::catch_unwind(|| check("here", wrong, &metrics));
        assert!(found.is_err(), "{wrong}");
    }
    let right = "sum by (strategy) (rate(ploy_orders_total{result=~\"unknown|rejected\"}[5m])) > 0";
    assert!(check("here", right, &metrics).contains("strategy"));
}

//! Metric families as they are defined once and gathered for one answer.

use std::collections::BTreeMap;

use prometheus::TextEncoder;
use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};

/// One metric: its name, what it counts, and the names of its labels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Family<const LABELS: usize> {
    name: &'static str,
    kind: Kind,
    labels: [&'static str; LABELS],
    help: &'static str,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Counter,
    Gauge,
}

/// The families of one answer. The same labels again replace the value, so no series comes twice.
#[derive(Debug, Default)]
pub(super) struct Text {
    families: BTreeMap<&'static str, Gathered>,
}

#[derive(Debug)]
struct Gathered {
    kind: Kind,
    help: &'static str,
    labels: Vec<&'static str>,
    values: BTreeMap<Vec<String>, f64>,
}

/// Returns a metric that only grows, from the start of the process or of a strategy's incarnation.
pub(super) const fn counter<const LABELS: usize>(
    name: &'static str,
    labels: [&'static str; LABELS],
    help: &'static str,
) -> Family<LABELS> {
    Family { name, kind: Kind::Counter, labels, help }
}

/// Returns a metric that goes up and down.
pub(super) const fn gauge<const LABELS: usize>(
    name: &'static str,
    labels: [&'static str; LABELS],
    help: &'static str,
) -> Family<LABELS> {
    Family { name, kind: Kind::Gauge, labels, help }
}

impl Text {
    /// Sets one series.
    pub(super) fn set<const LABELS: usize>(
        &mut self,
        family: &Family<LABELS>,
        labels: [&str; LABELS],
        value: f64,
    ) {
        let gathered = self.families.entry(family.name).or_insert_with(|| Gathered {
            kind: family.kind,
            help: family.help,
            labels: family.labels.to_vec(),
            values: BTreeMap::new(),
        });
        let labels = labels.map(str::to_owned).to_vec();
        gathered.values.insert(labels, value);
    }

    /// Sets one series for each of `all`: 1 for `current`, 0 for the others.
    pub(super) fn set_state(&mut self, family: &Family<2>, of: &str, all: &[&str], current: &str) {
        for state in all {
            self.set(family, [of, state], count(u64::from(*state == current)));
        }
    }

    /// Returns the text, sorted by name and labels.
    pub(super) fn encode(&self) -> String {
        let families: Vec<_> = self.families.iter().map(Gathered::family).collect();
        TextEncoder::new()
            .encode_to_string(&families)
            .expect("a family has a name and a series from the moment it is set")
    }
}

impl Gathered {
    fn family((name, gathered): (&&'static str, &Self)) -> MetricFamily {
        let mut family = MetricFamily::default();
        family.set_name((*name).to_owned());
        family.set_help(gathered.help.to_owned());
        family.set_field_type(match gathered.kind {
            Kind::Counter => MetricType::COUNTER,
            Kind::Gauge => MetricType::GAUGE,
        });
        let metrics = gathered.values.iter();
        family.set_metric(metrics.map(|(values, value)| gathered.metric(values, *value)).collect());
        family
    }

    fn metric(&self, values: &[String], value: f64) -> Metric {
        let pairs = self.labels.iter().zip(values).map(|(name, value)| {
            let mut pair = LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value(value.clone());
            pair
        });
        let mut metric = Metric::from_label(pairs.collect());
        match self.kind {
            Kind::Counter => {
                let mut counter = Counter::default();
                counter.set_value(value);
                metric.set_counter(counter);
            }
            Kind::Gauge => {
                let mut gauge = Gauge::default();
                gauge.set_value(value);
                metric.set_gauge(gauge);
            }
        }
        metric
    }
}

/// Returns a count as Prometheus wants it.
pub(super) fn count(value: u64) -> f64 {
    float(i128::from(value), 1.0)
}

/// Returns thousandths of a second as seconds.
pub(super) fn millis(value: u64) -> f64 {
    float(i128::from(value), 1000.0)
}

/// Returns millionths as units.
pub(super) fn units(micros: i64) -> f64 {
    float(i128::from(micros), 1_000_000.0)
}

#[expect(
    clippy::as_conversions,
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "the text format knows only floats; this is the one place where exact numbers become such"
)]
fn float(value: i128, parts: f64) -> f64 {
    value as f64 / parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_amounts_stay_exact_to_the_last_digit_that_is_shown() {
        for (micros, text) in [
            (460_000, "0.46"),
            (-1_500_000, "-1.5"),
            (1, "0.000001"),
            (123_456_789_012_345, "123456789.012345"),
            (0, "0"),
        ] {
            assert_eq!(units(micros).to_string(), text);
        }
        assert_eq!(count(9_007_199_254_740_992).to_string(), "9007199254740992");
    }

    #[test]
    fn the_same_series_again_replaces_its_value() {
        const SOME: Family<1> = gauge("ploy_some", ["strategy"], "Some.");
        let mut text = Text::default();
        text.set(&SOME, ["b"], 1.0);
        text.set(&SOME, ["a\"\n"], 2.0);
        text.set(&SOME, ["b"], 3.0);
        let lines = "# HELP ploy_some Some.\n# TYPE ploy_some gauge\n";
        assert_eq!(
            text.encode(),
            format!("{lines}ploy_some{{strategy=\"a\\\"\\n\"}} 2\nploy_some{{strategy=\"b\"}} 3\n")
        );
    }
}

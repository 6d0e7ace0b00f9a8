//! Reads Prometheus text back: which metrics there are, of what type, with which labels.

use std::collections::{BTreeMap, BTreeSet};

use actors::api::metrics::render;

/// Every metric by name.
pub(crate) type Metrics = BTreeMap<String, Metric>;

/// What is known of one metric.
#[derive(Debug, Default)]
pub(crate) struct Metric {
    pub(crate) kind: String,
    pub(crate) help: String,
    /// The values seen, by label.
    pub(crate) labels: BTreeMap<String, BTreeSet<String>>,
    pub(crate) series: usize,
}

/// Returns what the program shows for a full status.
pub(crate) fn rendered() -> Metrics {
    read(&render(&crate::status::full(), &crate::status::process()))
}

/// Reads Prometheus text.
pub(crate) fn read(text: &str) -> Metrics {
    let mut metrics = Metrics::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            metrics.entry(name.into()).or_default().help = help.into();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            metrics.entry(name.into()).or_default().kind = kind.into();
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap();
            value.parse::<f64>().expect(line);
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            let metric = metrics.get_mut(name).expect(line);
            metric.series += 1;
            let pairs = labels.strip_suffix('}').unwrap();
            for pair in pairs.split(',').filter(|pair| !pair.is_empty()) {
                let (label, value) = pair.split_once('=').unwrap();
                let values = metric.labels.entry(label.into()).or_default();
                values.insert(value.trim_matches('"').into());
            }
        }
    }
    metrics
}

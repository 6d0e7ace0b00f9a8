//! A case as its files state it: the settings and the events.

use std::path::{Path, PathBuf};

use ploy::config::{self, StrategyConfig};
use ploy::event::MarketEvent;
use ploy::tape::{Decoder, Header, Item};
use toml::{Table, Value};

/// What is played.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) header: Header,
    pub(crate) events: Vec<MarketEvent>,
    pub(crate) strategies: Vec<StrategyConfig>,
}

impl Case {
    /// Reads a case by its folder and name: `split_arb/profit_counts_fees`.
    pub(crate) fn read(name: &str) -> Self {
        let tape = file(&format!("{name}.tape"));
        let mut lines = tape.lines();
        let mut decoder = Decoder::default();
        let header = decoder.header(lines.next().unwrap_or_default());
        let header = header.unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let mut events = Vec::new();
        for line in lines {
            match decoder.line(line) {
                Ok(Item::Event(event)) => events.push(event),
                Ok(Item::End { .. }) => {}
                Err(fault) => panic!("{name}: {fault}"),
            }
        }
        decoder.finish().unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let ends = [events.first(), events.last()].map(|event| event.map(|event| event.at));
        assert_eq!(ends, [Some(header.from), Some(header.to)], "{name}: from and to");
        let settings = settings_named(&header);
        let strategies = settings.map(|config| strategy(name, config)).collect();
        Self { header, events, strategies }
    }

    /// Returns the case with one of its strategies alone.
    pub(crate) fn alone(&self, strategy: &StrategyConfig) -> Self {
        Self { strategies: vec![strategy.clone()], ..self.clone() }
    }
}

/// Returns the folder of all cases; each strategy has a folder of its own in it.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/decisions")
}

/// Returns the names of the settings that a tape names, without `.toml`.
pub(crate) fn settings_named(header: &Header) -> impl Iterator<Item = &str> {
    let note = header.notes.first().and_then(|note| note.strip_prefix("config: "));
    note.expect("the first note is `config: ` and names").split(", ")
}

/// Reads the settings of this name with what is different in this case.
fn strategy(case: &str, name: &str) -> StrategyConfig {
    let (folder, _) = case.split_once('/').expect("a case is named with its folder");
    let mut settings: Table = file(&format!("{folder}/{name}.toml")).parse().unwrap();
    let own = format!("{case}.toml");
    if root().join(&own).exists() {
        merge(&mut settings, file(&own).parse().unwrap());
    }
    let text = settings.to_string();
    config::strategy(&own, name.parse().unwrap(), &text).unwrap_or_else(|faults| {
        panic!("{faults:#?}");
    })
}

fn merge(settings: &mut Table, other: Table) {
    for (key, value) in other {
        match (settings.get_mut(&key), value) {
            (Some(Value::Table(section)), Value::Table(other)) => merge(section, other),
            (Some(_) | None, value) => drop(settings.insert(key, value)),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a case is files; it is the core that reads none")]
pub(crate) fn file(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

//! Tapes for tests: the shipped one, its beginning, and a replay of either without any actor.

use std::path::{Path, PathBuf};
use std::time::Duration;

use actors::adapters::tape::writer::{Effort, TapeWriter};
use actors::adapters::tape::{merged, reader};
use ploy::config::StrategyConfig;
use ploy::event::MarketEvent;
use ploy::kernel::{Kernel, Memory};
use ploy::paper::PaperVenue;
use ploy::replay::Replay;
use ploy::tape::Header;

use super::settings;

/// The beginning of the shipped tape that most tests play: three markets are announced in it, and one is settled.
pub(crate) const SHORT: Duration = Duration::from_mins(35);

/// Returns the shipped recording, the first of the shipped tapes.
pub(crate) fn whole() -> PathBuf {
    settings().tapes.swap_remove(0)
}

/// Returns the first events of the shipped tape, and its header.
pub(crate) fn events(span: Duration) -> (Header, Vec<MarketEvent>) {
    let tape = reader::open(&whole()).unwrap();
    let mut header = tape.header().clone();
    let end = header.from + span;
    let events: Vec<MarketEvent> =
        tape.map(Result::unwrap).take_while(|event| event.at < end).collect();
    header.to = events.last().unwrap().at;
    (header, events)
}

/// Writes the beginning of the shipped tape into a folder.
pub(crate) fn short(folder: &Path) -> PathBuf {
    let path = folder.join("short.jsonl");
    let (header, events) = events(SHORT);
    let mut writer = TapeWriter::create(&path, &header, Effort::Quick).unwrap();
    events.iter().for_each(|event| writer.write(event).unwrap());
    writer.finish().unwrap();
    path
}

/// Plays tapes to strategies and a venue, without any actor.
pub(crate) fn replay(tapes: &[PathBuf], strategies: &[StrategyConfig]) -> Replay {
    let kernels = strategies.iter().map(|config| {
        let strategy = config.kind.build();
        Kernel::new(config.id.clone(), strategy, config.limits.clone(), Memory::default())
    });
    let mut replay = Replay::new(kernels, PaperVenue::new(settings().latency));
    let (_, events) = merged::open(tapes).unwrap();
    for event in events {
        replay.play(&event.unwrap(), &mut |_, _| {}).unwrap();
    }
    replay.finish(&mut |_, _| {}).unwrap();
    replay
}

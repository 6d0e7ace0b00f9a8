//! `ploy replay`: plays tapes to strategies without a service, writes down every decision where it is asked to, and
//! reports as a run does.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, bail};
use clap::Args;
use ploy::compare::line::Line;
use ploy::config::StrategyConfig;
use ploy::time::Timestamp;

use super::form::Output;
use super::record::{self, Replayed};
use super::{Exit, output};
use crate::panics;
use crate::replay::file::{FileError, Writer};
use crate::replay::progress::Progress;
use crate::replay::recorded::Wanted;
use crate::replay::{Plan, Player, SourceError, Tell};
use crate::report::Report;
use crate::settings;

/// What `ploy replay` is told.
#[derive(Clone, Debug, Args)]
pub struct ReplayArgs {
    /// Tapes to play, plain or gzipped, merged by time; without one, what ploy.toml plays. Or the record of a run
    /// of a service: its folder, or its files in their order
    #[arg(value_name = "TAPE")]
    pub tapes: Vec<PathBuf>,
    /// Folder with ploy.toml and strategies/, a file a strategy
    #[arg(long, env = "PLOY_CONFIG", default_value = "config", value_name = "DIR")]
    pub config: PathBuf,
    /// File of a strategy to play, instead of all in the folder; may stand several times
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub strategy: Vec<PathBuf>,
    /// Tell of nothing before this time, such as 2026-09-28T09:00:00Z; what was before is played all the same
    #[arg(long, value_name = "TIME")]
    pub from: Option<Timestamp>,
    /// Play nothing after this time
    #[arg(long, value_name = "TIME")]
    pub to: Option<Timestamp>,
    /// Write every decision, fill and settlement to this file, a JSON object a line; `-` is standard output, and
    /// a name that ends in .gz is packed
    #[arg(long, value_name = "FILE")]
    pub decisions: Option<PathBuf>,
    /// How the report is written, instead of --output
    #[arg(long, value_enum)]
    pub report: Option<Output>,
}

/// Replays, and writes the report.
///
/// # Errors
/// When something cannot be read, played or written.
pub(super) fn run(args: &ReplayArgs, format: Output) -> anyhow::Result<Exit> {
    if let Some(files) = record::files(&args.tapes)? {
        if !args.strategy.is_empty() {
            bail!("a record is played with the settings in it; `--strategy` is for tapes");
        }
        let wanted = Wanted { files, from: args.from, to: args.to };
        let replayed = Replayed { wanted, decisions: args.decisions.as_deref() };
        return record::replay(&replayed, args.report.unwrap_or(format));
    }
    panics::install();
    let files = if args.strategy.is_empty() {
        settings::strategy_files(&args.config)?
    } else {
        args.strategy.iter().map(|path| settings::strategy_file(path)).collect::<Result<_, _>>()?
    };
    let tell = if args.decisions.is_some() { Tell::Lines } else { Tell::Sums };
    let plan = plan(&args.config, &args.tapes, (args.from, args.to))?;
    let mut player = Player::open(&Plan { strategies: distinct(files)?, tell, ..plan })?;
    let mut writer = match &args.decisions {
        Some(path) => Some(Writer::create(path, player.header())?),
        None => None,
    };
    let began = Instant::now();
    let mut progress = Progress::on_terminal();
    let played = play(&mut player, writer.as_mut(), &mut progress);
    let elapsed = began.elapsed();
    progress.clear();
    let broken = match played {
        Ok(()) => None,
        Err(Stopped::Closed) => return Ok(Exit::Done),
        Err(Stopped::File(error)) => return Err(error.into()),
        // What came before is told; the decisions have no last line, so nobody takes them for all.
        Err(Stopped::Tape(error)) => Some(format!("{:#}", anyhow::Error::from(error))),
    };
    if let Some(mut writer) = writer.take()
        && broken.is_none()
    {
        let end = Line::End(player.end(writer.lines()));
        match writer.write(&end).and_then(|()| writer.finish()) {
            Ok(()) | Err(FileError::Closed) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let failed = broken.is_some() || player.has_failed();
    if let Some(why) = &broken {
        output::talk(&format!("ploy: {why}"));
    }
    let report = Report::of(&player.status(broken), elapsed);
    tell_report(args, &report, args.report.unwrap_or(format))?;
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

/// Returns what is to be played, without its strategies.
///
/// # Errors
/// When the settings cannot be read, or the times make no sense.
pub(super) fn plan(
    folder: &Path,
    tapes: &[PathBuf],
    (from, to): (Option<Timestamp>, Option<Timestamp>),
) -> anyhow::Result<Plan> {
    if let (Some(from), Some(to)) = (from, to)
        && to < from
    {
        bail!("--from {from} is after --to {to}");
    }
    let service = settings::service(folder)?;
    let tapes = if tapes.is_empty() {
        service.feed.paths.iter().map(|path| folder.join(path)).collect()
    } else {
        tapes.to_vec()
    };
    let latency = service.venue.latency;
    Ok(Plan { tapes, latency, strategies: Vec::new(), from, to, tell: Tell::Sums })
}

/// Why a replay stopped before its end.
enum Stopped {
    Closed,
    File(FileError),
    Tape(SourceError),
}

fn play(
    player: &mut Player,
    mut writer: Option<&mut Writer>,
    progress: &mut Progress,
) -> Result<(), Stopped> {
    loop {
        let more = player.play_some();
        if let Some(writer) = writer.as_deref_mut() {
            for line in player.lines() {
                writer.write(&line).map_err(|error| match error {
                    FileError::Closed => Stopped::Closed,
                    error @ (FileError::Write { .. }
                    | FileError::Lines(_)
                    | FileError::Fault { .. }) => Stopped::File(error),
                })?;
            }
        }
        progress.draw(player.progress());
        if !more.map_err(Stopped::Tape)? {
            return Ok(());
        }
    }
}

/// Refuses two files of one id: they would be one strategy.
fn distinct(files: Vec<StrategyConfig>) -> anyhow::Result<Vec<StrategyConfig>> {
    let mut ids: Vec<_> = files.iter().map(|file| file.id.clone()).collect();
    ids.sort();
    match ids.windows(2).find(|pair| pair.first() == pair.last()).and_then(|pair| pair.first()) {
        Some(id) => bail!("two files of the strategy {id}: its id is the stem of its file"),
        None => Ok(files),
    }
}

/// Writes the report: beside the decisions where those go to standard output.
fn tell_report(args: &ReplayArgs, report: &Report, format: Output) -> anyhow::Result<()> {
    let text = match format {
        Output::Text => report.to_string(),
        Output::Json => serde_json::to_string(report).context("write the report as JSON")?,
    };
    if args.decisions.as_deref() == Some(Path::new("-")) {
        output::talk(&text);
    } else {
        output::answer(&text).context("write the report")?;
    }
    Ok(())
}

//! `ploy compare`: what another setting would have decided and come to, for people, for programs, and as a page.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use ploy::compare::line::{Header, Played};
use ploy::compare::{Both, compare};
use ploy::order::StrategyId;
use ploy::time::Timestamp;

use super::form::Output;
use super::{Exit, output, replay};
use crate::compare::sides::{self, Found, Named, Pair};
use crate::compare::{Told, page, price};
use crate::panics;
use crate::replay::Plan;
use crate::settings;

/// What `ploy compare` is told.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Each side is a file of a strategy (its name ends in .toml), which is replayed; a decisions \
                        file of `ploy replay --decisions`, which is read; or ID@VERSION, a version of a strategy's \
                        settings that the store kept, by the first digits of its hash.

Exit codes: 0 no decision differs, 5 some do, 1 it failed."
)]
pub struct CompareArgs {
    /// The first side: what is
    #[arg(value_name = "A")]
    pub a: String,
    /// The second side: what would be
    #[arg(value_name = "B")]
    pub b: String,
    /// Tape to replay settings on, may stand several times; without one, what ploy.toml plays
    #[arg(long, value_name = "TAPE", num_args = 1..)]
    pub tape: Vec<PathBuf>,
    /// Folder with ploy.toml
    #[arg(long, env = "PLOY_CONFIG", default_value = "config", value_name = "DIR")]
    pub config: PathBuf,
    /// Database with kept versions, instead of the place in ploy.toml
    #[arg(long, value_name = "FILE")]
    pub store: Option<PathBuf>,
    /// Which strategy, where a decisions file tells of several
    #[arg(long, value_name = "ID")]
    pub strategy: Option<StrategyId>,
    /// Compare nothing before this time; what was before is played all the same
    #[arg(long, value_name = "TIME")]
    pub from: Option<Timestamp>,
    /// Play nothing after this time
    #[arg(long, value_name = "TIME")]
    pub to: Option<Timestamp>,
    /// Write one page with charts for a browser to this file
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// Compares, and writes what came of it.
///
/// # Errors
/// When something cannot be read, played or written.
pub(super) fn run(args: &CompareArgs, format: Output) -> anyhow::Result<Exit> {
    panics::install();
    let plan = replay::plan(&args.config, &args.tape, (args.from, args.to))?;
    let store = settings::location(&args.config, args.store.as_deref())?;
    let names = Both { a: args.a.clone(), b: args.b.clone() };
    let found = Both {
        a: Named::of(&args.a).find(&store).with_context(|| format!("A, {}", args.a))?,
        b: Named::of(&args.b).find(&store).with_context(|| format!("B, {}", args.b))?,
    };
    // Where nothing is replayed, only a tape that was named is known to be the one.
    let is_known = !args.tape.is_empty()
        || matches!(found.a, Found::Settings(_))
        || matches!(found.b, Found::Settings(_));
    let Pair { mut sides, headers, sets } =
        sides::pair(found, &names, args.strategy.as_ref(), &plan)?;
    let comparison = compare(sets, &mut sides.a, &mut sides.b)?;
    let told = Told::new(names, tapes(&headers), sides::remarks(&headers), comparison);
    if let Some(path) = &args.html {
        write_page(path, &told, is_known.then_some(&plan))?;
    }
    let text = match format {
        Output::Text => told.to_string(),
        Output::Json => {
            serde_json::to_string_pretty(&told).context("write the comparison as JSON")?
        }
    };
    output::answer(&text).context("write the comparison")?;
    Ok(if told.has_failed() {
        Exit::Failed
    } else if told.comparison.is_same() {
        Exit::Done
    } else {
        Exit::Different
    })
}

/// Returns the tapes of both sides, each once.
fn tapes(headers: &Both<Header>) -> Vec<Played> {
    let mut tapes = headers.a.tapes.clone();
    tapes.extend(headers.b.tapes.iter().filter(|tape| !headers.a.tapes.contains(tape)).cloned());
    tapes
}

fn write_page(path: &PathBuf, told: &Told, plan: Option<&Plan>) -> anyhow::Result<()> {
    let first = told.comparison.first.as_ref();
    let market = first.and_then(|first| Some((first, first.difference.market_id()?)));
    let prices = match plan.zip(market) {
        Some((plan, (first, market))) => {
            let stretch = price::stretch(first, &told.comparison.orders);
            Some(price::of(&plan.tapes, market, stretch)?)
        }
        None => None,
    };
    let page = page::page(told, prices.as_ref());
    fs::write(path, page).with_context(|| format!("write {}", path.display()))
}

//! The settings of the service under the kill test: strategies that trade a lot, and limits that are never met.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use toml::{Table, Value};

use super::tape::PREFIX;

/// Limits that are never met, and waits that are over at once.
const WIDE: [(&str, i64); 19] = [
    ("market_exposure_max_usdc", 1_000_000),
    ("strategy_exposure_max_usdc", 1_000_000),
    ("event_exposure_max_usdc", 1_000_000),
    ("symbol_exposure_max_usdc", 1_000_000),
    ("open_orders_max", 1000),
    ("order_rate_per_minute", 6000),
    ("order_burst", 1000),
    ("loss_streak_max", 1000),
    ("loss_streak_cooldown_s", 1),
    ("drawdown_max_usdc", 1_000_000),
    ("daily_loss_max_usdc", 1_000_000),
    ("order_size_max_shares", 1_000_000),
    ("order_notional_max_usdc", 1_000_000),
    ("book_distance_max_frac", 10),
    ("book_age_ms_max", 86_400_000),
    ("reject_streak_max", 1000),
    ("failure_streak_max", 1000),
    ("venue_cooldown_s", 1),
    ("mark_grace_s", 3600),
];

/// Limits of the whole account that are never met.
const ACCOUNT: [(&str, i64); 15] = [
    ("open_orders_max", 10_000),
    ("open_notional_max_usdc", 1_000_000),
    ("gross_exposure_max_usdc", 1_000_000),
    ("market_exposure_max_usdc", 1_000_000),
    ("event_exposure_max_usdc", 1_000_000),
    ("symbol_exposure_max_usdc", 1_000_000),
    ("worst_loss_max_usdc", 1_000_000),
    ("daily_loss_max_usdc", 1_000_000),
    ("day_starts_at_min", 0),
    ("drawdown_max_usdc", 1_000_000),
    ("order_rate_per_minute", 60_000),
    ("order_burst", 10_000),
    ("cancel_rate_per_minute", 60_000),
    ("cancel_burst", 10_000),
    ("mark_age_s_max", 86_400),
];

/// Writes the folder `config`: four strategies that buy, hedge and sell, and one that buys and holds.
pub(crate) fn write(folder: &Path, venue: SocketAddr, speed: &str) -> anyhow::Result<()> {
    let strategies = folder.join("config/strategies");
    fs::create_dir_all(&strategies)?;
    let service = format!(
        "[feed]\nkind = \"tape\"\npaths = [\"../tape.jsonl\"]\nspeed = \"{speed}\"\n\
         [venue]\nkind = \"simulated\"\naddress = \"{venue}\"\n\
         [store]\npath = \"data/ploy.db\"\n\
         [record]\nenabled = false\n\
         [halt]\nresume = \"auto\"\nhealthy_s = 0\n\
         [config]\nwatch = \"poll\"\nrescan_s = 3600\n\
         [process]\nstarts_max = 100\nwindow_s = 10\n"
    );
    let account = ACCOUNT.map(|(key, value)| format!("{key} = {value}\n")).concat();
    fs::write(folder.join("config/ploy.toml"), format!("{service}[account]\n{account}"))?;
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let legged = shipped.join("config/strategies/split_arb_legged.toml");
    for (name, size, price) in
        [("split_a", 5, 0.45), ("split_b", 7, 0.42), ("split_c", 9, 0.38), ("split_d", 12, 0.34)]
    {
        let settings = [
            ("size_shares", Value::from(size)),
            ("entry_price_max_usdc", Value::from(price)),
            ("hedge_slack_usdc", Value::from(1)),
            ("profit_min_usdc", Value::from(0)),
            ("unhedged_max", Value::from(1000)),
            ("exit_before_close_s", Value::from(3)),
        ];
        fs::write(strategies.join(format!("{name}.toml")), strategy(&legged, &settings)?)?;
    }
    let drill = strategy(&shipped.join("docs/examples/drill.toml"), &[("size", Value::from(7))])?;
    fs::write(strategies.join("hold.toml"), drill)?;
    Ok(())
}

/// Returns a shipped file with these settings, for the markets of the tape.
fn strategy(path: &Path, settings: &[(&str, Value)]) -> anyhow::Result<String> {
    let mut file: Table = fs::read_to_string(path)?.parse()?;
    let own = section(&mut file, "settings")?;
    own.insert("market_prefixes".to_owned(), Value::from(vec![PREFIX]));
    own.extend(settings.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    let risk = section(&mut file, "risk")?;
    risk.extend(WIDE.map(|(key, value)| (key.to_owned(), Value::from(value))));
    let restart = section(&mut file, "restart")?;
    for (key, value) in [("backoff_initial_ms", 100), ("failures_max", 1000), ("window_s", 1)] {
        restart.insert(key.to_owned(), Value::from(value));
    }
    Ok(toml::to_string(&file)?)
}

fn section<'t>(file: &'t mut Table, name: &str) -> anyhow::Result<&'t mut Table> {
    file.get_mut(name).and_then(Value::as_table_mut).with_context(|| format!("no [{name}]"))
}

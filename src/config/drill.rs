//! The settings of `drill`, each declared once, and what they mean together.

use crate::price::Size;
use crate::strategy::drill::config::{Config, Trouble};

use super::setting::{Range, Section, Setting};
use super::values::Values;

static TROUBLES: [&str; 8] =
    ["none", "panic", "error", "config", "spin", "hang", "grow", "slow_start"];

const MARKET_PREFIXES: Setting = Setting::other("market_prefixes", Range::Texts)
    .restart("The beginnings of the short names of the markets that it trades.")
    .begin("[\"btc-updown-15m-\"]");
const SIZE: Setting = Setting::decimal("size", "shares", ("5", "1000"))
    .live("The shares of yes that it buys once in each market.")
    .or("5");
const FAULT: Setting = Setting::other("fault", Range::Word(&TROUBLES))
    .live(
    "What happens to it: \"none\"; \"panic\"; \"error\", it says that it failed; \"config\", it says that its settings \
     cannot work; \"spin\", it burns the CPU of its thread; \"hang\", it waits without end; \"grow\", it takes memory; \
     \"slow_start\", each of its starts takes long.",
)
    .or("none");
const ON_INPUT: Setting = Setting::whole("on_input", "inputs", (0, 1_000_000_000))
    .live("At which input it happens, counted from 1 over all its incarnations in a run of the service; 0 is at none.")
    .or("0");
const EVERY: Setting = Setting::whole("every", "inputs", (0, 1_000_000_000))
    .live("After how many more inputs it happens again; 0 is never.")
    .or("0");
const REPEAT: Setting = Setting::whole("repeat", "times", (0, 1_000_000))
    .live("How many times it happens again at most.")
    .or("0");
const FAULT_NUMBER: Setting = Setting::whole("fault_number", "commands", (0, 1_000_000_000))
    .live("A command: raised while it runs, the fault happens at its next input.")
    .or("0");
const SPAN: Setting = Setting::whole("span_ms", "milliseconds", (0, 86_400_000))
    .live("How long it spins, or starts; 0 is for ever.")
    .or("1000");
const GROW: Setting = Setting::whole("grow_mb", "MiB", (1, 1024))
    .live("How much memory it takes each time; it is given back when its incarnation ends.")
    .or("16");

static SETTINGS: [Setting; 9] =
    [MARKET_PREFIXES, SIZE, FAULT, ON_INPUT, EVERY, REPEAT, FAULT_NUMBER, SPAN, GROW];

const MIB: u64 = 1024 * 1024;

/// Returns the section `[settings]`.
pub(super) const fn section() -> Section {
    Section::new("settings", &SETTINGS)
}

/// Builds the typed settings; what was at fault has been noted.
pub(super) fn config(values: &Values) -> Option<Config> {
    Some(Config {
        market_prefixes: values.texts(&MARKET_PREFIXES)?,
        size: Size::from_micros(values.micros(&SIZE)?).ok()?,
        fault: values.word(&FAULT, &Trouble::ALL, Trouble::name)?,
        on_input: values.whole(&ON_INPUT)?,
        every: values.whole(&EVERY)?,
        repeat: values.whole(&REPEAT)?,
        fault_number: values.whole(&FAULT_NUMBER)?,
        span: values.millis(&SPAN)?,
        grow_bytes: values.whole::<u64>(&GROW)?.saturating_mul(MIB),
    })
}

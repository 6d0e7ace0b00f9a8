//! The values of one section, by setting, with their places: what typed settings are built from.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::price::Usdc;
use crate::zone::Zone;

use super::setting::Setting;
use super::speed::Speed;
use super::value::Value;

/// The values of one section. A value that is missing here was at fault.
#[derive(Clone, Debug)]
pub(super) struct Values {
    section: &'static str,
    header: usize,
    items: BTreeMap<&'static str, Item>,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The file says it.
    File,
    /// The file does not say it: its default, or what follows from other settings.
    Default,
}

#[derive(Clone, Debug)]
struct Item {
    value: Value,
    /// The byte of the file where it is stated; a default has none.
    at: Option<usize>,
}

impl Values {
    pub(super) const fn new(section: &'static str, header: usize) -> Self {
        Self { section, header, items: BTreeMap::new() }
    }

    pub(super) fn set(&mut self, key: &'static str, value: Value, at: Option<usize>) {
        self.items.insert(key, Item { value, at });
    }

    /// Returns the section's name.
    pub(super) const fn section(&self) -> &'static str {
        self.section
    }

    /// Returns the byte where the section begins.
    pub(super) const fn header(&self) -> usize {
        self.header
    }

    /// Returns the byte where a setting is stated.
    pub(super) fn place(&self, key: &str) -> Option<usize> {
        self.items.get(key)?.at
    }

    /// Returns what a setting means in its canonical spelling, and where that comes from.
    pub(super) fn canonical(&self, setting: &Setting) -> Option<(String, Origin)> {
        let item = self.items.get(setting.key)?;
        let origin = if item.at.is_some() { Origin::File } else { Origin::Default };
        Some((item.value.to_string(), origin))
    }

    fn get(&self, setting: &Setting) -> Option<&Value> {
        self.items.get(setting.key).map(|item| &item.value)
    }

    /// Returns a decimal number in millionths of its unit.
    pub(super) fn micros(&self, setting: &Setting) -> Option<i64> {
        self.get(setting)?.as_decimal()
    }

    /// Returns a number as cash.
    pub(super) fn usdc(&self, setting: &Setting) -> Option<Usdc> {
        Usdc::from_micros(self.micros(setting)?).ok()
    }

    /// Returns a whole number as the type that is wanted.
    pub(super) fn whole<T: TryFrom<u64>>(&self, setting: &Setting) -> Option<T> {
        T::try_from(self.get(setting)?.as_whole()?).ok()
    }

    /// Returns a whole number of seconds.
    pub(super) fn seconds(&self, setting: &Setting) -> Option<Duration> {
        self.whole(setting).map(Duration::from_secs)
    }

    /// Returns a whole number of milliseconds.
    pub(super) fn millis(&self, setting: &Setting) -> Option<Duration> {
        self.whole(setting).map(Duration::from_millis)
    }

    /// Returns the one of `all` whose name the file says.
    pub(super) fn word<T: Copy>(
        &self,
        setting: &Setting,
        all: &[T],
        name: fn(T) -> &'static str,
    ) -> Option<T> {
        let word = self.get(setting)?.as_text()?;
        all.iter().copied().find(|item| name(*item) == word)
    }

    /// Returns a switch.
    pub(super) fn switch(&self, setting: &Setting) -> Option<bool> {
        self.get(setting)?.as_switch()
    }

    /// Returns a text.
    pub(super) fn text(&self, setting: &Setting) -> Option<String> {
        self.get(setting)?.as_text().map(str::to_owned)
    }

    /// Returns a list of texts.
    pub(super) fn texts(&self, setting: &Setting) -> Option<Vec<String>> {
        self.get(setting)?.as_texts().map(<[String]>::to_vec)
    }

    /// Returns a speed.
    pub(super) fn speed(&self, setting: &Setting) -> Option<Speed> {
        self.get(setting)?.as_speed()
    }

    /// Returns a time zone.
    pub(super) fn zone(&self, setting: &Setting) -> Option<Zone> {
        self.get(setting)?.as_zone()
    }

    /// Returns an address.
    pub(super) fn address(&self, setting: &Setting) -> Option<SocketAddr> {
        self.get(setting)?.as_address()
    }
}

/// Returns the SHA-256, in 64 hex digits, of what sections mean: every value in one canonical text, also the
/// defaults, so that comments, order, spelling of numbers and stated defaults do not count.
pub(super) fn version(sections: &[&Values]) -> String {
    hash(&all(sections).map(|(key, value)| format!("{key} = {value}\n")).collect::<String>())
}

/// Returns every value of sections, by section and key, in that one canonical text.
fn all(sections: &[&Values]) -> impl Iterator<Item = (String, String)> {
    sections.iter().flat_map(|values| {
        values
            .items
            .iter()
            .map(|(key, item)| (format!("{}.{key}", values.section), item.value.to_string()))
    })
}

/// Returns the SHA-256 of a text in 64 hex digits.
pub(super) fn hash(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

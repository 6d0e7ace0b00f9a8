//! The breaker as it is written down: its form has a version, and the form before it is still read.
//!
//! Form 1 knew neither rejects nor failures nor a trial, and did not say its version. What it says is taken over whole,
//! above all a trip in force; what it could not know begins at nothing. Any other form is refused by its number, before
//! anything of it is read.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::price::Usdc;

use super::Breaker;
use super::breaker::{Day, Trial, Trip};

/// What is written down of a breaker.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Form {
    /// First, so that a form of another version is refused for that and not for its fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<Version>,
    #[serde(deserialize_with = "crate::numbers::count")]
    streak: u64,
    #[serde(default, deserialize_with = "counted", skip_serializing_if = "Option::is_none")]
    rejects: Option<u64>,
    #[serde(default, deserialize_with = "counted", skip_serializing_if = "Option::is_none")]
    failures: Option<u64>,
    forgiven: Usdc,
    #[serde(deserialize_with = "Option::deserialize")]
    day: Option<Day>,
    #[serde(deserialize_with = "Option::deserialize")]
    trip: Option<Trip>,
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    trial: Option<Option<Trial>>,
}

/// The version of the form that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Version(u32);

impl Version {
    const WRITTEN: Self = Self(2);
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let version = Self(u32::deserialize(deserializer)?);
        if version == Self::WRITTEN {
            return Ok(version);
        }
        let Self(found) = version;
        Err(D::Error::custom(format!(
            "form {found} of a breaker is not known to this program, which reads 1 (without a version) and 2"
        )))
    }
}

impl From<Breaker> for Form {
    fn from(breaker: Breaker) -> Self {
        let Breaker { streak, rejects, failures, forgiven, day, trip, trial } = breaker;
        Self {
            version: Some(Version::WRITTEN),
            streak,
            rejects: Some(rejects),
            failures: Some(failures),
            forgiven,
            day,
            trip,
            trial: Some(trial),
        }
    }
}

/// The form says things of two versions, or leaves out what its own has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("missing field `{0}`")]
pub(super) struct Missing(&'static str);

impl TryFrom<Form> for Breaker {
    type Error = Missing;

    fn try_from(form: Form) -> Result<Self, Missing> {
        let Form { version, streak, rejects, failures, forgiven, day, trip, trial } = form;
        let (rejects, failures, trial) = match (version, rejects, failures, trial) {
            (None, None, None, None) => (0, 0, None),
            (None, _, _, _) => return Err(Missing("version")),
            (Some(_), rejects, failures, trial) => (
                rejects.ok_or(Missing("rejects"))?,
                failures.ok_or(Missing("failures"))?,
                trial.ok_or(Missing("trial"))?,
            ),
        };
        Ok(Self { streak, rejects, failures, forgiven, day, trip, trial })
    }
}

fn counted<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    crate::numbers::count(deserializer).map(Some)
}

/// Keeps apart what says that there is none from what says nothing.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Trial>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

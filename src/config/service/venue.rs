//! Where orders go, as the file of the service states it.

use std::net::SocketAddr;
use std::time::Duration;

use super::declared::{ADDRESS, LATENCY, VENUE_KIND};
use crate::config::reader::Reader;
use crate::config::values::Values;

/// The venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VenueConfig {
    /// Which it is.
    pub kind: VenueKind,
    /// How much event time passes between an order's sending and its matching at the paper venue.
    pub latency: Duration,
}

/// Where orders go. Nothing here trades.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VenueKind {
    /// To a venue in memory, which fills them against the books of the feed.
    #[default]
    Paper,
    /// To a simulated venue in another process, for rehearsals.
    Simulated {
        /// Where it listens: a loopback address.
        address: SocketAddr,
    },
}

pub(super) fn config(values: &Values, reader: &mut Reader<'_>) -> Option<VenueConfig> {
    let (kind, address) = (values.text(&VENUE_KIND), values.address(&ADDRESS));
    let kind = match (kind.as_deref()?, address) {
        ("simulated", Some(address)) => VenueKind::Simulated { address },
        // One that is stated and no loopback address has been refused already.
        ("simulated", None) if reader.peek("venue", ADDRESS.key).is_none() => {
            let problem = "a simulated venue is somewhere; expected `address`, where it listens";
            reader.clash(values, [&VENUE_KIND, &ADDRESS], problem.to_owned());
            return None;
        }
        ("simulated", None) => return None,
        (_, Some(_)) => {
            let problem = "the paper venue is in the process and has no address; expected it only with \
                 kind = \"simulated\"";
            reader.clash(values, [&ADDRESS, &VENUE_KIND], problem.to_owned());
            return None;
        }
        (_, None) => VenueKind::Paper,
    };
    Some(VenueConfig { kind, latency: values.millis(&LATENCY)? })
}

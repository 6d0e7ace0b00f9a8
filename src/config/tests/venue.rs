//! Tests of where orders go: a venue of rehearsals is named with its address, and only this machine's.

use super::*;

/// A service whose `[venue]` says this.
fn with_venue(lines: &str) -> Result<VenueKind, Vec<String>> {
    let text = format!("[feed]\nkind = \"tape\"\npaths = [\"a.jsonl\"]\n[venue]\n{lines}");
    let read = service("p.toml", &stated(&text)).map(|config| config.venue.kind);
    read.map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

#[test]
fn a_simulated_venue_is_named_with_its_address_and_paper_has_none() {
    let simulated = with_venue("kind = \"simulated\"\naddress = \"127.0.0.1:7070\"");
    let address = "127.0.0.1:7070".parse().unwrap();
    assert_eq!(simulated, Ok(VenueKind::Simulated { address }));
    assert_eq!(with_venue("kind = \"paper\""), Ok(VenueKind::Paper));
    for (lines, fault) in [
        (
            "kind = \"simulated\"",
            "p.toml:5:1: venue.kind: a simulated venue is somewhere; expected `address`, where it listens",
        ),
        (
            "kind = \"paper\"\naddress = \"127.0.0.1:7070\"",
            "p.toml:6:1: venue.address: the paper venue is in the process and has no address; expected it only \
             with kind = \"simulated\"",
        ),
    ] {
        assert_eq!(with_venue(lines), Err(vec![fault.to_owned()]), "{lines}");
    }
}

#[test]
fn a_simulated_venue_is_on_this_machine() {
    for address in ["10.0.0.1:7070", "0.0.0.0:7070", "[2001:db8::1]:7070"] {
        let lines = format!("kind = \"simulated\"\naddress = \"{address}\"");
        let faults = with_venue(&lines).unwrap_err();
        assert!(faults[0].starts_with("p.toml:6:11: venue.address: "), "{faults:?}");
        assert!(faults[0].contains("can be reached from other machines"), "{faults:?}");
        assert_eq!(faults.len(), 1, "{faults:?}");
    }
}

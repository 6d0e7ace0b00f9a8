//! What is changed, removed, put in, swapped or cut off is found, and nothing else is.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    vec(entry(), 1..12)
}

fn entry() -> impl Strategy<Value = Entry> {
    let text = || "[a-c:\\x00é]{0,3}";
    let optional = || option::of("[a-c:\"é]{0,3}");
    let whole = || -3_i64..3;
    let places = (whole(), whole(), whole(), text());
    let words = (text(), text(), text());
    (places, words, (optional(), optional(), optional())).prop_map(|(places, words, states)| {
        Entry {
            at: places.0,
            event_at: places.1,
            seq: places.2,
            run: places.3,
            actor: words.0,
            action: words.1,
            subject: words.2,
            strategy: states.0,
            before: states.1,
            after: states.2,
        }
    })
}

fn chain(entries: Vec<Entry>) -> Vec<Sealed> {
    let mut head = Head::START;
    entries.into_iter().map(|entry| head.seal(entry)).collect()
}

fn head_of(rows: &[Sealed]) -> Head {
    rows.last().map_or(Head::START, |row| Head { number: row.number, hash: row.hash })
}

/// Reads these rows, of which the newest was known to be this one.
fn check(rows: &[Sealed], known: Head) -> Result<Head, Break> {
    let mut verifier = Verifier::new(Head::START, [known]);
    rows.iter().try_for_each(|row| verifier.check(row))?;
    verifier.end()
}

/// Changes one field of a row, and says whether that made a difference.
fn change(row: &mut Sealed, field: usize, other: &Entry) -> bool {
    let before = row.clone();
    let entry = &mut row.entry;
    match field {
        0 => entry.at = other.at,
        1 => entry.event_at = other.event_at,
        2 => entry.seq = other.seq,
        3 => entry.run.clone_from(&other.run),
        4 => entry.actor.clone_from(&other.actor),
        5 => entry.action.clone_from(&other.action),
        6 => entry.subject.clone_from(&other.subject),
        7 => entry.strategy.clone_from(&other.strategy),
        8 => entry.before.clone_from(&other.before),
        9 => entry.after.clone_from(&other.after),
        10 => row.previous = Hash::of_spoiled("x"),
        11 => row.hash = Hash::of_spoiled("y"),
        _ => {
            // What stands at the end of one text stands at the beginning of the next.
            if let Some(last) = row.entry.actor.pop() {
                row.entry.action.insert(0, last);
            }
        }
    }
    before != *row
}

proptest! {
    #[test]
    fn a_chain_that_nobody_touched_is_sound(entries in entries()) {
        let rows = chain(entries);
        prop_assert_eq!(check(&rows, head_of(&rows)), Ok(head_of(&rows)));
    }

    #[test]
    fn a_changed_field_is_found_at_its_row(
        entries in entries(), at in any::<Index>(), field in 0_usize..13, other in entry(),
    ) {
        let mut rows = chain(entries);
        let known = head_of(&rows);
        let at = at.index(rows.len());
        prop_assume!(change(&mut rows[at], field, &other));
        prop_assert_eq!(check(&rows, known), Err(Break::Changed { number: rows[at].number }));
    }

    #[test]
    fn a_changed_row_with_its_own_new_hash_is_found(
        entries in entries(), at in any::<Index>(), field in 0_usize..10, other in entry(),
    ) {
        let mut rows = chain(entries);
        let known = head_of(&rows);
        let at = at.index(rows.len());
        prop_assume!(change(&mut rows[at], field, &other));
        let row = &mut rows[at];
        row.hash = row.entry.hash(row.number, row.previous);
        let number = row.number;
        let found = if at + 1 == rows.len() {
            Break::Rewritten { number }
        } else {
            Break::Inserted { number: number + 1 }
        };
        prop_assert_eq!(check(&rows, known), Err(found));
    }

    #[test]
    fn a_removed_row_is_found(entries in entries(), at in any::<Index>()) {
        let mut rows = chain(entries);
        let known = head_of(&rows);
        let removed = rows.remove(at.index(rows.len())).number;
        let found = if rows.len() + 1 == usize::try_from(removed).unwrap() {
            Break::Cut { number: removed, last: removed - 1 }
        } else {
            Break::Missing { first: removed, last: removed }
        };
        prop_assert_eq!(check(&rows, known), Err(found));
    }

    #[test]
    fn rows_that_changed_places_are_found(
        entries in entries(), one in any::<Index>(), other in any::<Index>(),
    ) {
        let mut rows = chain(entries);
        let known = head_of(&rows);
        let (one, other) = (one.index(rows.len()), other.index(rows.len()));
        prop_assume!(rows[one].entry != rows[other].entry);
        let number = rows[one.min(other)].number;
        // The contents alone, as two updates would do it.
        let (first, second) = (rows[one].entry.clone(), rows[other].entry.clone());
        (rows[one].entry, rows[other].entry) = (second, first);
        prop_assert_eq!(check(&rows, known), Err(Break::Changed { number }));
    }

    #[test]
    fn an_inserted_row_is_found(entries in entries(), at in any::<Index>(), new in entry()) {
        let rows = chain(entries);
        let known = head_of(&rows);
        let at = at.index(rows.len());
        // A row of the best make, with those after it numbered anew.
        let mut forged = rows[..at].to_vec();
        let mut head = head_of(&forged);
        forged.push(head.seal(new));
        forged.extend(rows[at..].iter().cloned().map(|mut row| { row.number += 1; row }));
        let number = rows[at].number + 1;
        prop_assert_eq!(check(&forged, known), Err(if at + 1 == rows.len() && forged[at].hash != known.hash {
            Break::Rewritten { number: number - 1 }
        } else {
            Break::Changed { number }
        }));
    }

    #[test]
    fn a_chain_that_was_made_anew_is_found_by_an_older_head(
        entries in entries(), at in any::<Index>(), new in entry(),
    ) {
        let rows = chain(entries.clone());
        let at = at.index(rows.len());
        prop_assume!(entries[at] != new);
        let mut other = entries;
        other[at] = new;
        let known = head_of(&rows);
        prop_assert_eq!(check(&chain(other), known), Err(Break::Rewritten { number: known.number }));
    }

    #[test]
    fn two_contents_never_share_a_hash(one in entry(), other in entry()) {
        let same = one.hash(1, Hash::ZERO) == other.hash(1, Hash::ZERO);
        prop_assert_eq!(same, one == other);
    }
}

/// The encoding is a promise: chains that were written with it must be read for ever.
#[test]
fn the_encoding_is_the_one_of_the_page() {
    let entry = Entry {
        at: 1,
        event_at: 2,
        run: "r".to_owned(),
        seq: 3,
        strategy: Some("momentum".to_owned()),
        actor: "ops".to_owned(),
        action: "stop".to_owned(),
        subject: "momentum".to_owned(),
        before: None,
        after: Some(r#"{"answer":"accepted"}"#.to_owned()),
    };
    let hash = entry.hash(1, Hash::ZERO).to_string();
    assert!(include_str!("../../docs/audit.md").contains(&hash), "docs/audit.md has not {hash}");
}

#[test]
fn a_chain_goes_on_after_rows_that_went_with_age() {
    let rows = chain(vec![Entry::default(); 5]);
    let mut verifier = Verifier::new(head_of(&rows[..2]), [head_of(&rows[..1]), head_of(&rows)]);
    rows[2..].iter().try_for_each(|row| verifier.check(row)).unwrap();
    assert_eq!(verifier.end(), Ok(head_of(&rows)));
    assert_eq!(verifier.head(), head_of(&rows));
    assert_eq!(verifier.check(&rows[4]), Err(Break::Inserted { number: 5 }));
}

#[test]
fn heads_are_written_and_read_and_everything_else_is_refused() {
    let head = head_of(&chain(vec![Entry::default(); 3]));
    assert_eq!(head.to_string().parse(), Ok(head));
    let short = "3:".to_owned() + &"0".repeat(63);
    let capital = "3:".to_owned() + &"A".repeat(64);
    for text in ["", "3", "3:", ":", "x:00", "-1:00", &short, &capital, &"é".repeat(32)] {
        let error = text.parse::<Head>().unwrap_err();
        assert!(error.to_string().contains("is not a head"), "{error}");
    }
}

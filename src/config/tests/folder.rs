//! Tests of the folder: what a look changes, and what it leaves as it is.

use super::*;

fn seen(stem: &str, text: &str) -> Seen {
    Seen { path: format!("{stem}.toml"), stem: stem.to_owned(), text: Ok(text.to_owned()) }
}

/// A folder in which the legged strategy runs as `a`.
fn running() -> Folder {
    Folder::of([strategy("a.toml", "a".parse().unwrap(), LEGGED).unwrap()])
}

fn said(moves: &[Move]) -> Vec<String> {
    let word = |applies: &Applies| if *applies == Applies::Live { "live" } else { "restart" };
    let tell = |one: &Move| match one {
        Move::Added { config, .. } => format!("added {}", config.id),
        Move::Changed { config, changes, needs, .. } => {
            format!("changed {}: {} {}", config.id, changes.len(), word(needs))
        }
        Move::Removed(id) => format!("removed {id}"),
        Move::Faulty { stem, faults } => format!("faulty {stem}: {}", faults[0]),
        Move::Mended { stem } => format!("mended {stem}"),
    };
    moves.iter().map(tell).collect()
}

#[track_caller]
fn check(folder: &mut Folder, files: &[Seen], wanted: &[&str]) {
    assert_eq!(said(&folder.look(files)), wanted);
}

#[test]
fn the_same_files_change_nothing_however_often_they_are_looked_at() {
    let mut folder = running();
    for _ in 0..3 {
        check(&mut folder, &[seen("a", LEGGED)], &[]);
    }
    assert!(!folder.is_unsettled());
}

#[test]
fn a_comment_is_no_change() {
    check(&mut running(), &[seen("a", &format!("# new\n{LEGGED}"))], &[]);
}

#[test]
fn a_change_needs_what_its_settings_need() {
    let mut folder = running();
    let cheaper = LEGGED.replace("entry_price_max_usdc = 0.35", "entry_price_max_usdc = 0.3");
    check(&mut folder, &[seen("a", &cheaper)], &["changed a: 1 live"]);
    let other = cheaper.replace(r#"["btc-updown-15m-"]"#, r#"["btc-"]"#);
    check(&mut folder, &[seen("a", &other)], &["changed a: 1 restart"]);
    check(&mut folder, &[seen("a", LEGGED)], &["changed a: 2 restart"]);
}

#[test]
fn a_new_file_is_a_new_strategy() {
    check(&mut running(), &[seen("a", LEGGED), seen("b", SIMULTANEOUS)], &["added b"]);
}

#[test]
fn a_file_that_comes_back_at_once_was_never_gone() {
    let mut folder = running();
    check(&mut folder, &[], &[]);
    assert!(folder.is_unsettled());
    check(&mut folder, &[seen("a", LEGGED)], &[]);
    check(&mut folder, &[], &[]);
    check(&mut folder, &[], &["removed a"]);
    check(&mut folder, &[seen("a", LEGGED)], &["added a"]);
}

#[test]
fn a_faulty_file_leaves_what_was_good_in_force() {
    let mut folder = running();
    let id = "a".parse().unwrap();
    let broken = LEGGED.replace("size_shares = 20", "size_shares = 2");
    let fault = "faulty a: a.toml:25:15: settings.size_shares: 2 is out of range; expected 5 to 1000000 shares";
    check(&mut folder, &[seen("a", &broken)], &[fault]);
    check(&mut folder, &[seen("a", &broken)], &[]);
    check(&mut folder, &[seen("a", &format!("{broken}\n# still"))], &[]);
    assert_eq!(folder.faults().count(), 1);
    assert_eq!(
        folder.good(&id).unwrap().version,
        strategy("a", id.clone(), LEGGED).unwrap().version
    );
    check(&mut folder, &[seen("a", LEGGED)], &["mended a"]);
    assert_eq!(folder.faults().count(), 0);
    let mended = broken.replace("size_shares = 2", "size_shares = 30");
    check(&mut folder, &[seen("a", &broken)], &[fault]);
    check(&mut folder, &[seen("a", &mended)], &["mended a", "changed a: 1 live"]);
}

#[test]
fn a_file_that_was_never_good_is_no_strategy() {
    let mut folder = running();
    let files = [seen("a", LEGGED), seen("b", "x"), seen("B C", SIMULTANEOUS)];
    let moves = said(&folder.look(&files));
    assert_eq!(moves.len(), 2, "{moves:?}");
    assert!(moves.iter().all(|one| one.starts_with("faulty")), "{moves:?}");
    check(&mut folder, &[seen("a", LEGGED)], &[]);
    check(&mut folder, &[seen("a", LEGGED)], &[]);
    assert_eq!(folder.faults().count(), 0, "faults go with their files");
}

#[test]
fn a_file_that_cannot_be_read_changes_nothing_that_runs() {
    let mut folder = running();
    let locked = Seen { text: Err("permission denied".to_owned()), ..seen("a", "") };
    check(&mut folder, &[locked], &["faulty a: a.toml:1:1: cannot be read: permission denied"]);
    check(&mut folder, &[seen("a", LEGGED)], &["mended a"]);
}

proptest! {
    /// Whatever is written meanwhile, the end is what the last look found: saves come in any number, whole or cut.
    #[test]
    fn the_last_look_decides(cuts in prop::collection::vec(0..=LEGGED.len(), 0..8), last in 0..3_usize) {
        let mut folder = running();
        for cut in cuts.into_iter().filter(|cut| LEGGED.is_char_boundary(*cut)) {
            folder.look(&[seen("a", &LEGGED[..cut])]);
        }
        let text = [LEGGED, SIMULTANEOUS, NBA_SWING][last];
        folder.look(&[seen("a", text)]);
        let id: StrategyId = "a".parse().unwrap();
        let wanted = strategy("a.toml", id.clone(), text).unwrap();
        prop_assert_eq!(folder.good(&id), Some(&wanted));
        prop_assert_eq!(folder.look(&[seen("a", text)]), vec![]);
    }
}

//! Changes: what one version of a file says otherwise than another, setting by setting, and what each needs.

use super::setting::{Applies, Section};
use super::values::{Origin, Values};

/// One setting as a file means it: also what it leaves to the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// The section it stands in.
    pub section: &'static str,
    /// Its name within the section.
    pub key: &'static str,
    /// Its value in the one canonical spelling, as it could stand in the file.
    pub value: String,
    /// Where the value comes from.
    pub origin: Origin,
    /// What a change of it needs.
    pub applies: Applies,
}

/// A setting that two versions of a file mean differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The section it stands in.
    pub section: &'static str,
    /// Its name within the section.
    pub key: &'static str,
    /// What it was; nothing where the older version has no such setting.
    pub from: Option<String>,
    /// What it is; nothing where the newer version has no such setting.
    pub to: Option<String>,
    /// What the change needs.
    pub applies: Applies,
}

/// Returns what `new` means otherwise than `old`, in the order of the files. Comments, order, spelling and
/// stated defaults are no change.
#[must_use]
pub fn changes(old: &[Stated], new: &[Stated]) -> Vec<Change> {
    let same = |a: &Stated, b: &Stated| a.section == b.section && a.key == b.key;
    let gone = old.iter().filter(|before| !new.iter().any(|after| same(before, after)));
    let gone = gone.map(|before| Change {
        section: before.section,
        key: before.key,
        from: Some(before.value.clone()),
        to: None,
        applies: before.applies,
    });
    let moved = new.iter().filter_map(|after| {
        let before = old.iter().find(|before| same(before, after)).map(|before| &before.value);
        (before != Some(&after.value)).then(|| Change {
            section: after.section,
            key: after.key,
            from: before.cloned(),
            to: Some(after.value.clone()),
            applies: after.applies,
        })
    });
    moved.chain(gone).collect()
}

/// Returns what a list of changes needs: a restart as soon as one of them does.
#[must_use]
pub fn needs(changes: &[Change]) -> Option<Applies> {
    let restart = changes.iter().any(|change| change.applies == Applies::Restart);
    (!changes.is_empty()).then_some(if restart { Applies::Restart } else { Applies::Live })
}

/// Returns what the sections of a file mean, in the order in which they are declared.
pub(super) fn stated(declared: &[Section], read: &[&Values]) -> Vec<Stated> {
    let mut all = Vec::new();
    for values in read {
        let Some(section) = declared.iter().find(|section| section.name == values.section()) else {
            continue;
        };
        for setting in section.settings {
            let Some((value, origin)) = values.canonical(setting) else { continue };
            let (section, key, applies) = (section.name, setting.key, setting.applies);
            all.push(Stated { section, key, value, origin, applies });
        }
    }
    all
}

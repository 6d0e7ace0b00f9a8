//! Panics as values: what was said and where, so that a strategy's panic ends the strategy and nothing else.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};

thread_local! {
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Makes every panic note where it happened, beside what the hook before it does. Called once, after the log is
/// set up; without it only the text is known.
pub fn install() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        LAST.with(|last| *last.borrow_mut() = Some(describe(info)));
        before(info);
    }));
}

/// Makes every panic note where it happened and say nothing: for programs in which panics are expected and told
/// in an answer.
pub fn hush() {
    panic::set_hook(Box::new(|info| {
        LAST.with(|last| *last.borrow_mut() = Some(describe(info)));
    }));
}

/// Runs `work`; a panic inside comes back as its text and place. Whatever `work` was changing may be half
/// changed afterwards and must not be used to go on.
///
/// # Errors
/// When `work` panicked.
pub fn catch<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    LAST.with(|last| last.borrow_mut().take());
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        LAST.with(|last| last.borrow_mut().take()).unwrap_or_else(|| text(payload.as_ref()))
    })
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let place = info.location().map(|at| format!(" at {}:{}", at.file(), at.line()));
    format!("panicked: {}{}", text(info.payload()), place.unwrap_or_default())
}

fn text(payload: &(dyn std::any::Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic that says nothing".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_comes_back_as_what_was_said() {
        let said = catch(|| panic!("index {} is out", 3)).unwrap_err();
        assert!(said.contains("index 3 is out"), "{said}");
        assert_eq!(catch(|| 7), Ok(7));
    }
}

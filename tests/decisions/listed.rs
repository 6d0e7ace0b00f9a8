//! What a list of cases is: a test of each, and the names of all.

use expect_test::expect_file;

use crate::case::Case;
use crate::play::Play;

/// Makes a test of each case of a folder, and the list of all.
macro_rules! cases {
    ($folder:literal: $($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                $crate::listed::check(concat!($folder, "/", stringify!($name)));
            }
        )*

        /// Every case, in its order.
        pub(crate) const CASES: &[&str] = &[$(stringify!($name)),*];
    };
}
pub(crate) use cases;

/// The one place that plays a case and compares.
pub(crate) fn check(name: &str) {
    let case = Case::read(name);
    let several = 1 < case.strategies.len();
    let mut text = format!("{}\n\n", case.header.title);
    for (strategy, line) in Play::all(&case) {
        let who = if several { format!("{strategy:>12}  ") } else { String::new() };
        text.push_str(&format!("{who}{line}\n"));
    }
    expect_file![format!("{name}.decisions")].assert_eq(&text);
}

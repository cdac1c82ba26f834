//! The cases, a file for each topic.

mod concurrency;
mod deadlines;
mod directories;
mod exec;
mod files;
mod glob;
mod grep;
mod isolation;
mod lifecycle;
mod links;
mod names;
mod narrowing;
mod output;

use super::Case;

/// Makes the cases of one topic that need the same: `group!("topic", [Need::Exec]; first, second)`.
macro_rules! group {
    ($topic:literal, $needs:expr; $($name:ident),+ $(,)?) => {
        [$($crate::sandbox::Case {
            name: concat!($topic, "::", stringify!($name)),
            needs: &$needs,
            body: |subject| Box::pin($name(subject)),
        }),+]
    };
}
use group;

/// Every case, in the order in which the suite runs them.
pub fn cases() -> Vec<Case> {
    [
        lifecycle::cases(),
        files::cases(),
        directories::cases(),
        links::cases(),
        names::cases(),
        grep::cases(),
        glob::cases(),
        exec::cases(),
        isolation::cases(),
        output::cases(),
        deadlines::cases(),
        concurrency::cases(),
        narrowing::cases(),
    ]
    .concat()
}

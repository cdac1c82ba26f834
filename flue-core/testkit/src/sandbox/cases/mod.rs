//! The cases, a file for each topic.

mod directories;
mod files;

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
    [files::cases(), directories::cases()].concat()
}

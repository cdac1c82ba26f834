//! Keys that must not show.

/// A key to plant: as a variable, a credential, a token.
pub const PLANTED: &str = "planted-key-91c4e7";

/// None of these texts shows [`PLANTED`], or most of it.
pub fn absent<'t>(texts: impl IntoIterator<Item = &'t str>) {
    let part = &PLANTED[..PLANTED.len() - 4];
    let mut bytes = 0;
    for text in texts {
        assert!(!text.contains(part), "a planted key shows: {text}");
        bytes += text.len();
    }
    assert!(bytes > 0, "there is nothing to look at");
}

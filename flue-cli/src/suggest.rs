//! "Did you mean": the nearest of a few known names.

/// The most slips of a typing finger (a letter too many, too few, wrong, or two swapped) that are seen through.
const MAX_SLIPS: usize = 2;

/// The one of `known` that `given` is probably a slip of.
pub(crate) fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    // Of a short word at least half has to be right.
    let most = MAX_SLIPS.min(given.chars().count() / 2);
    known
        .into_iter()
        .map(|name| (strsim::osa_distance(&given, &name.to_lowercase()), name))
        .filter(|(slips, _)| *slips <= most)
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, name)| name)
}

/// `; did you mean NAME?`, or nothing.
pub(crate) fn hint<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(given, known).map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let known = ["anthropic", "openai", "ollama"];
        assert_eq!(nearest("antropic", known), Some("anthropic"));
        assert_eq!(nearest("OpenAI", known), Some("openai"));
        assert_eq!(nearest("xyz", known), None);
        assert_eq!(nearest("rnu", ["exec", "run"]), Some("run"));
        assert_eq!(hint("olama", known), "; did you mean `ollama`?");
        assert_eq!(hint("", known), "");
    }
}

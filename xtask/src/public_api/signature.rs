//! Declarations cut out of sources.

/// The text between two places, each a line and a column in characters that count from 1; the second is the last.
pub(super) fn between(source: &str, begin: (usize, usize), end: (usize, usize)) -> Option<String> {
    let lines = source.lines().skip(begin.0.checked_sub(1)?).take((end.0 + 1).checked_sub(begin.0)?);
    let last = end.0 - begin.0;
    let cut = lines.enumerate().map(|(index, line)| {
        let from = if index == 0 { begin.1.saturating_sub(1) } else { 0 };
        // Rustdoc gives the column after the last one.
        let to = if index == last { end.1.saturating_sub(1) } else { usize::MAX };
        line.chars().take(to).skip(from).collect::<String>()
    });
    Some(cut.collect::<Vec<_>>().join("\n"))
}

/// A declaration in one line, without comments and attributes.
pub(super) fn plain(text: &str) -> String {
    let code = text.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code).trim());
    let mut words = code.filter(|line| !(line.starts_with("#[") && line.ends_with(']'))).collect::<Vec<_>>().join(" ");
    while let Some(at) = words.find("#[") {
        let Some(end) = words[at..].find(']') else { break };
        words.replace_range(at..=at + end, "");
    }
    let mut line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    for (spaced, tight) in [(", )", ")"), ("( ", "("), (",)", ")"), (", }", " }"), (", >", ">"), ("< ", "<")] {
        line = line.replace(spaced, tight);
    }
    line.trim_end_matches([',', ';']).to_owned()
}

/// All of it.
pub(super) fn whole(line: &str) -> String {
    line.to_owned()
}

/// What stands before the body.
pub(super) fn before_body(line: &str) -> String {
    cut(line, &['{', ';'], false)
}

/// What stands before the fields.
pub(super) fn header(line: &str) -> String {
    cut(line, &['{', '(', ';'], true)
}

/// What stands before the value.
pub(super) fn before_value(line: &str) -> String {
    line.split_once(" = ").map_or(line, |(before, _)| before).to_owned()
}

/// A member of a trait: what implementers may leave out is marked.
pub(super) fn member(line: &str) -> String {
    let before = if line.contains("fn ") { before_body(line) } else { before_value(line) };
    if before == line { before } else { format!("{before} {{ .. }}") }
}

/// What stands before the first of `ends` that is in no bracket. `<` counts where `angles` says so: in expressions and
/// arrows it opens nothing.
fn cut(line: &str, ends: &[char], angles: bool) -> String {
    let mut depth = 0i32;
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        if depth == 0 && ends.contains(&c) {
            return line[..at].trim_end().to_owned();
        }
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '<' if angles => depth += 1,
            '>' if angles && before != '-' => depth -= 1,
            _ => {}
        }
        before = c;
    }
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_lose_comments_bodies_and_layout() {
        let source = "pub fn a(\n    b: u8, // why\n    #[x] c: [u8; 3],\n) -> Option<(u8, u8)> { None }\n";
        let text = between(source, (1, 1), (4, 31)).expect("a text");
        assert_eq!(before_body(&plain(&text)), "pub fn a(b: u8, c: [u8; 3]) -> Option<(u8, u8)>");
        assert_eq!(header("pub struct A<F: Fn(u8) -> u8>(F);"), "pub struct A<F: Fn(u8) -> u8>");
        assert_eq!(member("const NAME: &'static str"), "const NAME: &'static str");
        assert_eq!(member("const LEAST: u8 = 3"), "const LEAST: u8 { .. }");
        assert_eq!(between("a", (0, 1), (1, 1)), None);
    }
}

//! What calls changed in files, as their arguments tell it.

use serde_json::Value;

use super::{Kind, Row};

/// A line of a change.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Removed(&'a str),
    Added(&'a str),
}

/// A change of one file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) path: String,
    old: String,
    new: String,
}

impl Change {
    /// The change that a call made, when it is one that changes a file and did so.
    pub(super) fn of(row: &Row) -> Option<Self> {
        if row.kind != Kind::Tool || row.failed.is_some() {
            return None;
        }
        let (tool, _) = row.title.split_once(' ')?;
        if !matches!(tool, "write" | "edit") {
            return None;
        }
        let arguments: Value = serde_json::from_str(&row.asked).ok()?;
        let text = |name: &str| arguments.get(name).and_then(Value::as_str).map(str::to_owned);
        let path = text("path")?;
        match tool {
            "write" => Some(Self { path, old: String::new(), new: text("content")? }),
            _ => Some(Self { path, old: text("oldText")?, new: text("newText")? }),
        }
    }

    /// Its lines, without those that begin and end both texts.
    pub(super) fn lines(&self) -> Vec<Line<'_>> {
        let (old, new): (Vec<&str>, Vec<&str>) = (self.old.lines().collect(), self.new.lines().collect());
        let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
        let (old, new) = (&old[same..], &new[same..]);
        let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
        let removed = old[..old.len() - tail].iter().map(|line| Line::Removed(line));
        removed.chain(new[..new.len() - tail].iter().map(|line| Line::Added(line))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_shown() {
        let change = |old: &str, new: &str| Change { path: "a".into(), old: old.into(), new: new.into() };
        use Line::{Added, Removed};
        assert_eq!(change("a\nb\nc", "a\nx\ny\nc").lines(), [Removed("b"), Added("x"), Added("y")]);
        assert_eq!(change("", "a\n").lines(), [Added("a")]);
        assert_eq!(change("a\na", "a").lines(), [Removed("a")]);
        assert_eq!(change("a", "a").lines(), []);
    }
}

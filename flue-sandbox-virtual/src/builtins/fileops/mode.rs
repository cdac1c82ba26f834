//! File modes as `chmod` and `mkdir -m` write them.

use std::collections::HashMap;

/// All permission bits, with the set-id and sticky ones.
const ALL: u32 = 0o7777;
/// Where the engine's `umask` command keeps its value, in octal.
const UMASK_VARIABLE: &str = "_UMASK";
const DEFAULT_UMASK: u32 = 0o022;

/// The shell's umask.
pub(super) fn umask(variables: &HashMap<String, String>) -> u32 {
    variables.get(UMASK_VARIABLE).and_then(|text| u32::from_str_radix(text, 8).ok()).unwrap_or(DEFAULT_UMASK) & 0o777
}

/// A mode to set, or changes to make to one.
pub(super) enum Mode {
    Octal(u32),
    Changes(Vec<Change>),
}

/// `u+rwX`: whom it is about, what is done, and with what.
pub(super) struct Change {
    /// Bits of the classes named; none named means all, less the umask.
    who: Option<u32>,
    operator: char,
    bits: Bits,
}

enum Bits {
    Listed {
        bits: u32,
        execute_if_any: bool,
    },
    /// `g=u`: the bits of another class, by its shift.
    CopiedFrom(u32),
}

impl Mode {
    /// Reads `755` or `u+x,go=r`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            let mode = u32::from_str_radix(text, 8).ok()?;
            return (mode <= ALL).then_some(Self::Octal(mode));
        }
        let mut changes = Vec::new();
        for clause in text.split(',') {
            parse_clause(clause, &mut changes)?;
        }
        Some(Self::Changes(changes))
    }

    /// The mode of a file that had `mode`.
    pub(super) fn apply(&self, mode: u32, is_directory: bool, umask: u32) -> u32 {
        match self {
            // Numbers leave a directory's set-id bits alone unless they name them.
            Self::Octal(new) if is_directory => new | (mode & 0o6000),
            Self::Octal(new) => *new,
            Self::Changes(changes) => {
                changes.iter().fold(mode & ALL, |mode, change| change.apply(mode, is_directory, umask))
            }
        }
    }
}

fn parse_clause(clause: &str, changes: &mut Vec<Change>) -> Option<()> {
    let who_end = clause.find(['+', '-', '='])?;
    let mut who = None;
    for class in clause[..who_end].chars() {
        let bits = match class {
            'u' => 0o4700,
            'g' => 0o2070,
            'o' => 0o1007,
            'a' => ALL,
            _ => return None,
        };
        who = Some(who.unwrap_or(0) | bits);
    }
    let mut rest = &clause[who_end..];
    while let Some(operator) = rest.chars().next() {
        let after = &rest[1..];
        let end = after.find(['+', '-', '=']).unwrap_or(after.len());
        let letters = &after[..end];
        let bits = match letters {
            "u" => Bits::CopiedFrom(6),
            "g" => Bits::CopiedFrom(3),
            "o" => Bits::CopiedFrom(0),
            _ => {
                let (mut bits, mut execute_if_any) = (0, false);
                for letter in letters.chars() {
                    match letter {
                        'r' => bits |= 0o444,
                        'w' => bits |= 0o222,
                        'x' => bits |= 0o111,
                        'X' => execute_if_any = true,
                        's' => bits |= 0o6000,
                        't' => bits |= 0o1000,
                        _ => return None,
                    }
                }
                Bits::Listed { bits, execute_if_any }
            }
        };
        changes.push(Change { who, operator, bits });
        rest = &after[end..];
    }
    Some(())
}

impl Change {
    fn apply(&self, mode: u32, is_directory: bool, umask: u32) -> u32 {
        let mut bits = match self.bits {
            Bits::CopiedFrom(shift) => ((mode >> shift) & 7) * 0o111,
            Bits::Listed { bits, execute_if_any } => {
                let executable = is_directory || mode & 0o111 != 0;
                bits | if execute_if_any && executable { 0o111 } else { 0 }
            }
        };
        let who = self.who.unwrap_or(ALL);
        bits &= who;
        if self.who.is_none() {
            bits &= !umask;
        }
        match self.operator {
            '+' => mode | bits,
            '-' => mode & !bits,
            _ => {
                // `=` keeps a directory's set-id bits, as numbers do.
                let kept = if is_directory { 0o6000 } else { 0 };
                (mode & (!who | kept)) | bits
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Mode;

    fn apply(text: &str, mode: u32) -> Option<u32> {
        Mode::parse(text).map(|parsed| parsed.apply(mode, false, 0o022))
    }

    #[test]
    fn modes_are_read_and_applied() {
        assert_eq!(apply("755", 0o644), Some(0o755));
        assert_eq!(apply("u+x,g=r", 0o600), Some(0o740));
        assert_eq!(apply("+w", 0o744), Some(0o744));
        assert_eq!(apply("a+w", 0o744), Some(0o766));
        assert_eq!(apply("o=u", 0o744), Some(0o747));
        assert_eq!(apply("u+rwX,go-w", 0o755), Some(0o755));
        assert_eq!(apply("a+X", 0o644), Some(0o644));
        assert_eq!(apply("=", 0o777), Some(0));
        assert_eq!(apply("u=rw-x", 0o777), Some(0o677));
        assert_eq!(apply("u+s,+t", 0o755), Some(0o5755));
        for bad in ["99", "10000", "u", "u+q", "z+r", ""] {
            assert!(apply(bad, 0).is_none(), "{bad}");
        }
    }
}

//! Licences of everything in the dependency graph.

use crate::report::Problem;
use crate::workspace::Package;

/// SPDX names of licences that ask for no more than notice.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Packages under another licence: name, licence as its manifest has it, and why that is fine.
const EXCEPTIONS: &[(&str, &str, &str)] = &[(
    "libbz2-rs-sys",
    "bzip2-1.0.6",
    "bzip2's own terms, BSD-like: keep the notice, do not claim authorship, mark changes",
)];

pub(super) fn check(packages: &[Package]) -> Vec<Problem> {
    check_against(packages, EXCEPTIONS)
}

/// The packages whose licence asks for more than notice, or that have none.
pub(crate) fn unpermitted<'a>(packages: impl IntoIterator<Item = &'a Package>) -> Vec<Problem> {
    unpermitted_but(packages, EXCEPTIONS)
}

fn unpermitted_but<'a>(
    packages: impl IntoIterator<Item = &'a Package>,
    exceptions: &[(&str, &str, &str)],
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for Package { name, license, .. } in packages {
        let Some(license) = license else {
            problems.push(Problem::new(name, "declares no licence"));
            continue;
        };
        let excepted = exceptions.iter().any(|(package, licence, _)| package == name && licence == license);
        if !(excepted || permitted(license)) {
            let text = format!("licence `{license}` is not on the list in xtask/src/tidy/licences.rs");
            problems.push(Problem::new(name, text));
        }
    }
    problems
}

fn check_against(packages: &[Package], exceptions: &[(&str, &str, &str)]) -> Vec<Problem> {
    let mut problems = unpermitted_but(packages, exceptions);
    for (package, licence, _) in exceptions {
        let used = |p: &Package| p.name == *package && p.license.as_deref() == Some(licence);
        if !packages.iter().any(used) {
            problems.push(Problem::new(*package, "has a licence exception that nothing uses"));
        }
    }
    problems
}

/// Whether an SPDX expression can be satisfied with allowed licences. An expression that cannot
/// be read cannot be satisfied. `/` is the old spelling of `OR`.
fn permitted(expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut tokens = spaced.split_whitespace().peekable();
    let verdict = any_of(&mut tokens);
    verdict == Some(true) && tokens.next().is_none()
}

type Tokens<'a, 'b> = &'a mut std::iter::Peekable<std::str::SplitWhitespace<'b>>;

fn any_of(tokens: Tokens<'_, '_>) -> Option<bool> {
    let mut verdict = all_of(tokens)?;
    while tokens.next_if_eq(&"OR").is_some() {
        verdict |= all_of(tokens)?;
    }
    Some(verdict)
}

fn all_of(tokens: Tokens<'_, '_>) -> Option<bool> {
    let mut verdict = term(tokens)?;
    while tokens.next_if_eq(&"AND").is_some() {
        verdict &= term(tokens)?;
    }
    Some(verdict)
}

fn term(tokens: Tokens<'_, '_>) -> Option<bool> {
    let token = tokens.next()?;
    if token == "(" {
        let verdict = any_of(tokens)?;
        return tokens.next_if_eq(&")").map(|_| verdict);
    }
    let mut licence = token.to_owned();
    if tokens.next_if_eq(&"WITH").is_some() {
        licence = format!("{licence} WITH {}", tokens.next()?);
    }
    Some(ALLOWED.contains(&licence.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, license: Option<&str>) -> Package {
        Package { name: name.into(), license: license.map(str::to_owned), ..Package::default() }
    }

    #[test]
    fn expressions_are_weighed() {
        for good in [
            "MIT",
            "MIT/Apache-2.0",
            "GPL-3.0 OR MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
            "MIT OR GPL-3.0 AND LGPL-3.0",
        ] {
            assert!(permitted(good), "{good}");
        }
        for bad in [
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(MIT OR GPL-3.0) AND GPL-3.0",
            "Apache-2.0 WITH Unknown-exception",
            "",
            "MIT OR",
            "(MIT",
            "MIT MIT",
            "mit)",
        ] {
            assert!(!permitted(bad), "{bad}");
        }
    }

    #[test]
    fn packages_need_an_allowed_licence_or_an_exception() {
        let packages = [package("good", Some("MIT")), package("bad", Some("GPL-3.0")), package("none", None)];
        let found: Vec<String> = check_against(&packages, &[]).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("bad: licence `GPL-3.0`") && found[1].starts_with("none: "), "{found:?}");
        assert_eq!(check_against(&packages[..2], &[("bad", "GPL-3.0", "why")]), []);
    }

    #[test]
    fn exceptions_do_not_go_stale() {
        let found = check_against(&[package("good", Some("MIT"))], &[("bad", "GPL-3.0", "why")]);
        assert_eq!(found.len(), 1, "{found:?}");
    }
}

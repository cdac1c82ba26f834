//! The licences of everything in a program, as one text: a summary, then each text once with those it covers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use super::bill::Bill;

/// How files with licences are called, in capitals.
const NAMES: [&str; 7] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "COPYRIGHT", "UNLICENSE", "PATENTS"];

/// The licence whose text is in the workspace, as expressions call it.
const APACHE: &str = "Apache-2.0";

/// What is linked and is no package.
const RUNTIMES: &str = "\
The program also holds the Rust standard library (MIT OR Apache-2.0, The Rust Project Contributors)
and, where it is static, musl libc (MIT, Rich Felker and others).
";

/// The text.
pub(super) fn text(bill: &Bill<'_>, sources: &Path) -> io::Result<String> {
    let apache = fs::read_to_string(sources.join("LICENSE-APACHE"))?;
    let mut summary: BTreeMap<&str, usize> = BTreeMap::new();
    let mut list = String::new();
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let foreign = bill.packages.iter().filter(|(_, package)| package.fetched);
    for ((name, version), package) in foreign.clone() {
        let license = package.license.as_deref().unwrap_or("none declared");
        *summary.entry(license).or_default() += 1;
        let mut found = files(&package.dir)?;
        let mut note = "";
        if found.is_empty() {
            // It names nobody, so ours is everybody's.
            let is_ours = license.contains(APACHE);
            found.extend(is_ours.then(|| apache.clone()));
            note = if is_ours { " (taken under Apache-2.0)" } else { " (the package holds no text of it)" };
        }
        list.push_str(&format!("  {name} {version}: {license}{note}\n"));
        for text in found {
            texts.entry(text).or_default().insert(format!("{name} {version}"));
        }
    }
    let mut out = format!("The flue program holds {} packages of others.\n\n", foreign.count());
    for (license, count) in summary {
        out.push_str(&format!("  {count:>4}  {license}\n"));
    }
    out.push_str(&format!("\n{RUNTIMES}\n{list}"));
    // In the order of those they cover, so that a new package moves nothing else.
    let mut texts: Vec<_> = texts.into_iter().map(|(text, covered)| (covered, text)).collect();
    texts.sort();
    for (covered, text) in texts {
        let covered = covered.into_iter().collect::<Vec<_>>().join(", ");
        out.push_str(&format!("\n{}\n{covered}\n\n{}\n", "=".repeat(80), text.trim()));
    }
    Ok(out)
}

/// The licences that a package brings, with line ends as here.
fn files(dir: &Path) -> io::Result<Vec<String>> {
    let mut paths = Vec::new();
    for place in [dir.to_owned(), dir.join("LICENSES")] {
        let Ok(entries) = fs::read_dir(&place) else { continue };
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
            if path.is_file() && (place != dir || NAMES.iter().any(|start| name.starts_with(start))) {
                paths.push(path);
            }
        }
    }
    paths.sort();
    let read = |path| Ok(String::from_utf8_lossy(&fs::read(path)?).replace("\r\n", "\n"));
    paths.into_iter().map(read).collect()
}

//! The command line of `tar`.

use std::path::{Path, PathBuf};

use super::super::super::files::resolve;
use super::super::super::options::{LONG, Opt, flag, optional, parse as parse_options, value};
use super::transform::{self, Transform};

const OPTIONS: &[Opt] = &[
    flag('A', "catenate"),
    flag(LONG, "concatenate"),
    flag('a', "auto-compress"),
    value('b', "blocking-factor"),
    flag('B', "read-full-records"),
    flag('c', "create"),
    value('C', "directory"),
    flag(LONG, "delete"),
    value(LONG, "exclude"),
    value('X', "exclude-from"),
    flag(LONG, "exclude-vcs"),
    value('f', "file"),
    value('T', "files-from"),
    flag(LONG, "force-local"),
    value('H', "format"),
    flag(LONG, "full-time"),
    value(LONG, "group"),
    flag('z', "gzip"),
    flag(LONG, "gunzip"),
    flag('h', "dereference"),
    flag('i', "ignore-zeros"),
    flag('j', "bzip2"),
    flag('J', "xz"),
    flag(LONG, "zstd"),
    flag('k', "keep-old-files"),
    flag('l', "check-links"),
    flag('m', "touch"),
    value(LONG, "mode"),
    value(LONG, "mtime"),
    flag(LONG, "no-recursion"),
    flag(LONG, "no-same-owner"),
    flag('o', "-o"),
    flag(LONG, "no-same-permissions"),
    flag(LONG, "null"),
    flag(LONG, "numeric-owner"),
    flag('O', "to-stdout"),
    optional(LONG, "one-top-level"),
    flag(LONG, "overwrite"),
    value(LONG, "owner"),
    flag('p', "preserve-permissions"),
    flag(LONG, "same-permissions"),
    flag('P', "absolute-names"),
    flag('r', "append"),
    flag(LONG, "remove-files"),
    flag(LONG, "same-owner"),
    flag(LONG, "skip-old-files"),
    value(LONG, "sort"),
    flag('s', "preserve-order"),
    flag('S', "sparse"),
    value(LONG, "strip-components"),
    flag('t', "list"),
    value(LONG, "transform"),
    flag('u', "update"),
    flag('U', "unlink-first"),
    flag('v', "verbose"),
    flag('w', "interactive"),
    flag(LONG, "wildcards"),
    flag('W', "verify"),
    flag('x', "extract"),
    value(LONG, "xform"),
    flag(LONG, "get"),
];

/// Letters of the old style that take the next argument.
const TAKE_VALUES: &str = "bCfHTX";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Create,
    Append,
    Update,
    Catenate,
    Delete,
    List,
    Extract,
}

/// A name to put in or to take out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) name: String,
    /// Where it is looked for or put.
    pub(super) directory: PathBuf,
}

/// What happens to files that are there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existing {
    Replace,
    Refuse,
    Skip,
}

#[derive(Debug)]
pub(super) struct Config {
    pub(super) mode: Mode,
    /// The archive, named from where the command runs; `-` is a standard stream.
    pub(super) file: String,
    pub(super) gzip: bool,
    /// Whether the name of a new archive says how it is packed.
    gzip_by_name: bool,
    pub(super) verbose: usize,
    pub(super) items: Vec<Item>,
    /// The directory in force at the end.
    pub(super) directory: PathBuf,
    /// Files that list more names, and where those are looked for.
    pub(super) lists: Vec<Item>,
    pub(super) nul_lists: bool,
    pub(super) exclude: Vec<String>,
    pub(super) exclude_lists: Vec<String>,
    pub(super) wildcards: bool,
    pub(super) recurse: bool,
    pub(super) dereference: bool,
    pub(super) absolute: bool,
    pub(super) strip: usize,
    pub(super) transforms: Vec<Transform>,
    pub(super) to_stdout: bool,
    pub(super) existing: Existing,
    pub(super) touch: bool,
    pub(super) exact_modes: bool,
    pub(super) remove_files: bool,
    pub(super) owner: Option<String>,
    pub(super) group: Option<String>,
    pub(super) numeric_owner: bool,
    pub(super) mtime: Option<String>,
    /// The directory everything is put under, unless it is there in the archive.
    pub(super) top: Option<String>,
}

/// Reads a command line; the error is the message and whether the usage is worth a hint.
pub(super) fn read(cwd: &Path, args: &[String]) -> Result<Config, (String, bool)> {
    let hint = |message: &str| (message.to_string(), true);
    let parsed = parse_options(OPTIONS, &modern(args)).map_err(|message| (message, true))?;
    let mut config = blank(cwd);
    let mut mode = None;
    let mut operands = parsed.operands.into_iter().zip(parsed.options_before).peekable();
    for (at, (name, text)) in parsed.options.into_iter().enumerate() {
        while let Some((name, _)) = operands.next_if(|(_, before)| *before <= at) {
            config.items.push(Item { name, directory: config.directory.clone() });
        }
        if let Some(found) = mode_named(name) {
            if mode.replace(found).is_some_and(|earlier| earlier != found) {
                return Err(hint("You may not specify more than one '-Acdtrux', '--delete' or  '--test-label' option"));
            }
            continue;
        }
        apply(&mut config, name, text.unwrap_or_default())?;
    }
    for (name, _) in operands {
        config.items.push(Item { name, directory: config.directory.clone() });
    }
    config.mode =
        mode.ok_or_else(|| hint("You must specify one of the '-Acdtrux', '--delete' or '--test-label' options"))?;
    if config.mode == Mode::Create && config.gzip_by_name {
        config.gzip |= is_gzip_name(&config.file);
    }
    Ok(config)
}

fn blank(cwd: &Path) -> Config {
    Config {
        mode: Mode::List,
        file: "-".into(),
        gzip: false,
        gzip_by_name: false,
        verbose: 0,
        items: Vec::new(),
        directory: cwd.to_path_buf(),
        lists: Vec::new(),
        nul_lists: false,
        exclude: Vec::new(),
        exclude_lists: Vec::new(),
        wildcards: false,
        recurse: true,
        dereference: false,
        absolute: false,
        strip: 0,
        transforms: Vec::new(),
        to_stdout: false,
        existing: Existing::Replace,
        touch: false,
        exact_modes: false,
        remove_files: false,
        owner: None,
        group: None,
        numeric_owner: false,
        mtime: None,
        top: None,
    }
}

fn mode_named(name: &str) -> Option<Mode> {
    Some(match name {
        "create" => Mode::Create,
        "append" => Mode::Append,
        "update" => Mode::Update,
        "catenate" | "concatenate" => Mode::Catenate,
        "delete" => Mode::Delete,
        "list" => Mode::List,
        "extract" | "get" => Mode::Extract,
        _ => return None,
    })
}

fn apply(config: &mut Config, name: &str, text: String) -> Result<(), (String, bool)> {
    match name {
        "file" => config.file = text,
        "directory" => config.directory = resolve(&config.directory, &text),
        "gzip" | "gunzip" => config.gzip = true,
        "auto-compress" => config.gzip_by_name = true,
        "transform" | "xform" => {
            config.transforms.extend(transform::parse(&text).map_err(|message| (message, false))?);
        }
        "bzip2" | "xz" | "zstd" => {
            return Err((format!("{name} compression is not available; use gzip (-z)"), false));
        }
        "files-from" => config.lists.push(Item { name: text, directory: config.directory.clone() }),
        "null" => config.nul_lists = true,
        "exclude" => config.exclude.push(text),
        "exclude-from" => config.exclude_lists.push(text),
        "exclude-vcs" => config.exclude.extend([".git", ".gitignore", ".hg", ".svn"].map(String::from)),
        "wildcards" => config.wildcards = true,
        "no-recursion" => config.recurse = false,
        "dereference" => config.dereference = true,
        "absolute-names" => config.absolute = true,
        "strip-components" => match text.parse() {
            Ok(strip) => config.strip = strip,
            Err(_) => return Err((format!("{text}: Invalid number of elements"), false)),
        },
        "to-stdout" => config.to_stdout = true,
        "keep-old-files" => config.existing = Existing::Refuse,
        "skip-old-files" => config.existing = Existing::Skip,
        "touch" => config.touch = true,
        "preserve-permissions" | "same-permissions" => config.exact_modes = true,
        "remove-files" => config.remove_files = true,
        "owner" => config.owner = Some(text),
        "group" => config.group = Some(text),
        "numeric-owner" => config.numeric_owner = true,
        "mtime" => config.mtime = Some(text),
        "one-top-level" => {
            let base = config.file.rsplit('/').next().unwrap_or_default();
            let stem = [".tar.gz", ".tgz", ".tar"].into_iter().find_map(|end| base.strip_suffix(end)).unwrap_or(base);
            config.top = Some(if text.is_empty() { stem.to_string() } else { text });
        }
        "verbose" => config.verbose += 1,
        "interactive" => return Err(("cannot ask: there is no terminal".into(), false)),
        _ => {}
    }
    Ok(())
}

fn is_gzip_name(name: &str) -> bool {
    [".gz", ".tgz", ".taz"].iter().any(|suffix| name.ends_with(suffix))
}

/// `czf x.tgz dir` as `-c -z -f x.tgz dir`.
fn modern(args: &[String]) -> Vec<String> {
    let Some(letters) = args.first().filter(|first| !first.starts_with('-')) else {
        return args.to_vec();
    };
    let mut rest = args[1..].iter();
    let mut modern = Vec::new();
    for letter in letters.chars() {
        modern.push(format!("-{letter}"));
        if TAKE_VALUES.contains(letter) {
            modern.extend(rest.next().cloned());
        }
    }
    modern.extend(rest.cloned());
    modern
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(words: &[&str]) -> Config {
        read(Path::new("/w"), &words.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn both_styles_are_read() {
        let old = config(&["czvf", "x.tgz", "d"]);
        let new = config(&["-c", "-zv", "--file=x.tgz", "d"]);
        for config in [old, new] {
            assert_eq!((config.mode, &*config.file, config.gzip, config.verbose), (Mode::Create, "x.tgz", true, 1));
            assert_eq!(config.items, [Item { name: "d".into(), directory: "/w".into() }]);
        }
    }

    #[test]
    fn the_name_of_a_new_archive_says_how_it_is_packed() {
        assert!(config(&["caf", "x.tar.gz", "d"]).gzip && config(&["-cf", "x.tgz", "-a", "d"]).gzip);
        assert!(!config(&["caf", "x.tar", "d"]).gzip && !config(&["xaf", "x.tgz"]).gzip);
    }

    #[test]
    fn a_directory_holds_for_what_follows() {
        let config = config(&["-cf", "x.tar", "a", "-C", "d", "b", "-C", "../e", "c"]);
        let items: Vec<_> = config.items.iter().map(|item| (&*item.name, item.directory.to_str().unwrap())).collect();
        assert_eq!(items, [("a", "/w"), ("b", "/w/d"), ("c", "/w/e")]);
        assert_eq!((config.directory, &*config.file), ("/w/e".into(), "x.tar"));
    }
}

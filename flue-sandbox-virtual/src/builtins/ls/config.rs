//! The options of `ls`.

use super::super::options::{LONG, Opt, Parsed, flag, optional, parse, value};

/// How entries are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    OnePerLine,
    Long,
    Columns,
    Across,
    Commas,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Name,
    Time,
    Size,
    Extension,
    Version,
    None,
}

/// Which hidden entries are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hidden {
    No,
    /// All but `.` and `..`.
    Almost,
    All,
}

/// The mark behind a name that tells its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Indicator {
    No,
    Directories,
    /// Everything but executables.
    Types,
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quoting {
    Literal,
    Double,
    Escape,
}

/// How sizes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Sizes {
    Bytes,
    /// Powers of 1024.
    Human,
    /// Powers of 1000.
    Si,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TimeStyle {
    Locale,
    LongIso,
    FullIso,
    Iso,
    Format(String),
}

/// Everything asked of one `ls`.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) layout: Layout,
    pub(super) order: Order,
    pub(super) reverse: bool,
    pub(super) directories_first: bool,
    pub(super) hidden: Hidden,
    pub(super) ignore: Vec<String>,
    pub(super) ignore_backups: bool,
    pub(super) directory_itself: bool,
    pub(super) recursive: bool,
    pub(super) follow: bool,
    pub(super) follow_operands: bool,
    pub(super) indicator: Indicator,
    pub(super) quoting: Quoting,
    pub(super) sizes: Sizes,
    pub(super) inode: bool,
    pub(super) blocks: bool,
    pub(super) owner: bool,
    pub(super) group: bool,
    pub(super) numeric: bool,
    pub(super) time_style: TimeStyle,
    pub(super) width: usize,
    pub(super) terminator: char,
    pub(super) operands: Vec<String>,
}

const DEFAULT_WIDTH: usize = 80;

const OPTIONS: &[Opt] = &[
    flag('a', "all"),
    flag('A', "almost-all"),
    flag('B', "ignore-backups"),
    flag('c', "-c"),
    flag('C', "-C"),
    flag('d', "directory"),
    flag('D', "dired"),
    flag('f', "-f"),
    optional('F', "classify"),
    flag(LONG, "file-type"),
    value(LONG, "indicator-style"),
    value(LONG, "format"),
    flag(LONG, "full-time"),
    flag('g', "-g"),
    flag(LONG, "group-directories-first"),
    flag('G', "no-group"),
    flag('h', "human-readable"),
    flag(LONG, "si"),
    flag('H', "dereference-command-line"),
    flag(LONG, "dereference-command-line-symlink-to-dir"),
    value(LONG, "hide"),
    optional(LONG, "hyperlink"),
    optional(LONG, "color"),
    flag('i', "inode"),
    value('I', "ignore"),
    flag('k', "kibibytes"),
    value(LONG, "block-size"),
    flag('l', "-l"),
    flag('L', "dereference"),
    flag('m', "-m"),
    flag('n', "numeric-uid-gid"),
    flag('N', "literal"),
    flag('o', "-o"),
    flag('p', "-p"),
    flag('q', "hide-control-chars"),
    flag(LONG, "show-control-chars"),
    flag('Q', "quote-name"),
    flag('b', "escape"),
    value(LONG, "quoting-style"),
    flag('r', "reverse"),
    flag('R', "recursive"),
    flag('s', "size"),
    flag('S', "-S"),
    value(LONG, "sort"),
    flag('t', "-t"),
    value(LONG, "time"),
    value(LONG, "time-style"),
    value('T', "tabsize"),
    flag('u', "-u"),
    flag('U', "-U"),
    flag('v', "-v"),
    value('w', "width"),
    flag('x', "-x"),
    flag('X', "-X"),
    flag('Z', "context"),
    flag(LONG, "zero"),
    flag('1', "-1"),
    flag(LONG, "help"),
    flag(LONG, "version"),
];

/// Reads the command line; the error is a message for standard error.
pub(super) fn read(args: &[String]) -> Result<Config, String> {
    let Parsed { options, operands, .. } = parse(OPTIONS, args)?;
    let mut config = Config {
        layout: Layout::OnePerLine,
        order: Order::Name,
        reverse: false,
        directories_first: false,
        hidden: Hidden::No,
        ignore: Vec::new(),
        ignore_backups: false,
        directory_itself: false,
        recursive: false,
        follow: false,
        follow_operands: false,
        indicator: Indicator::No,
        quoting: Quoting::Literal,
        sizes: Sizes::Bytes,
        inode: false,
        blocks: false,
        owner: true,
        group: true,
        numeric: false,
        time_style: TimeStyle::Locale,
        width: DEFAULT_WIDTH,
        terminator: '\n',
        operands,
    };
    for (name, text) in options {
        config.set(name, &text.unwrap_or_default())?;
    }
    Ok(config)
}

impl Config {
    fn set(&mut self, name: &str, text: &str) -> Result<(), String> {
        match name {
            "all" => self.hidden = Hidden::All,
            "almost-all" => self.hidden = Hidden::Almost,
            "ignore-backups" => self.ignore_backups = true,
            "ignore" | "hide" => self.ignore.push(text.to_string()),
            "directory" => self.directory_itself = true,
            "recursive" => self.recursive = true,
            "reverse" => self.reverse = true,
            "group-directories-first" => self.directories_first = true,
            "dereference" => self.follow = true,
            "dereference-command-line" | "dereference-command-line-symlink-to-dir" => {
                self.follow_operands = true;
            }
            "-f" => {
                self.hidden = Hidden::All;
                self.order = Order::None;
            }
            "-U" => self.order = Order::None,
            "-t" => self.order = Order::Time,
            "-S" => self.order = Order::Size,
            "-X" => self.order = Order::Extension,
            "-v" => self.order = Order::Version,
            "sort" => {
                self.order = match text {
                    "none" => Order::None,
                    "time" => Order::Time,
                    "size" => Order::Size,
                    "extension" => Order::Extension,
                    "version" => Order::Version,
                    "name" => Order::Name,
                    _ => return Err(invalid("sort", text)),
                }
            }
            "-1" if self.layout != Layout::Long => self.layout = Layout::OnePerLine,
            "-l" => self.layout = Layout::Long,
            "-C" => self.layout = Layout::Columns,
            "-x" => self.layout = Layout::Across,
            "-m" => self.layout = Layout::Commas,
            "format" => {
                self.layout = match text {
                    "long" | "verbose" => Layout::Long,
                    "single-column" => Layout::OnePerLine,
                    "vertical" => Layout::Columns,
                    "across" | "horizontal" => Layout::Across,
                    "commas" => Layout::Commas,
                    _ => return Err(invalid("format", text)),
                }
            }
            "-g" => (self.layout, self.owner) = (Layout::Long, false),
            "-o" => (self.layout, self.group) = (Layout::Long, false),
            "no-group" => self.group = false,
            "numeric-uid-gid" => (self.layout, self.numeric) = (Layout::Long, true),
            "full-time" => (self.layout, self.time_style) = (Layout::Long, TimeStyle::FullIso),
            "time-style" => {
                self.time_style = match text.trim_start_matches("posix-") {
                    "locale" => TimeStyle::Locale,
                    "long-iso" => TimeStyle::LongIso,
                    "full-iso" => TimeStyle::FullIso,
                    "iso" => TimeStyle::Iso,
                    other => match other.strip_prefix('+') {
                        Some(format) => TimeStyle::Format(format.to_string()),
                        None => return Err(invalid("time style", text)),
                    },
                }
            }
            "human-readable" => self.sizes = Sizes::Human,
            "si" => self.sizes = Sizes::Si,
            "inode" => self.inode = true,
            "size" => self.blocks = true,
            "classify" if text == "never" => self.indicator = Indicator::No,
            "classify" if text == "auto" => {}
            "classify" => self.indicator = Indicator::All,
            "file-type" => self.indicator = Indicator::Types,
            "-p" => self.indicator = Indicator::Directories,
            "indicator-style" => {
                self.indicator = match text {
                    "none" => Indicator::No,
                    "slash" => Indicator::Directories,
                    "file-type" => Indicator::Types,
                    "classify" => Indicator::All,
                    _ => return Err(invalid("--indicator-style", text)),
                }
            }
            "quote-name" => self.quoting = Quoting::Double,
            "escape" => self.quoting = Quoting::Escape,
            "literal" => self.quoting = Quoting::Literal,
            "quoting-style" => {
                self.quoting = match text {
                    "c" => Quoting::Double,
                    "escape" => Quoting::Escape,
                    _ => Quoting::Literal,
                }
            }
            "width" => {
                self.width = text.parse().map_err(|_| format!("invalid line width: '{text}'"))?;
            }
            "zero" => (self.layout, self.terminator) = (Layout::OnePerLine, '\0'),
            // The rest asks for what a sandbox does not have, or for colours.
            _ => {}
        }
        Ok(())
    }
}

fn invalid(what: &str, text: &str) -> String {
    format!("invalid argument '{text}' for '{what}'")
}

//! Lays entries out as lines.

use std::fmt::Write as _;
use std::time::SystemTime;

use bashkit::FileType;
use chrono::{DateTime, TimeDelta, Utc};

use super::super::clock::Zone;
use super::super::identity;
use super::config::{Config, Indicator, Layout, Quoting, Sizes, TimeStyle};
use super::entry::{Entry, inode, mode_text};

/// Who owns every file, and the clock times are shown by.
pub(super) struct Setting {
    pub(super) user: String,
    pub(super) zone: Zone,
    pub(super) now: SystemTime,
}

/// Times within half a year show the hour, others the year.
const RECENT: TimeDelta = TimeDelta::seconds(31_556_952 / 2);

/// Spaces between columns.
const GAP: usize = 2;

/// Writes the entries in the layout asked for.
pub(super) fn write(entries: &[Entry], config: &Config, setting: &Setting, out: &mut String) {
    if config.layout == Layout::Long {
        return long(entries, config, setting, out);
    }
    let width =
        |number: fn(&Entry) -> u64| entries.iter().map(|entry| number(entry).to_string().len()).max().unwrap_or(0);
    let inodes = width(|entry| inode(&entry.path));
    let blocks = width(Entry::blocks);
    let cells: Vec<String> = entries
        .iter()
        .map(|entry| {
            let mut cell = String::new();
            if config.inode {
                let _ = write!(cell, "{:>inodes$} ", inode(&entry.path));
            }
            if config.blocks {
                let _ = write!(cell, "{:>blocks$} ", entry.blocks());
            }
            cell.push_str(&quoted(&entry.name, config.quoting));
            cell.push_str(indicator(entry.meta.file_type, entry.meta.mode, config.indicator));
            cell
        })
        .collect();
    match config.layout {
        Layout::Columns => columns(&cells, config.width, true, out),
        Layout::Across => columns(&cells, config.width, false, out),
        Layout::Commas => commas(&cells, config.width, out),
        _ => {
            for cell in cells {
                out.push_str(&cell);
                out.push(config.terminator);
            }
        }
    }
}

fn long(entries: &[Entry], config: &Config, setting: &Setting, out: &mut String) {
    let id = identity::ID.to_string();
    let owner = if config.numeric { &id } else { &setting.user };
    let rows: Vec<[String; 3]> = entries
        .iter()
        .map(|entry| {
            let prefix = if config.inode { inode(&entry.path).to_string() } else { String::new() };
            [prefix, entry.links().to_string(), size_text(entry.size(), config.sizes)]
        })
        .collect();
    let width = |at: usize| rows.iter().map(|row| row[at].len()).max().unwrap_or(0);
    let (inodes, links, sizes) = (width(0), width(1), width(2));
    let blocks = entries.iter().map(|entry| entry.blocks().to_string().len()).max();
    let blocks = blocks.unwrap_or(0);
    let times: Vec<String> = entries.iter().map(|entry| time_text(entry.meta.modified, config, setting)).collect();
    let time_width = times.iter().map(String::len).max().unwrap_or(0);
    for ((entry, row), time) in entries.iter().zip(&rows).zip(&times) {
        if config.inode {
            let _ = write!(out, "{:>inodes$} ", row[0]);
        }
        if config.blocks {
            let _ = write!(out, "{:>blocks$} ", entry.blocks());
        }
        let mode = mode_text(entry.meta.file_type, entry.meta.mode);
        let _ = write!(out, "{mode} {:>links$}", row[1]);
        for _ in [config.owner, config.group].into_iter().filter(|shown| *shown) {
            let _ = write!(out, " {owner}");
        }
        let _ = write!(out, " {:>sizes$} {time:>time_width$} ", row[2]);
        out.push_str(&quoted(&entry.name, config.quoting));
        match &entry.target {
            Some((target, at)) => {
                let _ = write!(out, " -> {}", quoted(target, config.quoting));
                if let Some(meta) = at {
                    out.push_str(indicator(meta.file_type, meta.mode, config.indicator));
                }
            }
            None => {
                out.push_str(indicator(entry.meta.file_type, entry.meta.mode, config.indicator));
            }
        }
        out.push(config.terminator);
    }
}

/// The `total` line of a directory.
pub(super) fn total(entries: &[Entry], config: &Config, out: &mut String) {
    let blocks: u64 = entries.iter().map(Entry::blocks).sum();
    let text = match config.sizes {
        Sizes::Bytes => blocks.to_string(),
        sizes => size_text(blocks * 1024, sizes),
    };
    let _ = writeln!(out, "total {text}");
}

/// A size as asked: `-h` rounds up, to one decimal below ten.
pub(in super::super) fn size_text(bytes: u64, sizes: Sizes) -> String {
    let (base, units) = match sizes {
        Sizes::Bytes => return bytes.to_string(),
        Sizes::Human => (1024.0, "KMGTPE"),
        Sizes::Si => (1000.0, "kMGTPE"),
    };
    let mut amount = bytes as f64;
    let mut unit = None;
    for letter in units.chars() {
        if amount < base {
            break;
        }
        amount /= base;
        unit = Some(letter);
    }
    match unit {
        None => bytes.to_string(),
        Some(unit) => {
            let tenths = (amount * 10.0).ceil();
            if tenths < 100.0 { format!("{:.1}{unit}", tenths / 10.0) } else { format!("{:.0}{unit}", amount.ceil()) }
        }
    }
}

fn time_text(time: SystemTime, config: &Config, setting: &Setting) -> String {
    let moment = DateTime::<Utc>::from(time);
    let local = setting.zone.at(moment);
    let age = DateTime::<Utc>::from(setting.now) - moment;
    let recent = age >= TimeDelta::zero() && age < RECENT;
    let format = match &config.time_style {
        TimeStyle::Locale if recent => "%b %e %H:%M",
        TimeStyle::Locale => "%b %e  %Y",
        TimeStyle::LongIso => "%Y-%m-%d %H:%M",
        TimeStyle::FullIso => "%Y-%m-%d %H:%M:%S%.9f %z",
        TimeStyle::Iso if recent => "%m-%d %H:%M",
        TimeStyle::Iso => "%Y-%m-%d ",
        TimeStyle::Format(format) => {
            let format = match format.split_once('\n') {
                Some((_, for_recent)) if recent => for_recent,
                Some((for_old, _)) => for_old,
                None => format,
            };
            return super::super::date::strftime(format, moment, setting.zone);
        }
    };
    local.format(format).to_string()
}

fn indicator(kind: FileType, mode: u32, style: Indicator) -> &'static str {
    match (style, kind) {
        (Indicator::No, _) => "",
        (_, FileType::Directory) => "/",
        (Indicator::Directories, _) => "",
        (_, FileType::Symlink) => "@",
        (_, FileType::Fifo) => "|",
        (Indicator::All, FileType::File) if mode & 0o111 != 0 => "*",
        _ => "",
    }
}

fn quoted(name: &str, quoting: Quoting) -> String {
    match quoting {
        Quoting::Literal => name.to_string(),
        Quoting::Double => format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")),
        Quoting::Escape => name.replace('\\', "\\\\").replace(' ', "\\ "),
    }
}

fn columns(cells: &[String], width: usize, down: bool, out: &mut String) {
    if cells.is_empty() {
        return;
    }
    let lengths: Vec<usize> = cells.iter().map(|cell| cell.chars().count()).collect();
    let place = |at: usize, count: usize| {
        let rows = cells.len().div_ceil(count);
        if down { (at % rows, at / rows) } else { (at / count, at % count) }
    };
    let widths = |count: usize| -> Vec<usize> {
        let mut widths = vec![0; count];
        for (at, length) in lengths.iter().enumerate() {
            let (_, column) = place(at, count);
            let gap = if column + 1 == count { 0 } else { GAP };
            widths[column] = widths[column].max(length + gap);
        }
        widths
    };
    // A column takes at least a character and its gap.
    let most = (width / (GAP + 1)).clamp(1, cells.len());
    let count = (1..=most)
        .rev()
        .find(|&count| {
            let rows = cells.len().div_ceil(count);
            let used = if down { cells.len().div_ceil(rows) == count } else { true };
            used && widths(count).iter().sum::<usize>() < width.max(1)
        })
        .unwrap_or(1);
    let (widths, rows) = (widths(count), cells.len().div_ceil(count));
    for row in 0..rows {
        let mut pad = 0;
        for (column, width) in widths.iter().enumerate() {
            let at = if down { column * rows + row } else { row * count + column };
            let Some(cell) = cells.get(at) else { continue };
            out.extend(std::iter::repeat_n(' ', pad));
            out.push_str(cell);
            pad = width.saturating_sub(lengths[at]);
        }
        out.push('\n');
    }
}

fn commas(cells: &[String], width: usize, out: &mut String) {
    let mut column = 0;
    for (at, cell) in cells.iter().enumerate() {
        let length = cell.chars().count();
        if at > 0 {
            if column + length + GAP < width {
                out.push_str(", ");
                column += GAP;
            } else {
                out.push_str(",\n");
                column = 0;
            }
        }
        out.push_str(cell);
        column += length;
    }
    if !cells.is_empty() {
        out.push('\n');
    }
}

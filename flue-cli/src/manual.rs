//! The man pages and the completions of shells, made of the one list of flags.
//!
//! They are files of the repository, for those who package the program. The test compares them with what the flags make;
//! `cargo xtask codegen cli` has it write them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::args::Cli;

/// Set where the files are to be written.
const WRITE: &str = "FLUE_WRITE_MANUAL";

/// What is generated, and nothing else, is in these.
const DIRECTORIES: [&str; 2] = ["man", "completions"];

#[test]
fn pages_and_completions_are_those_of_the_flags() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let made = generate().unwrap();
    if std::env::var_os(WRITE).is_some() {
        for directory in DIRECTORIES {
            let _ = fs::remove_dir_all(root.join(directory));
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        for (path, bytes) in &made {
            fs::write(root.join(path), bytes).unwrap();
        }
    }
    let mut there = BTreeMap::new();
    for directory in DIRECTORIES {
        for entry in fs::read_dir(root.join(directory)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            there.insert(name, fs::read(path).unwrap());
        }
    }
    let stale = made.keys().chain(there.keys()).find(|name| made.get(*name) != there.get(*name));
    assert_eq!(stale, None, "not what the flags make; run: cargo xtask codegen cli");
}

/// Every file by its path beneath the crate.
fn generate() -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut files = BTreeMap::new();
    for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
        let mut bytes = Vec::new();
        clap_complete::generate(shell, &mut command, "flue", &mut bytes);
        let name = match shell {
            Shell::Bash => "flue.bash",
            Shell::Fish => "flue.fish",
            _ => "_flue",
        };
        files.insert(format!("completions/{name}"), bytes);
    }
    for page in std::iter::once(&command).chain(command.get_subcommands()).filter(|page| !page.is_hide_set()) {
        let name = page.get_display_name().unwrap_or("flue").to_owned();
        files.insert(format!("man/{name}.1"), man(&name, page.clone())?);
    }
    Ok(files)
}

fn man(name: &str, page: clap::Command) -> io::Result<Vec<u8>> {
    let has_commands = page.has_subcommands();
    let notes = page.get_after_help().map(ToString::to_string);
    let man = Man::new(page).title(name.to_uppercase()).source("Flue").manual("Flue");
    let mut out = Vec::new();
    man.render_title(&mut out)?;
    man.render_name_section(&mut out)?;
    man.render_synopsis_section(&mut out)?;
    man.render_description_section(&mut out)?;
    man.render_options_section(&mut out)?;
    if has_commands {
        man.render_subcommands_section(&mut out)?;
    }
    // As they are laid out: roff would fill their lines.
    if let Some(notes) = notes {
        out.extend_from_slice(b".SH NOTES\n.nf\n");
        for line in notes.lines() {
            out.extend_from_slice(format!("\\&{}\n", line.replace('\\', "\\e").replace('-', "\\-")).as_bytes());
        }
        out.extend_from_slice(b".fi\n");
    }
    Ok(out)
}

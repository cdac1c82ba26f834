//! The command line of `jq`.

use super::value::Layout;

/// What `--help` prints.
pub(super) const HELP: &str = "Usage:\tjq [OPTIONS] FILTER [FILES...]\n\
    \tjq [OPTIONS] --args FILTER [STRINGS...]\n\
    \tjq [OPTIONS] --jsonargs FILTER [JSON_TEXTS...]\n\n\
    jq applies a filter to each of its JSON inputs and prints what comes out as JSON.\n\n\
    Options: -c -n -e -s -r -j -R -a -S -C -M -f FILE --tab --indent N --seq --stream --raw-output0\n\
    \t--arg NAME VALUE --argjson NAME JSON --slurpfile NAME FILE --rawfile NAME FILE --args --jsonargs\n";
/// The language that is understood: of later versions, too, what they added.
pub(super) const VERSION: &str = "jq-1.6\n";
/// Columns that an indentation may have.
const MAX_INDENT: usize = 7;

/// Everything asked of one `jq`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Config {
    /// The program, or the file that it is in.
    pub(super) program: String,
    pub(super) from_file: bool,
    pub(super) files: Vec<String>,
    pub(super) positional: Vec<Argument>,
    pub(super) named: Vec<(String, Argument)>,
    pub(super) raw_input: bool,
    pub(super) null_input: bool,
    pub(super) slurp: bool,
    pub(super) stream: bool,
    pub(super) raw_output: bool,
    /// What follows each output.
    pub(super) end: &'static str,
    pub(super) sequence: bool,
    pub(super) ascii: bool,
    pub(super) sort: bool,
    pub(super) layout: Layout,
    pub(super) exit_status: bool,
}

/// Where the value of a variable comes from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Argument {
    Text(String),
    Json(String),
    /// All values of a file.
    Slurp(String),
    /// All values of a file, or the only one.
    File(String),
    Raw(String),
}

/// Why nothing is run.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Help,
    Version,
    /// A message, after which the usage is worth a hint.
    Usage(String),
    Message(String),
}

#[derive(Clone, Copy)]
enum Rest {
    Files,
    Texts,
    Jsons,
}

pub(super) fn read(args: &[String]) -> Result<Config, Fault> {
    let mut config = Config {
        program: String::new(),
        from_file: false,
        files: Vec::new(),
        positional: Vec::new(),
        named: Vec::new(),
        raw_input: false,
        null_input: false,
        slurp: false,
        stream: false,
        raw_output: false,
        end: "\n",
        sequence: false,
        ascii: false,
        sort: false,
        layout: Layout::Spaces(2),
        exit_status: false,
    };
    let mut program = None;
    let mut rest = Rest::Files;
    let mut only_operands = false;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let is_option = arg.starts_with("--") || arg[1..].starts_with(|c: char| c.is_ascii_alphabetic());
        if only_operands || !arg.starts_with('-') || !is_option {
            match (&program, rest) {
                (None, _) => program = Some(arg.clone()),
                (Some(_), Rest::Files) => config.files.push(arg.clone()),
                (Some(_), Rest::Texts) => config.positional.push(Argument::Text(arg.clone())),
                (Some(_), Rest::Jsons) => config.positional.push(Argument::Json(arg.clone())),
            }
            continue;
        }
        let Some(long) = arg.strip_prefix("--") else {
            for letter in arg[1..].chars() {
                let Some(long) = long_name(letter) else {
                    return Err(Fault::Usage(format!("Unknown arguments: Unknown option {arg}")));
                };
                if letter == 'L' {
                    args.next();
                } else {
                    config.option(long, &mut args)?;
                }
            }
            continue;
        };
        match long {
            "" => only_operands = true,
            "args" => rest = Rest::Texts,
            "jsonargs" => rest = Rest::Jsons,
            long => config.option(long, &mut args)?,
        }
    }
    // Where there is no terminal, nothing is the identity.
    config.program = program.unwrap_or_else(|| ".".into());
    Ok(config)
}

fn long_name(letter: char) -> Option<&'static str> {
    Some(match letter {
        's' => "slurp",
        'r' => "raw-output",
        'j' => "join-output",
        'a' => "ascii-output",
        'n' => "null-input",
        'f' => "from-file",
        'c' => "compact-output",
        'C' => "color-output",
        'M' => "monochrome-output",
        'S' => "sort-keys",
        'R' => "raw-input",
        'e' => "exit-status",
        'h' => "help",
        'V' => "version",
        'L' => "library-path",
        _ => return None,
    })
}

impl Config {
    fn option(&mut self, long: &str, args: &mut std::slice::Iter<'_, String>) -> Result<(), Fault> {
        let mut named = |kind: fn(String) -> Argument, what: &str| match (args.next(), args.next()) {
            (Some(name), Some(value)) => Ok((name.clone(), kind(value.clone()))),
            _ => Err(Fault::Usage(format!("--{long} takes two parameters (e.g. --{long} varname {what})"))),
        };
        match long {
            "slurp" => self.slurp = true,
            "raw-output" => self.raw_output = true,
            "join-output" => (self.raw_output, self.end) = (true, ""),
            "raw-output0" => (self.raw_output, self.end) = (true, "\0"),
            "ascii-output" => self.ascii = true,
            "null-input" => self.null_input = true,
            "from-file" => self.from_file = true,
            "compact-output" => self.layout = Layout::Compact,
            "tab" => self.layout = Layout::Tabs,
            "indent" => {
                let Some(text) = args.next() else {
                    return Err(Fault::Usage("--indent takes one parameter".into()));
                };
                self.layout = match text.parse::<usize>() {
                    Ok(0) => Layout::Compact,
                    Ok(width) if width <= MAX_INDENT => Layout::Spaces(width),
                    Ok(_) => return Err(Fault::Message(format!("Cannot indent more than {MAX_INDENT} characters"))),
                    Err(_) => return Err(Fault::Message("Cannot indent less than zero".into())),
                };
            }
            // There is no terminal to colour, and nothing is held back anyway.
            "color-output" | "monochrome-output" | "unbuffered" => {}
            "sort-keys" => self.sort = true,
            "raw-input" => self.raw_input = true,
            "exit-status" => self.exit_status = true,
            "seq" => self.sequence = true,
            "stream" => self.stream = true,
            "arg" => self.named.push(named(Argument::Text, "value")?),
            "argjson" => self.named.push(named(Argument::Json, "text")?),
            "slurpfile" => self.named.push(named(Argument::Slurp, "filename")?),
            "argfile" => self.named.push(named(Argument::File, "filename")?),
            "rawfile" => self.named.push(named(Argument::Raw, "filename")?),
            "help" => return Err(Fault::Help),
            "version" => return Err(Fault::Version),
            _ => return Err(Fault::Usage(format!("Unknown option --{long}"))),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(args: &[&str]) -> Result<Config, Fault> {
        read(&args.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn options_and_operands_mix() {
        let config = of(&["-nr", ".a", "--arg", "x", "-1", "f", "-", "--indent", "3", "--", "-g"]).unwrap();
        assert_eq!((config.null_input, config.raw_output, config.program.as_str()), (true, true, ".a"));
        assert_eq!(config.files, ["f", "-", "-g"]);
        assert_eq!(config.named, [("x".to_owned(), Argument::Text("-1".into()))]);
        assert_eq!(config.layout, Layout::Spaces(3));
        let config = of(&["--args", ".", "a", "--jsonargs", "1", "-.5"]).unwrap();
        let texts = [Argument::Text("a".into()), Argument::Json("1".into()), Argument::Json("-.5".into())];
        assert_eq!(config.positional, texts);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for bad in [&["-z", "."][..], &["--foo"], &["--arg", "x"], &["--indent", "8", "."], &["-rq", "."]] {
            assert!(matches!(of(bad), Err(Fault::Usage(_) | Fault::Message(_))), "{bad:?}");
        }
        assert_eq!(of(&["-h"]), Err(Fault::Help));
    }
}

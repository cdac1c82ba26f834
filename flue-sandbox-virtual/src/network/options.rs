//! The command lines of `curl` and `wget`.

/// One option: its letter, if it has one, its long name, and whether it takes a value.
pub(super) struct Opt(pub(super) Option<char>, pub(super) &'static str, pub(super) Takes);

/// Whether an option takes a value, and what becomes of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Nothing,
    Value,
    /// Nothing, and it makes no difference here.
    Ignored,
    /// A value, and it makes no difference here.
    IgnoredValue,
    /// It asks for what there is not here.
    Refused(&'static str),
}

/// What a command line says, in its order. Options are known by their long names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parsed {
    pub(super) options: Vec<(&'static str, String)>,
    pub(super) operands: Vec<String>,
}

impl Parsed {
    pub(super) fn has(&self, name: &str) -> bool {
        self.options.iter().any(|(option, _)| *option == name)
    }

    /// The last value of an option.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.values(name).last()
    }

    pub(super) fn values(&self, name: &str) -> impl DoubleEndedIterator<Item = &str> {
        self.options.iter().filter(move |(option, _)| *option == name).map(|(_, value)| &**value)
    }

    /// A value that is a number of seconds.
    pub(super) fn seconds(&self, name: &str) -> Result<Option<std::time::Duration>, String> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let seconds = value.parse().ok().and_then(|seconds| std::time::Duration::try_from_secs_f64(seconds).ok());
        seconds.map(Some).ok_or_else(|| format!("option --{name}: expected a proper numerical parameter"))
    }

    /// A value that is a number.
    pub(super) fn number(&self, name: &str) -> Result<Option<usize>, String> {
        let Some(value) = self.value(name) else { return Ok(None) };
        value.parse().map(Some).map_err(|_| format!("option --{name}: expected a proper numerical parameter"))
    }
}

/// Reads `args`; the error is what to tell the user.
pub(super) fn parse(known: &[Opt], args: &[String]) -> Result<Parsed, String> {
    let mut parsed = Parsed::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--" {
            parsed.operands.extend(args.by_ref().cloned());
        } else if let Some(long) = arg.strip_prefix("--") {
            let (name, glued) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (long, None),
            };
            let opt = known.iter().find(|opt| opt.1 == name).ok_or_else(|| format!("option {arg}: is unknown"))?;
            take(&mut parsed, opt, glued, &mut args, arg)?;
        } else if arg.len() > 1 && arg.starts_with('-') {
            let mut rest = &arg[1..];
            while let Some(letter) = rest.chars().next() {
                rest = &rest[letter.len_utf8()..];
                let opt = known.iter().find(|opt| opt.0 == Some(letter));
                let opt = opt.ok_or_else(|| format!("option -{letter}: is unknown"))?;
                let glued = (!rest.is_empty() && wants_value(opt.2)).then_some(rest);
                if glued.is_some() {
                    rest = "";
                }
                take(&mut parsed, opt, glued, &mut args, &format!("-{letter}"))?;
            }
        } else {
            parsed.operands.push(arg.clone());
        }
    }
    Ok(parsed)
}

fn wants_value(takes: Takes) -> bool {
    matches!(takes, Takes::Value | Takes::IgnoredValue)
}

fn take(
    parsed: &mut Parsed,
    opt: &Opt,
    glued: Option<&str>,
    args: &mut std::slice::Iter<'_, String>,
    shown: &str,
) -> Result<(), String> {
    if let Takes::Refused(why) = opt.2 {
        return Err(format!("option {shown}: {why}"));
    }
    let value = match (wants_value(opt.2), glued) {
        (false, _) => String::new(),
        (true, Some(value)) => value.to_owned(),
        (true, None) => args.next().ok_or_else(|| format!("option {shown}: requires parameter"))?.clone(),
    };
    if matches!(opt.2, Takes::Nothing | Takes::Value) {
        parsed.options.push((opt.1, value));
    }
    Ok(())
}

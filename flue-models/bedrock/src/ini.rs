//! The files of AWS's tools: sections of names and values, as Python's `configparser` reads them, which AWS's own library uses.
//!
//! A comment has a line to itself; a line that is indented further than its name goes on with the value; names are in lower
//! case. No error quotes a line, which may hold a secret.

/// The section whose values stand in for those that others lack.
const DEFAULTS: &str = "DEFAULT";

/// The sections of a file, in its order.
#[derive(Default)]
pub(crate) struct Ini(Vec<Section>);

/// The names and values under one header.
#[derive(Default, Clone)]
pub(crate) struct Section {
    name: String,
    entries: Vec<(String, String)>,
}

impl Section {
    /// The value of `name`. One of several lines, as for settings within a setting, has its line breaks.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.entries.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Takes over what `other` has, in place of what is here.
    pub(crate) fn update(&mut self, other: &Self) {
        for (name, value) in &other.entries {
            match self.entries.iter_mut().find(|(key, _)| key == name) {
                Some((_, old)) => old.clone_from(value),
                None => self.entries.push((name.clone(), value.clone())),
            }
        }
    }
}

impl Ini {
    /// Reads `text`. An error says which line, and why.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader::default();
        // Line ends are those of any system.
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        for (index, line) in text.split('\n').enumerate() {
            reader.line(line).map_err(|why| format!("line {}: {why}", index + 1))?;
        }
        reader.end()
    }

    /// The sections, by the texts of their headers.
    pub(crate) fn sections(&self) -> impl DoubleEndedIterator<Item = (&str, &Section)> {
        self.0.iter().map(|section| (section.name.as_str(), section))
    }
}

#[derive(Default)]
struct Reader {
    done: Vec<Section>,
    /// Whether a value can be gone on with.
    in_value: bool,
    /// How far the last name, or header, was indented.
    indent: usize,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), &'static str> {
        let text = line.trim();
        if text.starts_with(['#', ';']) {
            return Ok(());
        }
        let indent = line.len() - line.trim_start().len();
        let value = self.done.last_mut().and_then(|section| section.entries.last_mut()).map(|(_, value)| value);
        if let Some(value) = value.filter(|_| self.in_value && (text.is_empty() || indent > self.indent)) {
            value.push('\n');
            value.push_str(text);
            return Ok(());
        }
        if text.is_empty() {
            return Ok(());
        }
        self.indent = indent;
        // A header ends at the last bracket; what follows is nothing.
        if let Some(end) = text.rfind(']').filter(|end| text.starts_with('[') && *end > 1) {
            return self.header(&text[1..end]);
        }
        let Some(section) = self.done.last_mut() else { return Err("it stands before the first [section]") };
        let Some((name, value)) = text.split_once(['=', ':']) else { return Err("it is no `name = value`") };
        let name = name.trim_end().to_lowercase();
        if name.is_empty() {
            return Err("it has no name before the `=`");
        }
        if section.get(&name).is_some() {
            return Err("this name is there already in its section");
        }
        section.entries.push((name, value.trim_start().to_owned()));
        self.in_value = true;
        Ok(())
    }

    fn header(&mut self, name: &str) -> Result<(), &'static str> {
        let section = match self.done.iter().position(|section| section.name == name) {
            // This one may be gone on with.
            Some(index) if name == DEFAULTS => self.done.remove(index),
            Some(_) => return Err("this section is there already"),
            None => Section { name: name.to_owned(), entries: Vec::new() },
        };
        self.done.push(section);
        self.in_value = false;
        Ok(())
    }

    fn end(mut self) -> Result<Ini, String> {
        for (name, value) in self.done.iter_mut().flat_map(|section| &mut section.entries) {
            value.truncate(value.trim_end().len());
            let within = value.strip_prefix('\n').unwrap_or_default();
            if within.lines().any(|line| !line.is_empty() && !line.contains('=')) {
                return Err(format!("not every line within `{name}` is `name = value`"));
            }
        }
        if let Some(defaults) = self.done.iter().position(|section| section.name == DEFAULTS) {
            let defaults = self.done.remove(defaults);
            for section in &mut self.done {
                let own = std::mem::replace(section, Section { name: section.name.clone(), ..defaults.clone() });
                section.update(&own);
            }
        }
        Ok(Ini(self.done))
    }
}

//! The inputs of a program, from standard input or from files.

use std::sync::Arc;

use super::config::Config;
use super::machine::Inputs;
use super::value::{Heap, Reader, Unreadable, Val};

/// A text to read inputs from.
pub(super) struct Source {
    /// The file that it comes from.
    pub(super) name: Option<String>,
    pub(super) text: String,
}

/// Gives one input after the other.
pub(super) struct Feed<'t> {
    sources: &'t [Source],
    /// The source that is read, and those before it.
    current: usize,
    form: Form,
    reader: Option<Reader<'t>>,
    heap: Arc<Heap>,
    /// Events of the last value that are not given yet, the next last.
    events: Vec<Val>,
    lines: usize,
    done: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Form {
    raw: bool,
    slurp: bool,
    stream: bool,
}

impl<'t> Feed<'t> {
    pub(super) fn new(config: &Config, sources: &'t [Source], heap: &Arc<Heap>) -> Self {
        let form = Form { raw: config.raw_input, slurp: config.slurp, stream: config.stream };
        Self {
            sources,
            current: 0,
            form,
            reader: None,
            heap: Arc::clone(heap),
            events: Vec::new(),
            lines: 0,
            done: false,
        }
    }

    /// Where the last input came from, for errors.
    pub(super) fn place(&self) -> String {
        let name = self.file().unwrap_or_else(|| "<stdin>".into());
        format!("{name}:{}", self.lines)
    }

    fn slurped(&mut self) -> Option<Result<Val, String>> {
        if std::mem::replace(&mut self.done, true) {
            return None;
        }
        if self.form.raw {
            let text: String = self.sources.iter().map(|source| source.text.as_str()).collect();
            self.current = self.sources.len();
            return Some(Ok(Val::text(&self.heap, text)));
        }
        let mut items = Vec::new();
        while let Some(item) = self.single() {
            match item {
                Ok(item) => items.push(item),
                Err(message) => return Some(Err(message)),
            }
        }
        Some(Ok(Val::list(&self.heap, items)))
    }

    fn single(&mut self) -> Option<Result<Val, String>> {
        if let Some(event) = self.events.pop() {
            return Some(Ok(event));
        }
        let val = if self.form.raw { self.line() } else { self.value() };
        match val {
            Some(Ok(val)) if self.form.stream => {
                events(&val, &self.heap, &mut self.events);
                self.events.reverse();
                self.events.pop().map(Ok)
            }
            other => other,
        }
    }

    fn value(&mut self) -> Option<Result<Val, String>> {
        loop {
            if self.reader.is_none() {
                let source = self.sources.get(self.current)?;
                self.current += 1;
                self.reader = Some(Reader::new(&source.text, &self.heap));
            }
            let reader = self.reader.as_mut()?;
            let val = reader.next();
            self.lines = reader.lines();
            match val {
                Some(Ok(val)) => return Some(Ok(val)),
                Some(Err(Unreadable(message))) => return Some(Err(message)),
                None => self.reader = None,
            }
        }
    }

    fn line(&mut self) -> Option<Result<Val, String>> {
        loop {
            if self.reader.is_none() {
                let source = self.sources.get(self.current)?;
                self.current += 1;
                self.reader = Some(Reader::new(&source.text, &self.heap));
            }
            if let Some(line) = self.reader.as_mut()?.line() {
                self.lines += 1;
                return Some(Ok(Val::text(&self.heap, line)));
            }
            self.lines = 0;
            self.reader = None;
        }
    }
}

impl Inputs for Feed<'_> {
    fn next(&mut self) -> Option<Result<Val, String>> {
        if self.form.slurp { self.slurped() } else { self.single() }
    }

    fn file(&self) -> Option<String> {
        let source = self.sources.get(self.current.checked_sub(1)?)?;
        source.name.clone()
    }

    fn lines(&self) -> usize {
        self.lines
    }
}

/// What `--stream` makes of a value: `[path, leaf]` for each leaf, and `[path]` at the end of each array and object.
fn events(val: &Val, heap: &Arc<Heap>, out: &mut Vec<Val>) {
    fn visit(val: &Val, path: &mut Vec<Val>, heap: &Arc<Heap>, out: &mut Vec<Val>) {
        let children: Vec<(Val, &Val)> = match val {
            Val::Arr(list) => list.items().iter().enumerate().map(|(at, item)| (Val::count(at), item)).collect(),
            Val::Obj(map) => map.fields().iter().map(|(key, val)| (Val::text(heap, &**key), val)).collect(),
            _ => Vec::new(),
        };
        if children.is_empty() {
            out.push(Val::list(heap, vec![Val::list(heap, path.clone()), val.clone()]));
            return;
        }
        let last = children.len() - 1;
        for (at, (key, child)) in children.into_iter().enumerate() {
            path.push(key);
            visit(child, path, heap, out);
            if at == last {
                out.push(Val::list(heap, vec![Val::list(heap, path.clone())]));
            }
            path.pop();
        }
    }
    visit(val, &mut Vec::new(), heap, out);
}

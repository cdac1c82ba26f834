//! The public items of a crate, as rustdoc's JSON has them, each as a line.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{signature, types};

/// A line for each item that is public. `None` if the JSON has another shape. `root` is where its paths begin.
pub(super) fn lines(json: &Value, root: &Path) -> Option<BTreeSet<String>> {
    let mut reader = Reader {
        index: json["index"].as_object()?,
        root: root.to_owned(),
        sources: HashMap::new(),
        entered: HashSet::new(),
        lines: BTreeSet::new(),
    };
    let top = reader.item(&json["root"])?;
    let name = top["name"].as_str()?.to_owned();
    reader.module(top, &name);
    reader.implementations(&name);
    Some(reader.lines)
}

struct Reader<'a> {
    index: &'a serde_json::Map<String, Value>,
    root: PathBuf,
    sources: HashMap<String, String>,
    /// Modules that are being read, by path: a glob may lead back into one.
    entered: HashSet<String>,
    lines: BTreeSet<String>,
}

impl<'a> Reader<'a> {
    fn item(&self, id: &Value) -> Option<&'a Value> {
        self.index.get(&id.to_string())
    }

    fn items(&self, ids: &'a Value) -> Vec<&'a Value> {
        ids.as_array().into_iter().flatten().filter_map(|id| self.item(id)).collect()
    }

    fn module(&mut self, module: &'a Value, path: &str) {
        let id = format!("{path} {}", module["id"]);
        if !self.entered.insert(id) {
            return;
        }
        let (_, inner) = kind(module);
        // An enum whose variants are brought in by a glob.
        let ids = if inner["items"].is_array() { &inner["items"] } else { &inner["variants"] };
        for item in self.items(ids) {
            let name = item["name"].as_str().unwrap_or_default();
            self.named(item, &format!("{path}::{name}"), path);
        }
    }

    fn named(&mut self, item: &'a Value, path: &str, parent: &str) {
        let (kind, inner) = kind(item);
        match kind {
            "module" => {
                self.lines.insert(format!("{path}: pub mod"));
                self.module(item, path);
            }
            "use" => self.reexport(inner, parent),
            "struct" | "union" => {
                let header = self.signature(item, signature::header);
                let fields = if kind == "struct" { &inner["kind"] } else { inner };
                let (shape, ids) = shape(fields);
                self.lines.insert(format!("{path}: {header}{shape}"));
                for field in self.items(ids).into_iter().filter(|field| field["visibility"] == "public") {
                    self.line(field, path, signature::whole);
                }
                self.methods(inner, path);
            }
            "enum" => {
                let header = self.signature(item, signature::header);
                self.lines.insert(format!("{path}: {header}"));
                for variant in self.items(&inner["variants"]) {
                    self.line(variant, path, signature::whole);
                }
                self.methods(inner, path);
            }
            "trait" => {
                let header = self.signature(item, signature::before_body);
                self.lines.insert(format!("{path}: {header}"));
                for member in self.items(&inner["items"]) {
                    self.line(member, path, signature::member);
                }
            }
            "macro" | "proc_macro" => {
                self.lines.insert(format!("{path}: macro"));
            }
            "constant" | "static" => {
                let text = self.signature(item, signature::before_value);
                self.lines.insert(format!("{path}: {text}"));
            }
            "function" => {
                let text = self.signature(item, signature::before_body);
                self.lines.insert(format!("{path}: {text}"));
            }
            _ => {
                let text = self.signature(item, signature::whole);
                self.lines.insert(format!("{path}: {text}"));
            }
        }
    }

    fn reexport(&mut self, inner: &'a Value, parent: &str) {
        let name = inner["name"].as_str().unwrap_or_default();
        let target = self.item(&inner["id"]);
        match (target, inner["is_glob"] == true) {
            (Some(target), true) => self.module(target, parent),
            (Some(target), false) => self.named(target, &format!("{parent}::{name}"), parent),
            (None, glob) => {
                let source = inner["source"].as_str().unwrap_or_default();
                let star = if glob { "::*" } else { "" };
                self.lines.insert(format!("{parent}::{name}: pub use {source}{star}"));
            }
        }
    }

    /// What a type can do by itself.
    fn methods(&mut self, inner: &'a Value, path: &str) {
        for own in self.items(&inner["impls"]) {
            let (_, block) = kind(own);
            if !block["trait"].is_null() {
                continue;
            }
            for member in self.items(&block["items"]).into_iter().filter(|member| member["visibility"] == "public") {
                let cut = if kind(member).0 == "function" { signature::before_body } else { signature::before_value };
                self.line(member, path, cut);
            }
        }
    }

    /// The traits that types implement: those that are written down, and those that are derived.
    fn implementations(&mut self, name: &str) {
        let index = self.index;
        for item in index.values().filter(|item| item["crate_id"] == 0) {
            let ("impl", block) = kind(item) else { continue };
            if block["trait"].is_null() || !block["blanket_impl"].is_null() || !self.is_ours(item) {
                continue;
            }
            let mut text = self.signature(item, signature::before_body);
            if !(text.starts_with("impl") || text.starts_with("unsafe impl")) {
                let for_type = block["for"]["resolved_path"]["path"].as_str().unwrap_or("a type");
                text = format!("impl {} for {for_type}", block["trait"]["path"].as_str().unwrap_or_default());
            }
            self.lines.insert(format!("{name}: {text}"));
        }
    }

    fn line(&mut self, item: &Value, path: &str, cut: fn(&str) -> String) {
        let text = self.signature(item, cut);
        let name = item["name"].as_str().unwrap_or_default();
        self.lines.insert(format!("{path}::{name}: {text}"));
    }

    /// How an item is declared, in one line.
    fn signature(&mut self, item: &Value, cut: fn(&str) -> String) -> String {
        let open = item["attrs"].as_array().into_iter().flatten().any(|attribute| attribute == "non_exhaustive");
        let mut text = self.text(item).map(|text| cut(&signature::plain(&text))).unwrap_or_default();
        let name = item["name"].as_str().unwrap_or_default();
        if let ("function", inner) = kind(item)
            && !text.contains(&format!("fn {name}"))
        {
            text = types::function(name, inner);
        }
        if open { format!("#[non_exhaustive] {text}") } else { text }
    }

    /// Whether an item stands in this crate's own sources. Paths of others are absolute.
    fn is_ours(&self, item: &Value) -> bool {
        item["span"]["filename"].as_str().is_some_and(|file| !Path::new(file).is_absolute())
    }

    fn text(&mut self, item: &Value) -> Option<String> {
        let span = &item["span"];
        let file = span["filename"].as_str()?;
        if !self.sources.contains_key(file) {
            let text = fs::read_to_string(self.root.join(file)).ok()?;
            self.sources.insert(file.to_owned(), text);
        }
        let place = |end: &str| Some((span[end][0].as_u64()? as usize, span[end][1].as_u64()? as usize));
        signature::between(self.sources.get(file)?, place("begin")?, place("end")?)
    }
}

/// An item's kind, and what it is made of.
fn kind(item: &Value) -> (&str, &Value) {
    let entry = item["inner"].as_object().and_then(|inner| inner.iter().next());
    entry.map_or(("", &Value::Null), |(kind, inner)| (kind.as_str(), inner))
}

/// What of a struct's fields shows, and the fields.
fn shape(fields: &Value) -> (&'static str, &Value) {
    if let Some(tuple) = fields.get("tuple") {
        let private = tuple.as_array().into_iter().flatten().any(Value::is_null);
        return (if private { "(..)" } else { "" }, tuple);
    }
    let plain = fields.get("plain").unwrap_or(fields);
    let private = plain["has_stripped_fields"] == true;
    (if private { " { .. }" } else { "" }, &plain["fields"])
}

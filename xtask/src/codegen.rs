//! `codegen [cli | catalog [PACKAGE]] [--check]`: writes what is made of something else; `--check` compares.
//!
//! `cli` is the man pages and completions of `flue`, which are made of its flags; its tests compare them too. `catalog` is
//! what is known of models, from a package that others keep. PACKAGE is the unpacked package; without it `npm` fetches it,
//! in the version named here, so that it is no part of `ci`, which has no network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};

use crate::process;
use crate::report::{Failure, Outcome, Problem, conclude};
use crate::workspace::Workspace;

/// The package and its version. Its licence is MIT; it takes its data from the providers' own pages.
const PACKAGE: &str = "@earendil-works/pi-ai";
const VERSION: &str = "1.5.2";
const LICENSE: &str = "MIT";
const COPYRIGHT: &str = "Copyright (c) 2025 Mario Zechner";

/// Where a crate keeps its catalogue, and the notice that has to go with it.
const CATALOG: &str = "src/catalog.jsonl";
const NOTICE: &str = "src/catalog.LICENSE";

/// The crates with a catalogue: their providers, by the names here and there.
const CRATES: &[(&str, &[(&str, &str)])] = &[
    ("flue-models/anthropic", &[("anthropic", "anthropic")]),
    ("flue-models/bedrock", &[("bedrock", "amazon-bedrock")]),
    ("flue-models/google", &[("google", "google"), ("vertex", "google-vertex")]),
    (
        "flue-models/openai",
        &[
            ("azure", "azure"),
            ("cerebras", "cerebras"),
            ("deepseek", "deepseek"),
            ("fireworks", "fireworks"),
            ("groq", "groq"),
            ("mistral", "mistral"),
            ("moonshot", "moonshotai"),
            ("openai", "openai"),
            ("openrouter", "openrouter"),
            ("together", "together"),
            ("xai", "xai"),
            ("zai", "zai"),
        ],
    ),
];

/// The levels of thinking that Flue has.
const LEVELS: [&str; 7] = ["off", "minimal", "low", "medium", "high", "xhigh", "max"];

/// The protocol whose row counts where a model has several.
const CHAT_API: &str = "openai-completions";

/// What of a model's compatibility a codec asks for: the names here and there.
const COMPAT: &[(&str, &str)] = &[
    ("adaptive", "forceAdaptiveThinking"),
    ("max_tokens", "maxTokensField"),
    ("reasoning_content", "requiresReasoningContentOnAssistantMessages"),
    ("reasoning_effort", "supportsReasoningEffort"),
    ("thinking", "thinkingFormat"),
];

/// Runs the task.
pub(crate) fn run(args: &[String]) -> Outcome {
    let usage = || Failure::Usage("`codegen` takes `[cli | catalog [PACKAGE]] [--check]`".into());
    let check = args.iter().any(|arg| arg == "--check");
    let mut words = args.iter().map(String::as_str).filter(|arg| *arg != "--check");
    let (what, package) = (words.next(), words.next());
    if words.next().is_some() || package.is_some_and(|package| package.starts_with('-')) {
        return Err(usage());
    }
    let workspace = Workspace::load()?;
    match (what, package) {
        (None, None) => cli(&workspace, check).and_then(|()| catalog(&workspace, check, None)),
        (Some("cli"), None) => cli(&workspace, check),
        (Some("catalog"), package) => catalog(&workspace, check, package),
        _ => Err(usage()),
    }
}

/// The man pages and completions of `flue`: a test of it compares them, or writes them when it is told to.
fn cli(workspace: &Workspace, check: bool) -> Outcome {
    // All crates and features, as `ci` has them: nothing is built again for this.
    let args = ["test", "--quiet", "--workspace", "--all-features", "--bin", "flue", "manual::"];
    let mut command = process::cargo(&workspace.root, &args);
    if !check {
        command.env("FLUE_WRITE_MANUAL", "1");
    }
    process::run(command)
}

/// What is known of models, from the package.
fn catalog(workspace: &Workspace, check: bool, package: Option<&str>) -> Outcome {
    let package = match package {
        Some(given) => PathBuf::from(given),
        None => fetch(&workspace.root.join(crate::files::BUILD_DIRECTORY).join("codegen"))?,
    };
    let data = package.join("dist/providers/data");
    let manifest = read(&package.join("package.json"))?;
    if manifest["version"] != VERSION || manifest["license"] != LICENSE {
        let found = format!("{} {}", manifest["version"], manifest["license"]);
        return Err(Failure::new(format!("codegen: {PACKAGE} is {found}, not {VERSION} under {LICENSE}")));
    }
    let made = read(&data.join(".manifest.json"))?["generatedAt"].as_str().unwrap_or_default().to_owned();
    let head = header(made.split('T').next().unwrap_or_default());
    let mut problems = Vec::new();
    for (dir, providers) in CRATES {
        let mut lines = vec![head.clone()];
        for (name, source) in *providers {
            lines.extend(models(name, &read(&data.join(format!("{source}.json")))?));
        }
        println!("{dir}: {} models", lines.len() - 1);
        for (file, text) in [(CATALOG, lines.join("\n") + "\n"), (NOTICE, notice())] {
            let path = workspace.root.join(dir).join(file);
            if !check {
                fs::write(&path, text).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
            } else if fs::read_to_string(&path).ok() != Some(text) {
                problems.push(Problem::new(format!("{dir}/{file}"), "is not what `codegen catalog` writes"));
            }
        }
    }
    conclude("codegen", problems)
}

/// Fetches the package and unpacks it below `dir`.
fn fetch(dir: &Path) -> Outcome<PathBuf> {
    let failed = |what: &str, why: String| Failure::new(format!("codegen: {what}: {why}"));
    let _ = fs::remove_dir_all(dir);
    fs::create_dir_all(dir).map_err(|error| failed("make a directory", error.to_string()))?;
    let spec = format!("{PACKAGE}@{VERSION}");
    let archive = format!("{}-{VERSION}.tgz", PACKAGE.trim_start_matches('@').replace('/', "-"));
    for (program, args) in [("npm", ["pack", "--silent", &spec]), ("tar", ["--extract", "--file", &archive])] {
        let status = Command::new(program).args(args).current_dir(dir).stdin(Stdio::null()).status();
        match status {
            Ok(status) if status.success() => {}
            Ok(status) => return Err(failed(program, status.to_string())),
            Err(error) => return Err(failed(program, error.to_string())),
        }
    }
    Ok(dir.join("package"))
}

fn read(path: &Path) -> Outcome<Value> {
    let failed = |why: String| Failure::new(format!("codegen: {}: {why}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| failed(error.to_string()))
}

/// The first line of a catalogue.
fn header(generated: &str) -> String {
    format!(
        "{{\"source\":{},\"version\":{},\"generated\":{},\"license\":{},\"copyright\":{}}}",
        json!(PACKAGE),
        json!(VERSION),
        json!(generated),
        json!(LICENSE),
        json!(COPYRIGHT)
    )
}

/// The lines of a provider's chat models, by id. A model that is there over two protocols is written once.
fn models(provider: &str, data: &Value) -> Vec<String> {
    let protocols = data.as_object().into_iter().flatten();
    let models = protocols.flat_map(|(_, models)| models.as_object().into_iter().flatten());
    let mut models: Vec<(&str, bool, String)> = models
        .filter(|(_, model)| model["type"] == "chat")
        .filter_map(|(_, model)| Some((model["id"].as_str()?, model["api"] != CHAT_API, line(provider, model)?)))
        .collect();
    models.sort();
    models.dedup_by(|later, earlier| later.0 == earlier.0);
    models.into_iter().map(|(_, _, line)| line).collect()
}

/// One model. The order of the fields is what lookups rely on.
fn line(provider: &str, model: &Value) -> Option<String> {
    let id = model["id"].as_str()?;
    let mut fields = vec![("provider", json!(provider)), ("id", json!(id))];
    fields.push(("name", json!(model["name"].as_str().unwrap_or(id))));
    for (field, source) in [("context", "contextWindow"), ("output", "maxTokens")] {
        if let Some(tokens) = model[source].as_u64().filter(|tokens| *tokens > 0) {
            fields.push((field, json!(tokens)));
        }
    }
    let flags = [
        ("images", model["input"].as_array().is_some_and(|input| input.contains(&json!("image")))),
        ("reasoning", model["reasoning"] == true),
    ];
    fields.extend(flags.into_iter().filter(|(_, set)| *set).map(|(name, _)| (name, json!(true))));
    let levels: Map<String, Value> = LEVELS
        .iter()
        .filter_map(|level| Some(((*level).to_owned(), model["thinkingLevelMap"].get(*level)?.clone())))
        .collect();
    if !levels.is_empty() {
        fields.push(("levels", Value::Object(levels)));
    }
    let cost = &model["cost"];
    if let Some(price) = prices(cost) {
        fields.push(("price", price));
        let tiers = cost["tiers"].as_array().into_iter().flatten();
        let tiers: Vec<Value> =
            tiers.filter_map(|tier| Some(json!([tier["inputTokensAbove"].as_u64()?, prices(tier)?]))).collect();
        if !tiers.is_empty() {
            fields.push(("tiers", Value::Array(tiers)));
        }
    }
    let mut compat: Map<String, Value> = COMPAT
        .iter()
        .filter_map(|(name, source)| Some(((*name).to_owned(), model["compat"].get(*source)?.clone())))
        .collect();
    // The source tells it of Claude at Anthropic alone; elsewhere those that think by effort have words for levels.
    if provider == "bedrock" && id.contains("anthropic.claude") && model["thinkingLevelMap"].is_object() {
        compat.insert("adaptive".to_owned(), json!(true));
    }
    if !compat.is_empty() {
        fields.push(("compat", Value::Object(compat)));
    }
    let fields: Vec<String> = fields.into_iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    Some(format!("{{{}}}", fields.join(",")))
}

/// Input, output, cache reads and writes; `None` for a model whose price is not known. Where reading from the cache has
/// no price, it costs what input costs: too much is better than nothing.
fn prices(cost: &Value) -> Option<Value> {
    let price = |name: &str| cost[name].as_f64().unwrap_or(0.0);
    let (input, output) = (price("input"), price("output"));
    let known = input.is_finite() && output.is_finite() && input >= 0.0 && output >= 0.0 && input + output > 0.0;
    let read = Some(price("cacheRead")).filter(|read| *read > 0.0).unwrap_or(input);
    known.then(|| Value::Array([input, output, read, price("cacheWrite")].into_iter().map(number).collect()))
}

/// Whole numbers as such, so that the lines stay short.
fn number(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be whole and small")]
    if number.fract() == 0.0 && (0.0..1e6).contains(&number) { json!(number as u64) } else { json!(number) }
}

/// The licence of the data.
fn notice() -> String {
    format!(
        "The data in catalog.jsonl is taken from {PACKAGE} {VERSION}, which is under the MIT License:\n\n\
         {COPYRIGHT}\n\n{MIT}"
    )
}

const MIT: &str = "\
Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the \"Software\"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_one_line_with_what_is_known() {
        let model = json!({
            "id": "m", "name": "M", "type": "chat", "reasoning": true, "input": ["text", "image"], "contextWindow": 10,
            "maxTokens": 0, "thinkingLevelMap": {"off": null, "max": "max", "xhigh": "xhigh"},
            "cost": {"input": 1, "output": 2.5, "cacheRead": 0, "cacheWrite": 0,
                "tiers": [{"inputTokensAbove": 5, "input": 2, "output": 5, "cacheRead": 0.2, "cacheWrite": 0}]},
            "compat": {"forceAdaptiveThinking": true, "supportsStore": false},
        });
        assert_eq!(
            line("p", &model).as_deref(),
            Some(
                r#"{"provider":"p","id":"m","name":"M","context":10,"images":true,"reasoning":true,"levels":{"max":"max","off":null,"xhigh":"xhigh"},"price":[1,2.5,1,0],"tiers":[[5,[2,5,0.2,0]]],"compat":{"adaptive":true}}"#
            )
        );
    }

    #[test]
    fn models_are_sorted_and_written_once() {
        let chat = |id: &str, name: &str| json!({"id": id, "name": name, "type": "chat", "cost": {"input": -1}});
        let data = json!({
            "one": {"x": chat("b", "B"), "y": chat("a", "A"), "z": {"id": "c", "type": "image"}},
            "two": {"x": {"id": "b", "name": "B of two", "type": "chat", "api": CHAT_API}},
        });
        let lines = models("p", &data);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert_eq!(lines[0], r#"{"provider":"p","id":"a","name":"A"}"#);
        assert!(lines[1].contains("B of two"), "{lines:?}");
    }
}

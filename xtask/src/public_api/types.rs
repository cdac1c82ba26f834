//! Functions that a macro wrote: their declarations stand in no source, and are put together from rustdoc's JSON.

use serde_json::Value;

/// `fn name(argument: Type) -> Type`.
pub(super) fn function(name: &str, inner: &Value) -> String {
    let arguments = inner["sig"]["inputs"].as_array().into_iter().flatten();
    let arguments: Vec<String> =
        arguments.map(|pair| format!("{}: {}", pair[0].as_str().unwrap_or_default(), shown(&pair[1]))).collect();
    let output = &inner["sig"]["output"];
    let returns = if output.is_null() { String::new() } else { format!(" -> {}", shown(output)) };
    let is_async = if inner["header"]["is_async"] == true { "async " } else { "" };
    format!("pub {is_async}fn {name}({}){returns}", arguments.join(", "))
}

/// A type. What is rare stays as the JSON has it: a change still shows.
fn shown(kind: &Value) -> String {
    let entry = kind.as_object().and_then(|kind| kind.iter().next());
    let Some((name, inner)) = entry else { return kind.to_string() };
    match name.as_str() {
        "primitive" | "generic" => inner.as_str().unwrap_or_default().to_owned(),
        "resolved_path" => path(inner),
        "borrowed_ref" => {
            let mutable = if inner["is_mutable"] == true { "mut " } else { "" };
            let lifetime = inner["lifetime"].as_str().map(|lifetime| format!("{lifetime} ")).unwrap_or_default();
            format!("&{lifetime}{mutable}{}", shown(&inner["type"]))
        }
        "tuple" => format!("({})", list(inner, shown)),
        "slice" => format!("[{}]", shown(inner)),
        "array" => format!("[{}; {}]", shown(&inner["type"]), inner["len"].as_str().unwrap_or_default()),
        "impl_trait" => format!("impl {}", list(inner, bound).replace(", ", " + ")),
        _ => kind.to_string(),
    }
}

fn bound(bound: &Value) -> String {
    if let Some(lifetime) = bound["outlives"].as_str() {
        return lifetime.to_owned();
    }
    let named = &bound["trait_bound"]["trait"];
    if named.is_null() { bound.to_string() } else { path(named) }
}

fn path(inner: &Value) -> String {
    let name = inner["path"].as_str().unwrap_or_default();
    let arguments = &inner["args"]["angle_bracketed"];
    let arguments = [list(&arguments["args"], argument), list(&arguments["constraints"], constraint)];
    let arguments: Vec<String> = arguments.into_iter().filter(|list| !list.is_empty()).collect();
    if arguments.is_empty() { name.to_owned() } else { format!("{name}<{}>", arguments.join(", ")) }
}

fn argument(argument: &Value) -> String {
    match (argument["lifetime"].as_str(), argument.get("type")) {
        (Some(lifetime), _) => lifetime.to_owned(),
        (None, Some(kind)) => shown(kind),
        (None, None) => argument.to_string(),
    }
}

fn constraint(constraint: &Value) -> String {
    let name = constraint["name"].as_str().unwrap_or_default();
    let kind = &constraint["binding"]["equality"]["type"];
    if kind.is_null() { constraint.to_string() } else { format!("{name} = {}", shown(kind)) }
}

fn list(items: &Value, show: fn(&Value) -> String) -> String {
    items.as_array().into_iter().flatten().map(show).collect::<Vec<_>>().join(", ")
}

//! What a model should know of the shell before it writes scripts for it.

/// The facts, one sentence each.
pub(crate) fn notes<'a>(commands: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut notes: Vec<String> = [
        "Commands run in an emulated bash with the usual Unix text and file tools; there are no git, python, node, compilers or package managers.",
        "Each command starts a fresh shell: only files are kept between commands, no variables, functions or directory changes.",
        "Function calls nest at most 16 deep; write deeper recursion as a loop.",
    ]
    .map(str::to_owned)
    .into();
    let commands: Vec<&str> = commands.map(|name| &**name).collect();
    if !commands.is_empty() {
        notes.push(format!("Commands of the application: {}.", commands.join(", ")));
    }
    notes
}

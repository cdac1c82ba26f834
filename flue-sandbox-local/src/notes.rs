//! What a model should know of the place before it works there.

use std::path::Path;

use flue_core::SandboxPath;

use crate::confine::Confined;

/// The facts, one sentence each. `jail` is what the file tools are kept beneath, if anything; `layered` says whether that is
/// a layer over the user's files.
pub(crate) fn notes(
    shell: &Path,
    jail: Option<&SandboxPath>,
    layered: bool,
    confined: Option<&Confined>,
) -> Vec<String> {
    let stays = match jail.filter(|_| layered) {
        Some(dir) => format!(
            "What they change or delete beneath {dir} is kept aside and only reaches the user's own files once the user has \
             reviewed it; what they change anywhere else stays changed."
        ),
        None => "What they change or delete stays changed.".to_owned(),
    };
    let mut notes = match confined {
        Some(confined) => [confined.notes(), &[stays]].concat(),
        None => free(jail, &stays),
    };
    notes.push(format!(
        "Each command starts a fresh {}: files are kept between commands, variables and directory changes are not.",
        shell.file_name().unwrap_or(shell.as_os_str()).to_string_lossy()
    ));
    let background = match confined {
        Some(_) => "A command ends with everything that it started: nothing runs on in the background.",
        None => {
            "What a command leaves in the background runs on, but its output is lost once the command has ended; send it to \
             a file."
        }
    };
    notes.push(background.to_owned());
    notes.push(
        "Searches pass over what .gitignore, .ignore and .rgignore files name, and over .git; other hidden files are \
         searched."
            .to_owned(),
    );
    notes
}

fn free(jail: Option<&SandboxPath>, stays: &str) -> Vec<String> {
    let files = match jail {
        Some(jail) => format!("The file tools reach only what is beneath {jail}; commands are not kept in it."),
        None => "The file tools reach every file of the machine that the user may.".to_owned(),
    };
    let nothing = format!(
        "Nothing is isolated: commands are real processes on the user's own machine, run as the user, with the user's files \
         and network. {stays}"
    );
    vec![nothing, files]
}

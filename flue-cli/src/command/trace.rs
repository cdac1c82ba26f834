//! `flue trace`: what happened in a recorded run.

use std::fs::File;
use std::io::{BufWriter, Write as _};

use flue_core::reach::judge;

use crate::args::TraceArgs;
use crate::exit::{self, Failure};
use crate::host::{io_error, shown};
use crate::{output, trace, wiring};

/// Shows the run, or writes it as a page.
///
/// # Errors
/// Usage errors for a file that has no events, and those of writing.
pub(crate) fn run(args: &TraceArgs) -> Result<u8, Failure> {
    let recording = trace::read(&args.file).map_err(Failure::usage)?;
    let Some(page) = &args.html else {
        let columns = args.columns.map_or_else(output::columns, usize::from);
        output::print_text_styled(&trace::render(&recording, columns, output::colours_on_stdout()))?;
        return Ok(exit::DONE);
    };
    let failed = |error: std::io::Error| Failure::failed(io_error("write the page", &error).with("path", shown(page)));
    let name = args.file.file_name().unwrap_or(args.file.as_os_str()).to_string_lossy();
    let verdict = judge(&recording.trace.ledger, &wiring::ladder());
    let mut out = BufWriter::new(File::create(page).map_err(failed)?);
    trace::write_page(&recording, &name, verdict.as_ref(), &mut out).and_then(|()| out.flush()).map_err(failed)?;
    Ok(exit::DONE)
}

//! `flue trace`: what happened in a recorded run, or in a stored session.

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
/// Usage errors for what is neither a record nor a session, and those of writing.
pub(crate) fn run(args: &TraceArgs) -> Result<u8, Failure> {
    let recording = trace::find(&args.run, &args.store)?;
    let Some(page) = &args.html else {
        let columns = args.columns.map_or_else(output::columns, usize::from);
        output::print(trace::render(&recording, columns, output::colours_on_stdout()).as_bytes())?;
        return Ok(exit::DONE);
    };
    let failed = |error: std::io::Error| Failure::failed(io_error("write the page", &error).with("path", shown(page)));
    let name = args.run.file_name().unwrap_or(args.run.as_os_str()).to_string_lossy();
    let verdict = judge(&recording.trace.ledger, &wiring::ladder());
    let mut out = BufWriter::new(File::create(page).map_err(failed)?);
    trace::write_page(&recording, &name, verdict.as_ref(), &mut out).and_then(|()| out.flush()).map_err(failed)?;
    Ok(exit::DONE)
}

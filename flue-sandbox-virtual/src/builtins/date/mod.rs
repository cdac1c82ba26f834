//! The `date` command, with the dates and formats that GNU knows.

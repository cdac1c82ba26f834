//! Output in bases other than ten for the `bc` command.

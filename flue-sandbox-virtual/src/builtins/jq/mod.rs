//! The `jq` command: JSON in, filtered JSON out.

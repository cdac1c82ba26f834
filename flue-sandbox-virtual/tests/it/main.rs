//! The virtual sandbox as its users see it.

mod conformance;
mod support;

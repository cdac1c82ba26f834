//! Where the kernel has none of it.

use std::ffi::OsStr;
use std::sync::Arc;

use flue_core::{Bounds, Error, NetworkReach, Result, SandboxPath};

use super::{Confinement, Finding, Mechanism};
use crate::files::Veil;
use crate::overlay::Layer;

const WHY: &str =
    "commands are confined on Linux only; use the local sandbox unconfined, the virtual one or a remote one";

/// There is none.
#[derive(Debug)]
pub(crate) enum Confined {}

impl Confined {
    pub(crate) fn open(_: &Confinement, _: &SandboxPath, _: Option<&Arc<Layer>>) -> Result<Self> {
        Err(Error::unsupported("open", WHY))
    }

    pub(crate) fn notes(&self) -> &[String] {
        match *self {}
    }

    pub(crate) fn env(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        std::iter::empty()
    }

    pub(crate) fn veil(&self, _: &SandboxPath) -> Veil {
        match *self {}
    }

    pub(crate) fn can_narrow(&self) -> bool {
        match *self {}
    }

    pub(crate) fn narrow(&self, _: &Bounds) -> Result<Self> {
        match *self {}
    }

    pub(crate) fn network(&self) -> NetworkReach {
        match *self {}
    }
}

/// Tells that this machine holds commands with nothing.
pub fn probe() -> Vec<Finding> {
    Confinement::new().probe()
}

impl Confinement {
    /// Tells that this machine holds commands with nothing.
    pub fn probe(&self) -> Vec<Finding> {
        Mechanism::ALL.map(|mechanism| Finding::missing(mechanism, WHY)).to_vec()
    }
}

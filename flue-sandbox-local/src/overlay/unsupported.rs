//! Where the kernel has no overlay file system that commands could be given a view of.

use std::path::{Path, PathBuf};
use std::process::Command;

use flue_core::reach::ReachLog;
use flue_core::{Error, Result, SandboxPath};

use super::changes::Changes;
use crate::files::Root;

/// There is none.
#[derive(Debug)]
pub(crate) enum Layer {}

impl Layer {
    pub(super) fn open(_: &SandboxPath, _: How, _: &Path) -> Result<Self> {
        Err(Error::unsupported("open", "an overlay needs Linux"))
    }

    pub(crate) fn root(&self) -> Result<Root> {
        match *self {}
    }

    pub(crate) fn note(&self) -> Option<String> {
        match *self {}
    }

    pub(crate) fn seen(&self) -> &SandboxPath {
        match *self {}
    }

    pub(crate) fn mounted(&self) -> Option<&Mounted> {
        match *self {}
    }

    pub(crate) fn tell_changed(&self, _: Moment, _: &ReachLog) {
        match *self {}
    }

    pub(super) fn diff(&self) -> Result<Changes> {
        match *self {}
    }

    pub(super) fn apply(&self, _: &Changes) -> Result<()> {
        match *self {}
    }
}

/// How none is made.
#[derive(Debug, Clone)]
#[expect(dead_code, reason = "none is made")]
pub(super) enum How {
    Merged(PathBuf),
    Copied(u64),
}

/// When nothing was changed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment;

impl Moment {
    pub(crate) fn now() -> Self {
        Self
    }
}

/// Nothing is mounted.
#[derive(Debug)]
pub(crate) enum Mounted {}

impl Mounted {
    pub(crate) fn entrance(&self, _: &SandboxPath) -> std::io::Result<Entrance> {
        match *self {}
    }
}

/// There is nothing to go into.
#[derive(Debug)]
pub(crate) enum Entrance {}

impl Entrance {
    pub(crate) fn command(&self, _: &Path) -> Command {
        match *self {}
    }

    pub(crate) fn shut(self) -> Option<Shut> {
        match self {}
    }
}

/// Why a command did not get in.
#[derive(Debug)]
#[expect(dead_code, reason = "there is nothing to get into")]
pub(crate) enum Shut {
    Cwd(std::io::Error),
    Layer(String),
}

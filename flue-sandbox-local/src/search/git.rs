//! What git ignores, for paths in any order.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use flue_core::{Result, SandboxPath};

use super::ignored::{Ignored, Outer, Rules, rules_of};
use crate::files::Root;

/// What git ignores beneath one directory of the host, by the rules that it has now.
#[derive(Debug)]
pub(crate) struct GitIgnored {
    root: Root,
    outer: Outer,
    /// The directories that were asked about.
    known: HashMap<SandboxPath, Known>,
}

#[derive(Debug, Clone)]
struct Known {
    ignored: bool,
    /// Of the directory and of those above it as far as the root, outermost first.
    rules: Vec<Arc<Rules>>,
}

impl GitIgnored {
    pub(crate) fn of(dir: &SandboxPath) -> Result<Self> {
        let root = Root::beneath(dir.clone())?;
        Ok(Self { outer: Outer::read(dir)?, root, known: HashMap::new() })
    }

    /// Whether git ignores a path relative to the directory, by itself or with a directory that it lies in.
    pub(crate) fn names(&mut self, path: &Path, is_dir: bool) -> bool {
        // Rules are text.
        let path = path.to_str().and_then(|path| self.root.path().join(path).ok());
        let Some((path, above)) = path.and_then(|path| path.parent().map(|above| (path, above))) else { return false };
        let above = self.directory(&above);
        above.ignored || Ignored::within(&self.outer, above.rules).git_names(&path, is_dir)
    }

    fn directory(&mut self, dir: &SandboxPath) -> Known {
        if let Some(known) = self.known.get(dir) {
            return known.clone();
        }
        let above = dir.parent().filter(|_| dir != self.root.path()).map(|above| self.directory(&above));
        let (ignored, mut rules) = match above {
            None => (false, Vec::new()),
            Some(Known { ignored, rules }) => {
                let inside = Ignored::within(&self.outer, rules.clone());
                (ignored || inside.git_names(dir, true), rules)
            }
        };
        rules.push(Arc::new(rules_of(&self.root, dir).unwrap_or_default()));
        let known = Known { ignored, rules };
        self.known.insert(dir.clone(), known.clone());
        known
    }
}

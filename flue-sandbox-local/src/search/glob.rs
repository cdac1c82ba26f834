//! Files by name, with the meaning that `flue_core::search` gives to globs.

use flue_core::search::{GlobHits, GlobQuery, PathGlob};

use super::walk::walk;
use super::{Going, Place, Stopped};

pub(super) fn glob(place: &Place, query: &GlobQuery, going: &Going) -> Result<GlobHits, Stopped> {
    let glob = PathGlob::new("glob", &query.pattern, &query.path)?;
    let mut hits = GlobHits::default();
    hits.incomplete = walk(place, &query.path, going, &mut |file| {
        if glob.matches(&file.path) {
            hits.total += 1;
            if hits.paths.len() < query.limit {
                hits.paths.push(file.path);
            }
        }
        Ok(())
    })?;
    Ok(hits)
}

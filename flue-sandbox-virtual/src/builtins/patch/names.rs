//! Which file a patch is for.

use std::path::Path;

use bashkit::FileSystem;

use super::super::files::resolve;
use super::parse::FilePatch;

/// The file to patch and whether the patch makes or removes it.
pub(super) struct Choice {
    pub(super) name: String,
    pub(super) creates: bool,
    pub(super) deletes: bool,
}

/// Picks the file: the existing name that is best, or the one to be made.
pub(super) async fn choose(
    fs: &dyn FileSystem,
    directory: &Path,
    patch: &FilePatch,
    strip: Option<usize>,
    reverse: bool,
) -> Option<Choice> {
    let absent = |name: &Option<super::parse::Name>| name.as_ref().is_some_and(|name| name.absent);
    let (mut creates, mut deletes) = (absent(&patch.old_name), absent(&patch.new_name));
    if reverse {
        (creates, deletes) = (deletes, creates);
    }
    let mut candidates = Vec::new();
    if let (Some(from), Some(to)) = (&patch.rename_from, &patch.rename_to) {
        candidates.push(if reverse { to.clone() } else { from.clone() });
    }
    for name in [&patch.old_name, &patch.new_name].into_iter().flatten() {
        if name.text != "/dev/null" {
            candidates.extend(stripped(&name.text, strip));
        }
    }
    if let Some((old, new)) = &patch.git_names
        && candidates.is_empty()
    {
        let strip = strip.or(Some(1));
        candidates.extend([old, new].iter().filter_map(|name| stripped(name, strip)));
    }
    let mut existing = Vec::new();
    for name in &candidates {
        if fs.exists(&resolve(directory, name)).await.unwrap_or(false) {
            existing.push(name.clone());
        }
    }
    let pool = if existing.is_empty() && (creates || deletes) { candidates } else { existing };
    let best = pool.into_iter().min_by_key(|name| {
        let base = name.rsplit('/').next().unwrap_or(name).len();
        (name.matches('/').count(), base, name.len())
    })?;
    Some(Choice { name: best, creates, deletes })
}

/// The name without its first `count` directories; without a count, only the
/// last part. `None` if there are not as many.
pub(super) fn stripped(name: &str, count: Option<usize>) -> Option<String> {
    let Some(count) = count else {
        return Some(name.rsplit('/').next().unwrap_or(name).to_string());
    };
    let mut rest = name;
    for _ in 0..count {
        let (_, tail) = rest.split_once('/')?;
        rest = tail.trim_start_matches('/');
    }
    (!rest.is_empty()).then(|| rest.to_string())
}

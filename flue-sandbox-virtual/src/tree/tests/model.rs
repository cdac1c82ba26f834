//! Random operations, run on the tree and on a plain map of paths, must agree in outcome and result.

use std::collections::BTreeMap;

use super::*;

const LIMITS: (u64, u64, u64) = (400, 60, 24);

#[derive(Clone, Debug, PartialEq)]
enum Item {
    Dir,
    File(String),
    Link(String),
}

/// A map from absolute paths to what is there. The root is not in it.
#[derive(Clone, Default)]
struct Model(BTreeMap<String, Item>);

type Outcome<T = ()> = Option<T>;

fn up(path: &str) -> &str {
    &path[..path.rfind('/').unwrap_or(0)]
}

impl Model {
    /// Rewrites the first link in the text until there is none.
    fn resolve(&self, path: &str, links: Links) -> Outcome<String> {
        let mut path = path.to_owned();
        'rewrite: for _ in 0..=40 {
            let ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
            for end in ends.collect::<Vec<_>>() {
                let (head, rest) = path.split_at(end);
                match self.0.get(head) {
                    Some(Item::Link(target)) if !rest.is_empty() || links == Links::Follow => {
                        let base = if target.starts_with('/') { "" } else { up(head) };
                        path = format!("{base}/{}{rest}", target.trim_start_matches('/'));
                        continue 'rewrite;
                    }
                    Some(Item::File(_)) if !rest.is_empty() => return None,
                    _ => {}
                }
            }
            return Some(path);
        }
        None
    }

    fn is_dir(&self, path: &str) -> bool {
        path.is_empty() || self.0.get(path) == Some(&Item::Dir)
    }

    fn children(&self, dir: &str) -> usize {
        let prefix = format!("{dir}/");
        self.0.keys().filter(|path| path.starts_with(&prefix)).count()
    }

    /// Applies a change if it fits the limits.
    fn commit(&mut self, change: impl FnOnce(&mut Self)) -> Outcome {
        let mut next = self.clone();
        change(&mut next);
        let bytes = |model: &Self| {
            let sizes = model.0.values().map(|item| match item {
                Item::Dir => 0,
                Item::File(text) | Item::Link(text) => text.len() as u64,
            });
            sizes.sum::<u64>()
        };
        let too_many = next.0.len() > self.0.len() && next.0.len() as u64 > LIMITS.2;
        let too_large = bytes(&next) > bytes(self) && bytes(&next) > LIMITS.0;
        if too_many || too_large {
            return None;
        }
        *self = next;
        Some(())
    }

    /// Puts an item where nothing is.
    fn create(&mut self, path: &str, item: Item, parents: Parents) -> Outcome {
        if path.is_empty() || self.0.contains_key(path) || (parents == Parents::Require && !self.is_dir(up(path))) {
            return None;
        }
        self.commit(|model| {
            let mut dir = up(path);
            while !model.is_dir(dir) {
                model.0.insert(dir.to_owned(), Item::Dir);
                dir = up(dir);
            }
            model.0.insert(path.to_owned(), item);
        })
    }

    fn write(&mut self, path: &str, text: &str, parents: Parents) -> Outcome {
        let path = self.resolve(path, Links::Follow)?;
        if text.len() as u64 > LIMITS.1 || self.is_dir(&path) {
            return None;
        }
        if self.0.contains_key(&path) {
            return self.commit(|model| drop(model.0.insert(path, Item::File(text.to_owned()))));
        }
        self.create(&path, Item::File(text.to_owned()), parents)
    }

    fn append(&mut self, path: &str, text: &str) -> Outcome {
        let place = self.resolve(path, Links::Follow)?;
        match self.0.get(&place) {
            Some(Item::File(old)) => self.write(path, &format!("{old}{text}"), Parents::Require),
            _ => self.write(path, text, Parents::Require),
        }
    }

    fn mkdir(&mut self, path: &str, parents: Parents) -> Outcome {
        let place = self.resolve(path, Links::Keep)?;
        let target = self.resolve(path, Links::Follow);
        if parents == Parents::Make && target.is_some_and(|path| self.is_dir(&path)) {
            return Some(());
        }
        self.create(&place, Item::Dir, parents)
    }

    fn remove(&mut self, path: &str, recursive: bool) -> Outcome {
        let path = self.resolve(path, Links::Keep)?;
        if path.is_empty() || !self.0.contains_key(&path) || (!recursive && self.children(&path) > 0) {
            return None;
        }
        let below = format!("{path}/");
        self.0.retain(|other, _| *other != path && !other.starts_with(&below));
        Some(())
    }

    fn rename(&mut self, from: &str, to: &str) -> Outcome {
        let (from, to) = (self.resolve(from, Links::Keep)?, self.resolve(to, Links::Keep)?);
        let item = self.0.get(&from)?.clone();
        if from == to {
            return Some(());
        }
        let below = format!("{from}/");
        let replaceable = match (&item, self.0.get(&to)) {
            (Item::Dir, Some(Item::Dir)) => self.children(&to) == 0,
            (Item::Dir, Some(_)) | (_, Some(Item::Dir)) => false,
            _ => true,
        };
        if to.is_empty() || to.starts_with(&below) || !self.is_dir(up(&to)) || !replaceable {
            return None;
        }
        let moved: Vec<_> = self.0.extract_if(.., |path, _| *path == from || path.starts_with(&below)).collect();
        self.0.extend(moved.into_iter().map(|(path, item)| (format!("{to}{}", &path[from.len()..]), item)));
        Some(())
    }

    fn copy(&mut self, from: &str, to: &str) -> Outcome {
        let (from, to) = (self.resolve(from, Links::Follow)?, self.resolve(to, Links::Follow)?);
        let Some(Item::File(text)) = self.0.get(&from).cloned() else { return None };
        self.write(&to, &text, Parents::Require)
    }

    fn dump(&self) -> Vec<String> {
        let mut items: Vec<_> = self.0.iter().collect();
        items.sort_by_key(|(path, _)| path.split('/').collect::<Vec<_>>());
        let show = |(path, item): (&String, &Item)| match item {
            Item::Dir => format!("{path} dir"),
            Item::File(text) => format!("{path} {text}"),
            Item::Link(target) => format!("{path} -> {target}"),
        };
        items.into_iter().map(show).collect()
    }
}

/// A linear congruential generator: the same numbers in every run (constants of Knuth's MMIX).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn path(&mut self) -> String {
        (0..=self.below(3)).map(|_| ["/a", "/b", "/c"][self.below(3) as usize]).collect()
    }

    fn text(&mut self) -> String {
        "x".repeat(self.below(40) as usize)
    }
}

#[test]
fn the_tree_agrees_with_a_map_of_paths() {
    let (mut done, mut refused) = (0, 0);
    for seed in 0..60 {
        let mut random = Random(seed);
        let limits = TreeLimits::default().with_total_bytes(LIMITS.0).with_file_bytes(LIMITS.1).with_entries(LIMITS.2);
        let tree = TreeFs::new(limits);
        let mut model = Model::default();
        let mut saved = (tree.snapshot(), model.clone());
        for step in 0..500 {
            let (path, other, text) = (random.path(), random.path(), random.text());
            let parents = [Parents::Make, Parents::Require][random.below(2) as usize];
            let recursive = random.below(3) == 0;
            let kind = random.below(16);
            let (what, real, expected) = match kind {
                0..=3 => ("write", tree.write(&path, text.clone().into(), parents), model.write(&path, &text, parents)),
                4..=5 => ("append", tree.append(&path, text.as_bytes()), model.append(&path, &text)),
                6..=7 => ("mkdir", tree.mkdir(&path, parents), model.mkdir(&path, parents)),
                8..=9 => ("rename", tree.rename(&path, &other), model.rename(&path, &other)),
                10 => ("copy", tree.copy(&path, &other), model.copy(&path, &other)),
                11 => {
                    let target = if recursive { other.trim_start_matches('/') } else { &other };
                    let place = model.resolve(&path, Links::Keep);
                    let link = Item::Link(target.to_owned());
                    let expected = place.and_then(|place| model.create(&place, link, Parents::Require));
                    ("symlink", tree.symlink(target, &path), expected)
                }
                12..=13 => ("remove", tree.remove(&path, recursive), model.remove(&path, recursive)),
                14 => {
                    saved = (tree.snapshot(), model.clone());
                    ("snapshot", Ok(()), Some(()))
                }
                _ => {
                    model = saved.1.clone();
                    ("restore", tree.restore(&saved.0), Some(()))
                }
            };
            let about = format!("seed {seed} step {step}: {what} {path} {other} {parents:?} {recursive} {text:?}");
            assert_eq!(real.is_ok(), expected.is_some(), "{about}: {real:?}");
            *(if real.is_ok() { &mut done } else { &mut refused }) += 1;
            assert_eq!(tree.dump(), model.dump(), "{about}");
            tree.audit();
        }
    }
    assert!(done > 8_000 && refused > 8_000, "one-sided: {done} done, {refused} refused");
}

//! JSON values, shared until they are changed.

mod compare;
mod heap;
mod number;
mod read;
mod write;

use std::sync::Arc;

use indexmap::IndexMap;

use self::heap::Extent;
pub(super) use self::heap::{Charge, Heap, MAX_DEPTH};
pub(super) use self::number::format as format_number;
pub(super) use self::read::{Reader, Unreadable, read_one};
pub(super) use self::write::{Layout, Writer, compact};

/// What a number or a word is taken to be when written out.
const SCALAR: usize = 4;
/// What an array or an object adds to what is in it.
const BRACKETS: usize = 2;

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Val {
    Null,
    Bool(bool),
    Num(f64),
    /// An integer that no `f64` holds, for as long as nothing is computed with it.
    Long(i64),
    Str(Text),
    Arr(List),
    Obj(Map),
}

/// The fields of an object, in the order in which they were added.
pub(super) type Fields = IndexMap<Arc<str>, Val>;

/// A string.
#[derive(Debug, Clone)]
pub(super) struct Text(Arc<Counted<String>>);

/// An array.
#[derive(Debug, Clone)]
pub(super) struct List(Arc<Counted<Vec<Val>>>);

/// An object.
#[derive(Debug, Clone)]
pub(super) struct Map(Arc<Counted<Fields>>);

#[derive(Debug)]
struct Counted<T> {
    body: T,
    extent: Extent,
    charge: Charge,
}

impl<T: Clone + Body> Clone for Counted<T> {
    fn clone(&self) -> Self {
        let body = self.body.clone();
        let charge = Charge::new(self.charge.heap(), body.bytes());
        Self { body, extent: self.extent, charge }
    }
}

impl<T: Body> Counted<T> {
    fn new(heap: &Arc<Heap>, body: T, extent: Extent) -> Self {
        heap.note(extent);
        let charge = Charge::new(heap, body.bytes());
        Self { body, extent, charge }
    }

    /// Accounts for what was changed.
    fn settle(&mut self) {
        self.charge.grow_to(self.body.bytes());
        self.charge.heap().note(self.extent);
    }
}

/// Something that takes memory.
trait Body {
    fn bytes(&self) -> usize;
}

impl Body for String {
    fn bytes(&self) -> usize {
        self.capacity()
    }
}

impl Body for Vec<Val> {
    fn bytes(&self) -> usize {
        self.capacity() * size_of::<Val>()
    }
}

impl Body for Fields {
    fn bytes(&self) -> usize {
        // An entry is a key, a value, a hash and a slot in the index. Keys are counted in full, though many are shared.
        let keys: usize = if self.len() < 64 { self.keys().map(|key| key.len()).sum() } else { 8 * self.len() };
        self.capacity() * (size_of::<Val>() + 40) + keys
    }
}

impl Val {
    pub(super) fn text(heap: &Arc<Heap>, text: impl Into<String>) -> Self {
        let body = text.into();
        let extent = Extent { depth: 0, length: body.len() };
        Self::Str(Text(Arc::new(Counted::new(heap, body, extent))))
    }

    pub(super) fn list(heap: &Arc<Heap>, items: Vec<Self>) -> Self {
        let mut extent = Extent { depth: 1, length: BRACKETS };
        items.iter().for_each(|item| extent.add(item.extent()));
        Self::Arr(List(Arc::new(Counted::new(heap, items, extent))))
    }

    pub(super) fn map(heap: &Arc<Heap>, fields: Fields) -> Self {
        let mut extent = Extent { depth: 1, length: BRACKETS };
        fields.iter().for_each(|(key, val)| extent.add(val.extent().with_key(key)));
        Self::Obj(Map(Arc::new(Counted::new(heap, fields, extent))))
    }

    /// A count, which `f64` holds up to 2^53.
    #[expect(clippy::cast_precision_loss, reason = "numbers are what they are in jq")]
    pub(super) fn count(count: usize) -> Self {
        Self::Num(count as f64)
    }

    fn extent(&self) -> Extent {
        match self {
            Self::Str(text) => text.0.extent,
            Self::Arr(list) => list.0.extent,
            Self::Obj(map) => map.0.extent,
            _ => Extent { depth: 0, length: SCALAR },
        }
    }

    /// About how long it is when written out.
    pub(super) fn length(&self) -> usize {
        self.extent().length
    }

    pub(super) fn is_true(&self) -> bool {
        !matches!(self, Self::Null | Self::Bool(false))
    }

    /// What `type` says.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Num(_) | Self::Long(_) => "number",
            Self::Str(_) => "string",
            Self::Arr(_) => "array",
            Self::Obj(_) => "object",
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers are what they are in jq")]
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Num(number) => Some(*number),
            Self::Long(long) => Some(*long as f64),
            _ => None,
        }
    }

    pub(super) fn str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text.as_str()),
            _ => None,
        }
    }
}

impl Text {
    pub(super) fn as_str(&self) -> &str {
        &self.0.body
    }

    /// Adds to the end, in place when nobody else has it.
    pub(super) fn push(&mut self, more: &str) {
        let text = Arc::make_mut(&mut self.0);
        text.body.push_str(more);
        text.extent.length = text.body.len();
        text.settle();
    }
}

/// Arrays are changed in place when nobody else has them.
impl List {
    pub(super) fn items(&self) -> &[Val] {
        &self.0.body
    }

    /// The items, taken out when nobody else has them.
    pub(super) fn into_items(self) -> Vec<Val> {
        Arc::try_unwrap(self.0).map_or_else(|shared| shared.body.clone(), |owned| owned.body)
    }

    pub(super) fn extend(&mut self, more: impl IntoIterator<Item = Val>) {
        let list = Arc::make_mut(&mut self.0);
        for item in more {
            list.extent.add(item.extent());
            list.body.push(item);
        }
        list.settle();
    }

    /// Takes an item out, to be put back; null stands in its place.
    pub(super) fn take(&mut self, at: usize) -> Val {
        let list = Arc::make_mut(&mut self.0);
        let taken = list.body.get_mut(at).map_or(Val::Null, |item| std::mem::replace(item, Val::Null));
        list.extent.remove(taken.extent());
        taken
    }

    /// Puts back what was taken, or something else.
    pub(super) fn put(&mut self, at: usize, val: Val) {
        let list = Arc::make_mut(&mut self.0);
        list.extent.add(val.extent());
        if let Some(item) = list.body.get_mut(at) {
            *item = val;
        }
        list.settle();
    }

    pub(super) fn remove(&mut self, range: std::ops::Range<usize>) {
        let list = Arc::make_mut(&mut self.0);
        for item in list.body.drain(range) {
            list.extent.remove(item.extent());
        }
        list.settle();
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&Val) -> bool) {
        let list = Arc::make_mut(&mut self.0);
        let extent = &mut list.extent;
        list.body.retain(|item| {
            let keep = keep(item);
            if !keep {
                extent.remove(item.extent());
            }
            keep
        });
        list.settle();
    }
}

/// Objects are changed in place when nobody else has them.
impl Map {
    pub(super) fn fields(&self) -> &Fields {
        &self.0.body
    }

    /// The fields, taken out when nobody else has them.
    pub(super) fn into_fields(self) -> Fields {
        Arc::try_unwrap(self.0).map_or_else(|shared| shared.body.clone(), |owned| owned.body)
    }

    pub(super) fn set(&mut self, key: Arc<str>, val: Val) {
        let map = Arc::make_mut(&mut self.0);
        map.extent.add(val.extent().with_key(&key));
        if let Some(before) = map.body.insert(Arc::clone(&key), val) {
            map.extent.remove(before.extent().with_key(&key));
        }
        map.settle();
    }

    /// Takes a field out, to be set again; null stands in its place.
    pub(super) fn take(&mut self, key: &str) -> Option<Val> {
        let map = Arc::make_mut(&mut self.0);
        let taken = map.body.get_mut(key).map(|val| std::mem::replace(val, Val::Null))?;
        map.extent.remove(taken.extent());
        Some(taken)
    }

    pub(super) fn remove(&mut self, key: &str) {
        let map = Arc::make_mut(&mut self.0);
        if let Some(before) = map.body.shift_remove(key) {
            map.extent.remove(before.extent().with_key(key));
        }
        map.settle();
    }
}

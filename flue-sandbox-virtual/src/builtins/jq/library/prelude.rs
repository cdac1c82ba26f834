//! Functions that are programs themselves.

/// The text of a function.
pub(in super::super) fn source(name: &str, arity: usize) -> Option<&'static str> {
    SOURCES.iter().find(|(found, takes, _)| *found == name && *takes == arity).map(|(_, _, text)| *text)
}

const SOURCES: &[(&str, usize, &str)] = &[
    ("add", 1, "def add(f): reduce f as $x (null; . + $x);"),
    ("all", 1, "def all(f): all(.[]; f);"),
    ("any", 1, "def any(f): any(.[]; f);"),
    ("arrays", 0, r#"def arrays: select(type == "array");"#),
    ("booleans", 0, r#"def booleans: select(type == "boolean");"#),
    (
        "capture",
        1,
        "def capture($re): match($re) | [.captures[] | select(.name != null) | {key: .name, value: .string}] | from_entries;",
    ),
    (
        "capture",
        2,
        "def capture($re; $flags): match($re; $flags) | [.captures[] | select(.name != null) | {key: .name, value: .string}] | from_entries;",
    ),
    (
        "combinations",
        0,
        "def combinations: if length == 0 then [] else .[0][] as $x | (.[1:] | combinations) as $w | [$x] + $w end;",
    ),
    ("combinations", 1, "def combinations(n): . as $dot | [range(n)] | map($dot) | combinations;"),
    ("date", 0, "def date: todate;"),
    ("dateadd", 2, "def dateadd(u; n): . + n;"),
    ("datesub", 2, "def datesub(u; n): . - n;"),
    ("debug", 1, "def debug(msg): (msg | debug | empty), .;"),
    ("del", 1, "def del(f): delpaths([path(f)]);"),
    ("env", 0, "def env: $ENV;"),
    ("finites", 0, "def finites: select(isinfinite or isnan | not);"),
    ("first", 0, "def first: .[0];"),
    ("fromdate", 0, r#"def fromdate: strptime("%Y-%m-%dT%H:%M:%SZ") | mktime;"#),
    ("fromdateiso8601", 0, "def fromdateiso8601: fromdate;"),
    (
        "fromstream",
        1,
        "def fromstream(f): {x: null, e: false} as $init | foreach f as $i ($init; \
         if .e then $init else . end | if $i | length == 2 \
         then setpath([\"e\"]; $i[0] | length == 0) | setpath([\"x\"] + $i[0]; $i[1]) \
         else setpath([\"e\"]; $i[0] | length == 1) end; if .e then .x else empty end);",
    ),
    ("gsub", 2, r#"def gsub($re; str): sub($re; str; "g");"#),
    ("gsub", 3, r#"def gsub($re; str; $flags): sub($re; str; $flags + "g");"#),
    ("IN", 1, "def IN(s): any(s == .; .);"),
    ("IN", 2, "def IN(src; s): any(src == s; .);"),
    ("in", 1, "def in(xs): . as $x | xs | has($x);"),
    ("INDEX", 1, "def INDEX(idx_expr): INDEX(.[]; idx_expr);"),
    ("INDEX", 2, "def INDEX(stream; idx_expr): reduce stream as $row ({}; .[$row | idx_expr | tostring] |= $row);"),
    ("GROUP_BY", 1, "def GROUP_BY(f): group_by(f);"),
    ("inside", 1, "def inside(xs): . as $x | xs | contains($x);"),
    ("isvalid", 1, "def isvalid(f): try (f | true) catch false;"),
    ("iterables", 0, r#"def iterables: select(type | . == "array" or . == "object");"#),
    ("last", 0, "def last: .[-1];"),
    ("last", 1, "def last(f): reduce f as $x (null; $x);"),
    ("leaf_paths", 0, "def leaf_paths: paths(scalars);"),
    ("map", 1, "def map(f): [.[] | f];"),
    ("map_values", 1, "def map_values(f): .[] |= f;"),
    ("match", 1, r#"def match($re): _match($re; null; false) | .[];"#),
    ("match", 2, r#"def match($re; $flags): _match($re; $flags; false) | .[];"#),
    ("normals", 0, "def normals: select(isnormal);"),
    ("nth", 1, "def nth($n): .[$n];"),
    (
        "nth",
        2,
        "def nth($n; f): if $n < 0 then error(\"nth doesn't support negative indices\") else last(limit($n + 1; f)) end;",
    ),
    ("nulls", 0, "def nulls: select(. == null);"),
    ("numbers", 0, r#"def numbers: select(type == "number");"#),
    ("objects", 0, r#"def objects: select(type == "object");"#),
    ("paths", 0, "def paths: path(..) | select(length > 0);"),
    ("paths", 1, "def paths(node_filter): . as $dot | paths | select(. as $p | $dot | getpath($p) | node_filter);"),
    ("pick", 1, "def pick(pathexps): . as $top | reduce path(pathexps) as $p (null; setpath($p; $top | getpath($p)));"),
    ("recurse", 0, "def recurse: ..;"),
    ("recurse", 1, "def recurse(f): def r: ., (f | r); r;"),
    ("recurse", 2, "def recurse(f; cond): def r: ., (f | select(cond) | r); r;"),
    ("recurse_down", 0, "def recurse_down: ..;"),
    ("repeat", 1, "def repeat(f): def _repeat: ., (f | _repeat); _repeat;"),
    ("scalars", 0, r#"def scalars: select(type | . != "array" and . != "object");"#),
    ("scan", 1, "def scan($re): scan($re; null);"),
    (
        "scan",
        2,
        "def scan($re; $flags): match($re; \"g\" + $flags) | if .captures | length > 0 then [.captures[].string] else .string end;",
    ),
    (
        "skip",
        2,
        "def skip($n; f): if $n > 0 then foreach f as $x ($n + 1; . - 1; if . <= 0 then $x else empty end) elif $n == 0 then f else error(\"Invalid arguments to skip: count must not be negative\") end;",
    ),
    ("split", 2, "def split($re; flags): [splits($re; flags)];"),
    ("splits", 1, "def splits($re): splits($re; null);"),
    (
        "splits",
        2,
        "def splits($re; flags): . as $s | [match($re; \"g\" + flags) | [.offset, .offset + .length]] as $ms \
         | ([0] + [$ms[] | .[1]]) as $starts | ([$ms[] | .[0]] + [$s | length]) as $ends \
         | range($starts | length) | $s[$starts[.]:$ends[.]];",
    ),
    ("strings", 0, r#"def strings: select(type == "string");"#),
    ("sub", 2, r#"def sub($re; str): sub($re; str; "");"#),
    ("test", 1, "def test($re): _match($re; null; true);"),
    ("test", 2, "def test($re; $flags): _match($re; $flags; true);"),
    ("toarray", 0, r#"def toarray: if type == "array" then . else [.] end;"#),
    ("todate", 0, r#"def todate: strftime("%Y-%m-%dT%H:%M:%SZ");"#),
    ("todateiso8601", 0, "def todateiso8601: todate;"),
    (
        "tostream",
        0,
        "def tostream: path(def r: (.[]? | r), .; r) as $p | getpath($p) \
         | reduce path(.[]?) as $q ([$p, .]; [$p + $q]);",
    ),
    (
        "truncate_stream",
        1,
        "def truncate_stream(stream): . as $n | null | stream | . as $input \
         | if (.[0] | length) > $n then setpath([0]; .[0][$n:]) else empty end;",
    ),
    ("until", 2, "def until(cond; update): def _until: if cond then . else (update | _until) end; _until;"),
    ("values", 0, "def values: select(. != null);"),
    (
        "walk",
        1,
        r#"def walk(f): def w: if type == "object" then map_values(w) elif type == "array" then map(w) else . end | f; w;"#,
    ),
    ("while", 2, "def while(cond; update): def _while: if cond then ., (update | _while) else empty end; _while;"),
    ("with_entries", 1, "def with_entries(f): to_entries | map(f) | from_entries;"),
];

/// The names, with their arities.
pub(super) fn names() -> impl Iterator<Item = (&'static str, usize)> {
    SOURCES.iter().map(|(name, arity, _)| (*name, *arity))
}

#[cfg(test)]
mod tests {
    use super::super::super::{syntax, value::Heap};
    use super::*;

    #[test]
    fn every_function_can_be_read() {
        for (name, arity, text) in SOURCES {
            assert!(text.starts_with(&format!("def {name}")), "{name}");
            let args = if *arity == 0 { String::new() } else { format!("({})", vec!["."; *arity].join(";")) };
            let program = syntax::parse(&format!("{name}{args}"), &["ENV".into()], &Heap::new(1 << 20));
            let function = &program.unwrap_or_else(|mistake| panic!("{name}: {mistake:?}")).functions[0];
            assert_eq!((function.name.as_str(), function.params.len()), (*name, *arity));
        }
    }
}

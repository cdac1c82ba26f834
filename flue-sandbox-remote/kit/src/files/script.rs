//! The scripts of file operations. `$1` is the path; each ends by `yes`, or by `nay KIND`.
//!
//! What is asked is looked at first, so that errors have kinds; what happens between the look and the deed is an `io` error
//! with the tool's own words.

/// What all of them share.
///
/// `why PATH` names what keeps a path from being there, and `why PATH w` from being made. Answers end with `NUL end`: what broke off is not an answer.
pub(super) const WHY: &str = r#"
yes() { printf '\0end'; }
nay() { printf 'no\0%s\0%s\0end' "$1" "$2"; }
why() {
    w=missing; q=$1
    while [ "$q" != / ] && [ -n "$q" ]; do
        n=${q##*/}; [ ${#n} -le 255 ] || { w=name; break; }
        q=${q%/*}; q=${q:-/}
        if [ -e "$q" ]; then
            if [ ! -d "$q" ]; then w=notdir; elif [ ! -x "$q" ] || { [ -n "$2" ] && [ ! -w "$q" ]; }; then w=denied; fi
            break
        fi
    done
    nay $w
}"#;

/// `$2` the largest size, `$3` the first byte from 1, `$4` how many: `identity NUL size NUL bytes`.
pub(super) const READ: &str = r#"
if [ -d "$1" ]; then nay isdir
elif [ ! -e "$1" ]; then why "$1"
elif [ ! -f "$1" ]; then nay special
elif ! [ -r "$1" ] || ! command exec 4<"$1"; then nay denied
elif ! s=$(stat -L -c '%s' /dev/fd/4) || ! i=$(stat -L -c '%d.%i.%Z' /dev/fd/4); then nay io
elif [ "$s" -gt "$2" ]; then nay large
else
    printf 'ok\0%s\0%s\0' "$i" "$s"
    if [ "$4" = 0 ]; then yes
    elif [ "$3" = 1 ] && [ "$4" -ge "$s" ]; then cat <&4 && yes
    else tail -c "+$3" <&4 | head -c "$4"; yes
    fi
fi"#;

/// Finds where a write goes: `t` the target behind links, `k` a name beside it that nobody has. `$2` makes the name.
const TARGET: &str = r#"
t=$1; e=; n=0
while [ -L "$t" ] && [ $n -lt 40 ]; do
    l=$(readlink "$t"; printf x); l=${l%?x}
    case $l in /*) t=$l;; *) t=${t%/*}/$l;; esac
    n=$((n+1))
done
b=${t##*/}; d=${t%/*}; d=${d:-/}
if [ -L "$t" ]; then e=io
elif [ -d "$t" ]; then e=isdir
elif [ -e "$t" ] && [ ! -f "$t" ]; then e=special
elif [ ${#b} -gt 255 ]; then e=name
elif [ ! -d "$d" ] && ! m=$(mkdir -p -- "$d" 2>&1); then e=why
fi
k=$d/.flue-$2"#;

/// Moves `$k` over `$t` with the permissions of what was there.
const MOVE: &str = r#"
    if [ -e "$t" ]; then
        [ -w "$t" ] || { rm -f -- "$k"; e=denied; }
        chmod "$(stat -c %a -- "$t")" -- "$k" 2>/dev/null
    fi
    if [ -n "$e" ]; then nay $e
    elif m=$(mv -f -- "$k" "$t" 2>&1 </dev/null); then printf 'ok\0'; yes
    else rm -f -- "$k"; nay io "$m"; fi"#;

/// Many writes by one script. `$1` makes names, `$2` is the content as base64 where it does not come from standard input; then the
/// path and the length of each. After each content comes the line `whole`; content is taken by `dd`, which takes no more than it is
/// told to. An answer for each, and NUL.
pub(super) fn write_all() -> String {
    format!(
        r#"one() {{
{TARGET}
if [ -z "$e" ] && ! true >"$k"; then e=denied; fi
o=/dev/null; [ -n "$e" ] || o=$k
m=; r=0
[ "$3" = 0 ] || m=$(dd bs="$3" count=1 iflag=fullblock 2>&1 >"$o") || r=1
read -r z && [ "$z" = whole ] || r=1
if [ "$e" = why ]; then why "$t" w
elif [ -n "$e" ]; then nay $e
elif [ $r = 1 ]; then rm -f -- "$k"; nay short "$m"
else {MOVE}
fi
printf '\0'
}}
all() {{
    x=$1; y=0; shift 2
    while [ $# -gt 0 ]; do one "$1" "$x.$y" "$2"; y=$((y+1)); shift 2; done
}}
if [ -n "$2" ]; then printf %s "$2" | base64 -d | all "$@"; else all "$@"; fi"#
    )
}

/// A whole write from standard input. `$2` makes a name, `$3` is the length.
pub(super) fn write() -> String {
    format!(
        r#"{TARGET}
if [ "$e" = why ]; then why "$t" w
elif [ -n "$e" ]; then nay $e
elif ! true >"$k"; then nay denied
elif ! m=$(cat 2>&1 >"$k") || [ "$(stat -c %s -- "$k")" != "$3" ]; then rm -f -- "$k"; nay short "$m"
else {MOVE}
fi"#
    )
}

/// The first part of a write in pieces: `target NUL temporary`, the latter an empty file. `$2` makes a name.
pub(super) fn place() -> String {
    format!(
        r#"{TARGET}
if [ "$e" = why ]; then why "$t" w
elif [ -n "$e" ]; then nay $e
elif ! true >"$k"; then nay denied
else printf 'ok\0%s\0%s' "$t" "$k"; yes; fi"#
    )
}

/// The last part: `$2` the target, `$3` the temporary file, `$4` the length.
pub(super) fn commit() -> String {
    format!(
        r#"t=$2; k=$3; e=
if [ "$(stat -c %s -- "$k")" != "$4" ]; then rm -f -- "$k"; nay short
else {MOVE}
fi"#
    )
}

/// Removes the temporary file `$3`.
pub(super) const DISCARD: &str = r#"rm -f -- "$3"; printf 'ok\0'; yes"#;

/// `is-link mode size modified`.
pub(super) const METADATA: &str = r#"
if [ ! -e "$1" ]; then why "$1"
elif m=$(stat -L -c '%f %s %Y' -- "$1" 2>&1); then
    if [ -L "$1" ]; then l=1; else l=0; fi
    printf 'ok\0%s %s' $l "$m"; yes
else nay io "$m"; fi"#;

/// `kind name NUL` for each entry.
pub(super) const LIST: &str = r#"
if [ ! -e "$1" ]; then why "$1"
elif [ ! -d "$1" ]; then nay notdir
elif [ ! -r "$1" ] || ! cd -- "$1"; then nay denied
else
    printf 'ok\0'
    for f in * .*; do
        case $f in .|..) continue;; esac
        if [ -L "./$f" ]; then k=l
        elif [ -d "./$f" ]; then k=d
        elif [ -f "./$f" ]; then k=f
        elif [ -e "./$f" ]; then k=o
        else continue; fi
        printf '%s%s\0' $k "$f"
    done
    yes
fi"#;

/// All directories and then all files below a directory: `dir NUL … NUL NUL file NUL … /`, relative to it. `$2` the most bytes,
/// after which it breaks off, `$3` the greatest depth.
pub(super) const TREE: &str = r#"
if [ ! -r "$1" ] || [ ! -d "$1" ] || ! cd -- "$1"; then nay io
else
    printf 'ok\0'
    { find . -maxdepth "$3" -type d -print0; printf '\0'; find . -maxdepth "$3" -type f -print0; printf /; } | head -c "$2"
    yes
fi"#;

/// Files, `$4…`: `- NUL` for what is none or cannot be read, `> size NUL` for what is larger than `$3`, else
/// `= size NUL bytes NUL .`. Breaks off once there would be more than `$2` bytes.
pub(super) const BATCH: &str = r#"
l=$2; m=$3; shift 3
printf 'ok\0'
for f; do
    if [ -L "$f" ] || [ ! -f "$f" ] || [ ! -r "$f" ] || ! s=$(stat -c %s -- "$f"); then printf -- '-\0'
    elif [ "$s" -gt "$m" ]; then printf '>%s\0' "$s"
    elif [ "$s" -gt "$l" ]; then break
    else l=$((l-s)); printf '=%s\0' "$s"; head -c "$s" <"$f"; printf '\0.'; fi
done
yes"#;

/// `$2` whether recursive.
pub(super) const CREATE_DIR: &str = r#"
p=${1%/*}; p=${p:-/}; b=${1##*/}
if [ -d "$1" ] && [ "$2" = 1 ]; then printf 'ok\0'; yes
elif [ -e "$1" ] || [ -L "$1" ]; then nay exists
elif [ ${#b} -gt 255 ]; then nay name
elif [ "$2" = 1 ]; then
    if m=$(mkdir -p -- "$1" 2>&1); then printf 'ok\0'; yes; else
        q=$1; while [ ! -e "$q" ]; do q=${q%/*}; q=${q:-/}; done
        if [ ! -d "$q" ]; then nay notdir; elif [ ! -w "$q" ]; then nay denied; else nay io "$m"; fi
    fi
elif [ ! -d "$p" ]; then why "$1"
elif m=$(mkdir -- "$1" 2>&1); then printf 'ok\0'; yes
elif [ ! -w "$p" ]; then nay denied
elif [ -e "$1" ]; then nay exists
else nay io "$m"; fi"#;

/// `$2` whether recursive, `$3` whether what is missing is fine.
pub(super) const REMOVE: &str = r#"
if [ ! -e "$1" ] && [ ! -L "$1" ]; then
    if [ "$3" = 1 ]; then printf 'ok\0'; yes; else why "$1"; fi
elif [ -d "$1" ] && [ ! -L "$1" ]; then
    if [ "$2" = 1 ]; then
        if m=$(rm -rf -- "$1" 2>&1); then printf 'ok\0'; yes; else nay io "$m"; fi
    elif m=$(rmdir -- "$1" 2>&1); then printf 'ok\0'; yes
    elif [ -n "$(find "$1" -prune ! -empty 2>/dev/null)" ]; then nay full
    elif [ ! -w "${1%/*}/" ]; then nay denied
    else nay io "$m"; fi
elif m=$(rm -f -- "$1" 2>&1); then printf 'ok\0'; yes
elif [ ! -w "${1%/*}/" ]; then nay denied
else nay io "$m"; fi"#;

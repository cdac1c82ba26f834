//! Names and bytes that some transports change.

use bytes::Bytes;
use flue_core::search::{GlobQuery, GrepQuery};
use flue_core::{ExecRequest, Remove, Sandbox};

/// What is special to URLs, shells, lines and encodings.
const NAMES: &[&str] = &[
    "# ? %41 & ; + =",
    "%",
    "a\nb",
    "🦀 é",
    "-rf",
    "$(id)'\"`",
    " ",
    "back\\slash",
    "tab\t*[x]{y}",
    "...",
    "name.tar\r",
];
/// NUL, what is not UTF-8, latin-1, both line ends, and no line end last.
const DATA: &[u8] = b"\0\xff\xfe caf\xe9\r\n\n\0";

/// Files of any name take any bytes, and are listed and found by it.
pub async fn names(sandbox: &dyn Sandbox) {
    let dir = sandbox.info().cwd.join("odd").unwrap();
    for name in NAMES {
        let file = dir.join(name).unwrap();
        sandbox.fs().write(&file, Bytes::from_static(DATA)).await.unwrap();
        assert_eq!(sandbox.fs().read(&file).await.unwrap(), DATA, "{name:?}");
        let metadata = sandbox.fs().metadata(&file).await.unwrap();
        assert_eq!(metadata.len, Some(DATA.len() as u64), "{name:?}");
    }
    let mut expected: Vec<&str> = NAMES.to_vec();
    expected.sort_unstable();
    let listed = sandbox.fs().list(&dir).await.unwrap();
    assert_eq!(listed.iter().map(|entry| &*entry.name).collect::<Vec<_>>(), expected);
    let found = sandbox.glob(GlobQuery::new("*", dir.clone(), NAMES.len())).await.unwrap();
    assert_eq!(found.paths.iter().map(|path| path.file_name().unwrap()).collect::<Vec<_>>(), expected);
    for name in NAMES {
        let file = dir.join(name).unwrap();
        sandbox.fs().write(&file, Bytes::from_static(b"a needle\n")).await.unwrap();
    }
    let found = sandbox.grep(GrepQuery::new("needle$", dir.clone(), NAMES.len())).await.unwrap();
    assert_eq!(found.matches.iter().map(|hit| hit.path.file_name().unwrap()).collect::<Vec<_>>(), expected);
    sandbox.fs().remove(&dir, Remove::recursive()).await.unwrap();
}

/// Commands take any bytes and give them, on both streams.
pub async fn bytes(sandbox: &dyn Sandbox) {
    let command = "cat >&2; printf '\\000\\377\\n'";
    let output = sandbox.exec(ExecRequest::new("cat").with_stdin(Bytes::from_static(DATA))).await.unwrap();
    assert_eq!((&*output.stdout, output.stderr.len()), (DATA, 0));
    let output = sandbox.exec(ExecRequest::new(command).with_stdin(Bytes::from_static(DATA))).await.unwrap();
    assert_eq!((&*output.stdout, &*output.stderr), (&b"\0\xff\n"[..], DATA));
}

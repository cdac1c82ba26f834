//! Searches: in few scripts, and as if files had been asked for one by one.

use std::sync::atomic::Ordering;

use flue_core::search::{self, GlobQuery, GrepQuery};
use flue_core::{ErrorKind, ExecRequest, OpenRequest, Sandbox};
use flue_sandbox_remote_kit::Remote;

use crate::shell::{Kind, Shells};

/// A tree with all that a search may meet.
const TREE: &str = r#"
mkdir -p deep/er 'odd
name' empty
i=0; while [ $i -lt 300 ]; do echo "needle $i" >deep/f$i.txt; i=$((i+1)); done
echo needle >'odd
name/# ?.txt'; echo needle >.hidden; : >none
ln -s deep link; ln -s deep/f1.txt linked; ln -s nothing dangling; mkfifo pipe
printf 'needle\000' >binary
head -c 700000 /dev/zero | tr '\0' x >large; echo ' needle' >>large
n=1; d=nest; while [ $n -lt 140 ]; do d=$d/d; n=$((n+1)); done; mkdir -p $d; echo needle >$d/bottom
"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_found_is_what_one_by_one_would_find_and_takes_few_scripts() {
    for kind in [Kind::Exact, Kind::Text] {
        let shells = Shells::new(kind);
        let sandbox = Remote::new(shells.clone()).create(OpenRequest::new("search")).await.unwrap();
        assert_eq!(sandbox.exec(ExecRequest::new(TREE)).await.unwrap().exit_code(), 0);
        // The same files, where asking for each is fast.
        let fast = Shells { kind: Kind::Fed, ..shells.clone() };
        let fast = Remote::new(fast).create(OpenRequest::new("search")).await.unwrap();
        let cwd = sandbox.info().cwd.clone();
        let sent = || shells.faults.sent.swap(0, Ordering::SeqCst);
        sent();
        for pattern in ["*", "**/*.txt", "deep/er/*", "*.none"] {
            let query = GlobQuery::new(pattern, cwd.clone(), 400);
            let found = sandbox.glob(query.clone()).await.unwrap();
            assert_eq!(sent(), 1, "{kind:?} {pattern}");
            assert_eq!(found, search::glob(fast.fs(), &query).await.unwrap(), "{kind:?} {pattern}");
            sent();
        }
        for (pattern, include, most) in [("needle", None, 9), ("^needle 2.$", Some("*.txt"), 4), ("x+ needle", None, 9)]
        {
            let query = GrepQuery::new(pattern, cwd.clone(), 400).with_include(include.map(str::to_owned));
            let found = sandbox.grep(query.clone()).await.unwrap();
            let took = sent();
            assert!(took <= most, "{kind:?} {pattern}: {took} scripts");
            assert!(found.total > 0, "{kind:?} {pattern}");
            assert_eq!(found, search::grep(fast.fs(), &query).await.unwrap(), "{kind:?} {pattern}");
            sent();
        }
        // Failures are those of the search that asks for each.
        for path in ["nothing", "none", "pipe", "dangling", "deep/f1.txt", "link"] {
            let query = GrepQuery::new("needle 1$", cwd.join(path).unwrap(), 4);
            let (found, one) = (sandbox.grep(query.clone()).await, search::grep(fast.fs(), &query).await);
            assert_eq!(found.map_err(|error| error.kind()), one.map_err(|error| error.kind()), "{kind:?} {path}");
        }
        let error = sandbox.grep(GrepQuery::new("x", cwd.clone(), 4).with_include(Some("[".into()))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}

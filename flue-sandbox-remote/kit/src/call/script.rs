//! The shell text around commands and file operations. POSIX `sh`, `dd` and, for a transport that is not exact, `base64`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use flue_core::{Error, ErrorKind, Result, SandboxPath};

use crate::quote::quote;

/// The file in a workspace's directory that says which one it is.
pub(crate) const GENERATION_FILE: &str = ".flue-generation";
/// The variable that marks every process of a command.
pub(crate) const MARK: &str = "FLUE_EXEC_ID";

/// The frame of one call, and the workspace that it must find.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) nonce: String,
    pub(crate) root: SandboxPath,
    pub(crate) generation: Option<String>,
}

impl Frame {
    /// What each line of the frame begins with.
    pub(crate) fn marker(&self) -> String {
        format!("flue:{}:", self.nonce)
    }

    /// Defines `no REASON`, and refuses a workspace that is another one. `both` says that standard error is framed too.
    fn opening(&self, both: bool) -> String {
        let say = format!("printf '{}no %s\\n' \"$1\"", self.marker());
        let again = if both { format!("{say} >&3; ") } else { String::new() };
        let mut text = format!("exec 3>&2 2>/dev/null\nno() {{ {say}; {again}exit 96; }}\n");
        if let Some(generation) = &self.generation {
            let file = quote(&format!("{}/{GENERATION_FILE}", self.root));
            let _ = write!(
                text,
                "g=; {{ read -r g <{file}; }} 2>/dev/null\n[ \"$g\" = {} ] || no state\n",
                quote(generation)
            );
        }
        text
    }

    /// A file operation: `body` with `args` as `$1…`. Its output must say by itself whether it is whole.
    pub(crate) fn operation(&self, body: &str, args: &[&str], exact: bool) -> String {
        let args: Vec<String> = args.iter().map(|arg| quote(arg)).collect();
        let (args, marker) = (args.join(" "), self.marker());
        let encode = if exact { "" } else { " | base64" };
        format!(
            "{}set -- {args}\nprintf '{marker}ok\\n'\n{{ {body}\n}} 2>&3{encode}\nprintf '{marker}end 0\\n'\n",
            self.opening(false)
        )
    }

    /// A command whose prelude of `prelude` bytes comes first on standard input, in `cwd`, marked with `id`.
    ///
    /// The shell around it is not marked: so it outlives the command's killing, and says how it ended.
    pub(crate) fn command(&self, cwd: &SandboxPath, id: &str, prelude: usize, input: Input<'_>) -> String {
        let (marker, dir) = (self.marker(), quote(cwd.as_str()));
        let mut text = self.opening(input.exact);
        let _ = write!(
            text,
            "cd -- {dir} || {{ if [ -d {dir} ]; then no denied; elif [ -e {dir} ]; then no file; else no cwd; fi; }}\n\
             if command -v bash >/dev/null; then S=\"bash --norc\"; else S=sh; fi\n"
        );
        let staged = input.staged.map(|name| format!("\"${{TMPDIR:-/tmp}}\"/{}", quote(name)));
        let from = staged.as_ref().map(|file| format!(" <{file}")).unwrap_or_default();
        // Bash reads ~/.bashrc for a command too when it finds itself run over the network.
        // The command's shell takes its streams by itself: the one around it would say there that a signal killed it.
        let streams = if input.exact { "exec 2>&3 3>&-" } else { "exec >\"$1\" 2>\"$2\" 3>&-; shift 2" };
        let run = format!(
            "{MARK}={id} $S -c '{streams}; eval \"$(dd bs={prelude} count=1 iflag=fullblock 2>/dev/null)\"' ${{S%% *}}"
        );
        let gone = staged.map(|file| format!("rm -f {file}\n")).unwrap_or_default();
        if input.exact {
            let _ = write!(
                text,
                "printf '{marker}ok\\n'; printf '{marker}ok\\n' >&3\n{run}{from}\nc=$?\n{gone}\
                 printf '{marker}end %d\\n' $c; printf '{marker}end %d\\n' $c >&3\n"
            );
        } else {
            let (cap, half) = (input.cap, input.cap / 2);
            let _ = write!(
                text,
                "t=${{TMPDIR:-/tmp}}/.flue-{nonce}; u=$(umask); umask 077; true >$t.o && true >$t.e || no temporary\n\
                 printf '{marker}ok\\n'\n(umask $u; {run} $t.o $t.e{from})\nc=$?\n{gone}\
                 out() {{ n=$(wc -c <$1); echo $n; if [ $n -le {cap} ]; then cat $1; \
                 else head -c {half} $1; tail -c {half} $1; fi | base64; echo .; }}\n\
                 out $t.o; out $t.e; rm -f $t.o $t.e\nprintf '{marker}end %d\\n' $c\n",
                nonce = self.nonce
            );
        }
        text
    }
}

/// How a command's input comes and its output goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'a> {
    /// The transport keeps both streams as they are.
    pub(crate) exact: bool,
    /// The temporary file that the input was staged in, by its name, where there is no standard input.
    pub(crate) staged: Option<&'a str>,
    /// How many bytes of a stream are sent where they are framed.
    pub(crate) cap: usize,
}

/// What a command's shell reads first: its environment, and itself. It comes by standard input, so that neither is seen among
/// the arguments of a process, and neither has the length of an argument as its bound.
pub(crate) fn prelude(command: &str, env: &BTreeMap<String, String>, stdin: bool) -> Result<String> {
    let refused = |why: &'static str| Err(Error::new(ErrorKind::InvalidInput, "exec", why));
    if command.contains('\0') {
        return refused("a command cannot contain a NUL byte");
    }
    let mut text = String::new();
    for (key, value) in env {
        if key.is_empty() || key.contains(['=', '\0']) || value.contains('\0') {
            return refused("a variable has a name or value that no environment can hold");
        }
        let plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !plain || key.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(Error::unsupported("exec", "a shell cannot set a variable of this name").with("name", key));
        }
        let _ = writeln!(text, "export {key}={}", quote(value));
    }
    if !stdin {
        text.push_str("exec </dev/null\n");
    }
    // The blank keeps a command that begins with `-` from being an option.
    let _ = writeln!(text, "eval {}", quote(&format!(" {command}")));
    Ok(text)
}

/// Ends every process that carries a mark, `$1`: asks first, then kills until none is left. Says `clean`, `left`, or `blind`
/// where processes cannot be looked at.
pub(crate) const REAPER: &str = r#"
marked() { grep -lszxF "FLUE_EXEC_ID=$1" /proc/[0-9]*/environ 2>/dev/null; }
strike() { for f in $(marked "$2"); do p=${f#/proc/}; kill -s "$1" "${p%/environ}" 2>/dev/null && h=1; done; }
if grep -qsz . /proc/self/environ; then
    h=0; strike TERM "$1"
    [ $h = 0 ] || sleep 0.2 2>/dev/null || sleep 1
    n=0
    while [ $n -lt 20 ]; do h=0; strike KILL "$1"; [ $h = 0 ] && break; n=$((n+1)); done
    if [ -z "$(marked "$1")" ]; then printf clean; else printf left; fi
else
    printf blind
fi"#;

//! `tests/sdk/profiles.py`: what AWS's own library finds in the same files.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use flue_core::model::{Message, ModelRequest};
use flue_core::{Error, Result};
use flue_core_testkit::Scratch;
use flue_models_bedrock::Bedrock;
use serde_json::Value;

/// The library, of the version that was read.
const LIBRARY: &str = "botocore==1.44.8";
/// What it says of a request that it would send so itself.
const SAME: &str = "signed as botocore signs";

/// Two files of profiles, and variables beside those that name them.
#[derive(Debug, Default, Clone)]
pub(crate) struct Case {
    pub(crate) credentials: String,
    pub(crate) config: String,
    pub(crate) env: Vec<(&'static str, &'static str)>,
}

impl Case {
    /// Writes the files, and gives what `AWS_…` variables say.
    pub(crate) fn write(&self, place: &Path) -> impl Fn(&str) -> Option<String> {
        std::fs::create_dir_all(place).unwrap();
        let env: serde_json::Map<String, Value> =
            self.env.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        std::fs::write(place.join("env.json"), Value::from(env.clone()).to_string()).unwrap();
        for (name, text) in [("credentials", &self.credentials), ("config", &self.config)] {
            // None is another case than an empty one.
            if !text.is_empty() {
                std::fs::write(place.join(name), text).unwrap();
            }
        }
        let file = {
            let place = place.to_owned();
            move |name: &str| Some(place.join(name).display().to_string())
        };
        move |name| match name {
            "AWS_SHARED_CREDENTIALS_FILE" => file("credentials"),
            "AWS_CONFIG_FILE" => file("config"),
            name => env.get(name).and_then(Value::as_str).map(str::to_owned),
        }
    }
}

/// The library as a server.
pub(crate) struct Botocore {
    process: Child,
    url: String,
    files: Scratch,
    cases: usize,
}

impl Botocore {
    /// `None` where the library cannot be had.
    pub(crate) fn start(test: &str) -> Option<Self> {
        let python = flue_core_testkit::python(test, "botocore", &[LIBRARY])?;
        let files = Scratch::new("profiles");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk/profiles.py");
        let mut command = Command::new(python);
        command.arg(script).arg(files.path()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut url = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Some(Self { process, url: url.trim().to_owned(), files, cases: 0 })
    }

    /// The error of a case that both refuse; `None` for one that both take, after a request was signed the same.
    pub(crate) async fn agrees(&mut self, case: &Case) -> Option<Error> {
        self.cases += 1;
        let name = self.cases.to_string();
        let place = self.files.path().join(&name);
        let opened = Bedrock::with_env(&case.write(&place));
        match opened {
            Ok(bedrock) => {
                let said = ask(&bedrock.base_url(format!("{}/{name}", self.url))).await.unwrap_err();
                if said.message() == "its value has characters that HTTP does not allow" {
                    let theirs = self.get(&name).to_string();
                    assert!(theirs.contains("\\n"), "{theirs} can be sent: {case:#?}");
                    return Some(said);
                }
                assert_eq!(said.message(), SAME, "{case:#?}");
                None
            }
            Err(error) => {
                let theirs = self.get(&name);
                assert!(theirs["error"].is_string(), "{error:#}, but botocore finds {theirs} in {case:#?}");
                Some(error)
            }
        }
    }

    fn get(&self, case: &str) -> Value {
        let mut socket = TcpStream::connect(self.url.trim_start_matches("http://")).unwrap();
        write!(socket, "GET /{case} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }
}

impl Drop for Botocore {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Asks a model, of which only the failure is of interest.
pub(crate) async fn ask(bedrock: &Bedrock) -> Result<()> {
    let model = bedrock.model("anthropic.claude-sonnet-4-6:0").unwrap();
    model.stream(ModelRequest::new(vec![Message::user("hi")])).await.map(|_| ())
}

//! Access tokens against Google's own Python library, and credentials files that cannot be used.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use flue_core::model::{Message, Model, ModelEvent, ModelRequest};
use flue_core::{ErrorKind, Result, Retry};
use flue_core_testkit::Scratch;
use flue_models_google::{Credentials, Vertex};
use serde_json::{Value, json};

/// The libraries that check, of the versions that were read.
const LIBRARIES: [&str; 3] = ["google-auth==2.63.0", "pyjwt==2.15.1", "cryptography==50.0.2"];

/// The token endpoint and the model of `tests/sdk/vertex.py`.
struct Google {
    process: Child,
    url: String,
    files: Scratch,
}

impl Google {
    /// `None` where the libraries cannot be had.
    fn start(test: &str, arguments: &[&str]) -> Option<Self> {
        let python = flue_core_testkit::python(test, "google-auth", &LIBRARIES)?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk/vertex.py");
        let files = Scratch::new("google");
        let mut command = Command::new(python);
        command.arg(script).arg(files.path()).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut url = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Some(Self { process, url: url.trim().to_owned(), files })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// By the variables of the environment.
    fn vertex(&self) -> Vertex {
        let path = self.file("service.json").display().to_string();
        let env = |name: &str| match name {
            "GOOGLE_APPLICATION_CREDENTIALS" => Some(path.clone()),
            "GOOGLE_CLOUD_PROJECT" => Some("p".to_owned()),
            "GOOGLE_CLOUD_LOCATION" => Some("europe-west4".to_owned()),
            "GOOGLE_VERTEX_BASE_URL" => Some(self.url.clone()),
            _ => None,
        };
        Vertex::with_env(&env).unwrap()
    }

    /// What was asked.
    fn log(&self) -> Value {
        let mut socket = TcpStream::connect(self.url.trim_start_matches("http://")).unwrap();
        socket.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }
}

impl Drop for Google {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn ask(model: &dyn Model) -> Result<String> {
    let mut stream = model.stream(ModelRequest::new(vec![Message::user("hi")])).await?;
    let mut text = String::new();
    while let Some(event) = std::future::poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
        if let ModelEvent::TextDelta(delta) = event? {
            text.push_str(&delta);
        }
    }
    Ok(text)
}

#[tokio::test]
async fn a_service_account_asks_as_the_official_library_does() {
    let test = "vertex::a_service_account_asks_as_the_official_library_does";
    let Some(google) = Google::start(test, &["3600"]) else { return };
    let vertex = google.vertex();
    let (one, two) = (vertex.model("gemini-2.5-pro").unwrap(), vertex.model("gemini-2.5-flash").unwrap());
    let (a, b, c) = tokio::join!(ask(&*one), ask(&*two), ask(&*one));
    assert_eq!([a.unwrap(), b.unwrap(), c.unwrap()], ["Hello.", "Hello.", "Hello."]);
    let log = google.log();
    assert_eq!((&log["tokens"], log["asked"].as_array().unwrap().len()), (&json!(1), 3), "{log}");
    let path = log["asked"][0][0].as_str().unwrap();
    assert!(path.starts_with("/v1/projects/p/locations/europe-west4/publishers/google/models/gemini-2.5-"), "{path}");
    let shown = format!("{vertex:?} {one:?}");
    assert!(shown.contains("flue@p.iam.gserviceaccount.com") && !shown.contains("planted"), "{shown}");
    assert!(!shown.contains("PRIVATE"), "{shown}");
}

#[tokio::test]
async fn a_user_asks_as_the_official_library_does() {
    let test = "vertex::a_user_asks_as_the_official_library_does";
    let Some(google) = Google::start(test, &["3600"]) else { return };
    let user = Credentials::from_file(google.file("user.json")).unwrap().token_url(format!("{}/token", google.url));
    let vertex = Vertex::credentials("p", "global", user).base_url(&google.url);
    assert_eq!(ask(&*vertex.model("gemini-2.5-pro").unwrap()).await.unwrap(), "Hello.");
    assert_eq!(google.log()["asked"][0][1], "quota-1");
    let own = vertex.header("x-goog-user-project", "mine");
    assert_eq!(ask(&*own.model("gemini-2.5-pro").unwrap()).await.unwrap(), "Hello.");
    assert_eq!(google.log()["asked"][1][1], "mine");
    assert!(!format!("{own:?}").contains("planted"), "{own:?}");
}

#[tokio::test]
async fn a_token_that_is_about_to_end_is_renewed() {
    let Some(google) = Google::start("vertex::a_token_that_is_about_to_end_is_renewed", &["240"]) else { return };
    let model = google.vertex().model("gemini-2.5-pro").unwrap();
    for tokens in 1..3 {
        assert_eq!(ask(&*model).await.unwrap(), "Hello.");
        assert_eq!(google.log()["tokens"], tokens);
    }
}

#[tokio::test]
async fn a_key_that_is_not_accepted_names_the_file_and_shows_nothing() {
    let test = "vertex::a_key_that_is_not_accepted_names_the_file_and_shows_nothing";
    let Some(google) = Google::start(test, &["3600", "other"]) else { return };
    let error = ask(&*google.vertex().model("gemini-2.5-pro").unwrap()).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Authentication, Retry::Never));
    let text = format!("{error:?} {error:#}");
    // The library's own words for a signature that is another's.
    assert!(error.message().contains("invalid_grant: Could not verify token signature."), "{text}");
    assert_eq!(error.fact("file"), Some(&*google.file("service.json").display().to_string()));
    assert_eq!(error.fact("key_from"), Some("GOOGLE_APPLICATION_CREDENTIALS"));
    assert!(error.fact("hint").unwrap().contains("clock"), "{text}");
    assert!(text.contains("assertion=***") && !text.contains("eyJ"), "{text}");
    let user = std::fs::read_to_string(google.file("user.json")).unwrap().replace("1.apps", "2.apps");
    let user = Credentials::from_json(&user).unwrap().token_url(format!("{}/token", google.url));
    let vertex = Vertex::credentials("p", "global", user).base_url(&google.url);
    let error = ask(&*vertex.model("gemini-2.5-pro").unwrap()).await.unwrap_err();
    let text = format!("{error:?} {error:#}");
    assert!(error.fact("hint").unwrap().contains("gcloud auth application-default login"), "{text}");
    assert!(error.message().contains("refresh_token=***") && !text.contains("planted"), "{text}");
}

#[test]
fn a_file_that_cannot_be_used_is_named() {
    let files = Scratch::new("google-files");
    let open = |path: &Path| {
        let path = path.display().to_string();
        let env = move |name: &str| match name {
            "GOOGLE_APPLICATION_CREDENTIALS" => Some(path.clone()),
            "GOOGLE_CLOUD_PROJECT" => Some("p".to_owned()),
            _ => None,
        };
        Vertex::with_env(&env).unwrap_err()
    };
    let missing = files.path().join("missing.json");
    let error = open(&missing);
    assert_eq!((error.kind(), error.fact("file")), (ErrorKind::Config, Some(&*missing.display().to_string())));
    assert_eq!(error.fact("named_by"), Some("GOOGLE_APPLICATION_CREDENTIALS"));
    let empty = files.path().join("empty.json");
    std::fs::write(&empty, "{}").unwrap();
    let error = open(&empty);
    assert!(error.message().contains("its type is not said"), "{error}");
    assert_eq!(error.fact("file"), Some(&*empty.display().to_string()));
    assert_eq!(open(files.path()).kind(), ErrorKind::Io);
    assert!(Credentials::from_json("{}").unwrap_err().fact("file").is_none());
}

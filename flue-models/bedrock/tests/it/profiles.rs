//! Profiles: the same keys and region as AWS's own library finds, and what is said where there are none.

use flue_core::ErrorKind;
use flue_core_testkit::Scratch;
use flue_models_bedrock::{Bedrock, ProfileFiles};

use crate::botocore::{Botocore, Case};

const KEYS: &str = "aws_access_key_id = AKID\naws_secret_access_key = se/cr+et=\n";
const PRINTED: &str = r#"{"Version": 1, "AccessKeyId": "ASIA", "SecretAccessKey": "s", "SessionToken": "t"}"#;

fn case(credentials: &str, config: &str, env: &[(&'static str, &'static str)]) -> Case {
    Case { credentials: credentials.to_owned(), config: config.to_owned(), env: env.to_vec() }
}

/// A profile whose keys a program prints.
fn printing(command: &str) -> String {
    format!("[default]\nregion = eu-north-1\ncredential_process = {command}\n")
}

#[tokio::test]
async fn the_same_files_give_the_keys_and_region_that_botocore_finds() {
    let test = "profiles::the_same_files_give_the_keys_and_region_that_botocore_finds";
    let Some(mut botocore) = Botocore::start(test) else { return };
    let default = format!("[default]\n{KEYS}");
    let named = ("AWS_PROFILE", "two words");
    let x = ("AWS_PROFILE", "x");
    let printed = printing(&format!("echo '{PRINTED}'"));
    let renewed =
        printing(&format!("echo '{}'", PRINTED.replace('}', r#","Expiration":"2999-01-01T00:00:00+01:00"}"#)));
    let quoted = printing(&format!(r#"sh -c "echo \"$0\"" '{PRINTED}'"#));
    let cases = [
        case(&default, "", &[]),
        case(&default, "[default]\nregion = eu-west-1\n", &[]),
        case(&default, "[default]\nregion = eu-west-1\n", &[("AWS_DEFAULT_REGION", "ap-south-1")]),
        case(&default, "[default]\nregion =\n", &[]),
        case(&format!("{default}region = us-west-2\n"), "[default]\nregion = eu-west-1\n", &[]),
        // Comments, other delimiters, letters and spaces.
        case(
            "# keys\n; of mine\n\n[default] # the main one\n  # here\nAWS_ACCESS_KEY_ID: AKID\n\
             aws_secret_access_key=a:b=c;d#e\n\n",
            "[default]\nregion = eu-west-1 # not a comment\n",
            &[],
        ),
        // Settings within a setting, and what looks like one.
        case(
            &default,
            "[default]\ns3 =\n  region = nope\n  # comment\n\n  aws_access_key_id = NO\noutput = json\nregion = sa-east-1\n",
            &[],
        ),
        case("[default]\n  aws_access_key_id = A\n  aws_secret_access_key = B\n    more\n", "", &[]),
        // Ends of lines of other systems.
        case(&default.replace('\n', "\r\n"), "[default]\r\nregion = eu-west-1\r\n\r\n", &[]),
        case(&default.replace('\n', "\r"), "", &[]),
        // Names.
        case(&format!("[two words]\n{KEYS}"), "[profile \"two words\"]\nregion = eu-west-3\n", &[named]),
        case(&format!("[x]\n{KEYS}"), "", &[("AWS_DEFAULT_PROFILE", "x")]),
        case(&format!("[x]\n{KEYS}"), "", &[("AWS_PROFILE", "y"), ("AWS_DEFAULT_PROFILE", "x")]),
        case(&format!("[x]\n{KEYS}"), "[profile 'x']\nregion=eu-west-3\n[x]\nregion = nope\n", &[x]),
        case(&format!("[x]\n{KEYS}"), "[profiles x]\nregion = eu-west-3\n[profile x y]\nregion = nope\n", &[x]),
        case(&default, "[profile default]\nregion = first\n[default]\nregion = second\n", &[]),
        case(&default, "[default]\nregion = first\n[profile default]\nregion = second\n", &[]),
        case(&format!("[DEFAULT]\nregion = eu-south-1\n{default}"), "", &[]),
        // Where keys come from, in which order.
        case("", &format!("[default]\n{KEYS}region = eu-west-1\n"), &[]),
        case(&default, &format!("[default]\n{}", KEYS.replace("AKID", "OTHER")), &[]),
        case(&default, &printed, &[]),
        case("", &format!("{printed}{KEYS}"), &[]),
        case("", &renewed, &[]),
        case("", &quoted, &[]),
        case(&printed, "", &[]),
        case(&format!("{default}aws_session_token = token/+=\n"), "", &[]),
        case(&format!("{default}aws_session_token = one\naws_security_token = two\n"), "", &[]),
        case(
            &default,
            "[profile x]\nregion = eu-west-1\n",
            &[("AWS_ACCESS_KEY_ID", "ENV"), ("AWS_SECRET_ACCESS_KEY", "e"), ("AWS_SESSION_TOKEN", "t"), x],
        ),
    ];
    for case in &cases {
        let refused = botocore.agrees(case).await;
        assert!(refused.is_none(), "{refused:?} {case:#?}");
    }
}

#[tokio::test]
async fn what_botocore_refuses_is_refused_and_says_why() {
    let test = "profiles::what_botocore_refuses_is_refused_and_says_why";
    let Some(mut botocore) = Botocore::start(test) else { return };
    let default = format!("[default]\n{KEYS}");
    let x = ("AWS_PROFILE", "x");
    for (case, why) in [
        (case("", "", &[]), "there are no credentials for Bedrock: set AWS_BEARER_TOKEN_BEDROCK, or"),
        (case("", "[default]\nregion = eu-west-1\n", &[]), "neither keys nor a credential_process"),
        (case("", "[default]\nsso_session = s\n", &[]), "neither keys nor a credential_process"),
        (case(&default, "", &[x]), "AWS_PROFILE names a profile that neither file has; `aws configure list-profiles`"),
        (case("", "[x]\nregion = a\n[profile x y]\nregion = b\n[profile 'x]\n", &[x]), "that neither file has"),
        (case("[default]\naws_access_key_id = A\n", "", &[]), "no aws_secret_access_key beside it"),
        (case("", "", &[("AWS_ACCESS_KEY_ID", "A")]), "AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not"),
        (case(&format!("{default}{default}"), "", &[]), "line 4: this section is there already"),
        (case(&format!("{default}AWS_access_key_id = B\n"), "", &[]), "line 4: this name is there already"),
        (case(&format!("\u{feff}{default}"), "", &[]), "line 1: it stands before the first [section]"),
        (case("planted\n", "", &[]), "line 1: it stands before the first [section]"),
        (case("[default]\nplanted\n", "", &[]), "line 2: it is no `name = value`"),
        (case("[default]\n= planted\n", "", &[]), "line 2: it has no name"),
        (case("[]\na = planted\n", "", &[]), "line 1: it stands before the first [section]"),
        (case(&default, "[default]\ns3 =\n  a = b\n  planted\n", &[]), "not every line within `s3` is `name = value`"),
        (case("", &printing("sh -c 'planted"), &[]), "a quote is not closed"),
    ] {
        let error = botocore.agrees(&case).await.unwrap_or_else(|| panic!("{case:#?} is taken"));
        let text = format!("{error:?} {error:#}");
        assert!(text.contains(why) && !text.contains("planted"), "{text}");
        assert_eq!(error.kind(), ErrorKind::Config, "{text}");
    }
}

/// Files of random lines, from one seed, of which each is taken by both or by none.
#[tokio::test]
async fn any_file_means_the_same_to_botocore() {
    const LINES: [&str; 22] = [
        "[default]",
        "[default]",
        "[x]",
        "[profile default]",
        "[profile x]",
        "[DEFAULT]",
        " [default]",
        "[default",
        "",
        "aws_access_key_id = A",
        "aws_access_key_id=B",
        "  aws_access_key_id : C",
        "aws_secret_access_key = s",
        "aws_secret_access_key: =t",
        "\taws_secret_access_key = u",
        "region = r",
        "Region = q",
        "  region = p",
        "s3 =",
        "  # comment",
        "; comment",
        "aws_session_token = t",
    ];
    let Some(mut botocore) = Botocore::start("profiles::any_file_means_the_same_to_botocore") else { return };
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    let mut text = |from: &[&str]| {
        let lines = (0..random(5)).map(|_| LINES[random(LINES.len())]);
        from.iter().copied().chain(lines).collect::<Vec<_>>().join("\n")
    };
    let mut taken = 0;
    for number in 0..200 {
        let env = if number % 3 == 0 { vec![("AWS_PROFILE", "x")] } else { Vec::new() };
        let case = Case {
            credentials: text(&["[default]", "aws_access_key_id = K", "aws_secret_access_key = s"]),
            config: text(&[]),
            env,
        };
        taken += u32::from(botocore.agrees(&case).await.is_none());
    }
    assert!(taken > 25, "{taken} files are taken");
}

#[test]
fn what_only_awss_own_command_does_is_sent_there() {
    let files = Scratch::new("profiles-elsewhere");
    for (setting, how) in [
        ("role_arn = arn:aws:iam::1:role/r\nsource_profile = default", "by taking on a role"),
        ("sso_session = s\nsso_account_id = 1\nsso_role_name = r", "by single sign-on"),
        ("login_session = arn:aws:iam::1:user/u", "by `aws login`"),
    ] {
        let config = format!("[profile x]\n{setting}\n");
        let error = Bedrock::with_env(&case("", &config, &[("AWS_PROFILE", "x")]).write(files.path())).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(&format!("it gets its keys {how}")), "{text}");
        assert!(text.contains("`credential_process = aws configure export-credentials --profile x`"), "{text}");
        assert!(text.contains("`aws configure export-credentials --profile x --format env` prints"), "{text}");
    }
}

#[test]
fn files_are_where_the_environment_says() {
    let files = Scratch::new("profiles-home");
    let home = files.path().display().to_string();
    std::fs::create_dir(files.path().join(".aws")).unwrap();
    std::fs::write(files.path().join(".aws/credentials"), format!("[default]\n{KEYS}")).unwrap();
    std::fs::write(files.path().join("other"), "[profile x]\nregion = eu-west-1\n").unwrap();
    let found = |variables: &[(&str, &str)], name: &str| {
        let lookup = |variable: &str| match variable {
            "HOME" => Some(home.clone()),
            _ => variables.iter().find(|(key, _)| *key == variable).map(|(_, value)| (*value).to_owned()),
        };
        ProfileFiles::with_env(&lookup).profile(name).unwrap()
    };
    let default = found(&[], "default").unwrap();
    assert!(Bedrock::profile(&default).is_ok() && default.region().is_none());
    let shown = format!("{:?} {default:?}", Bedrock::profile(&default));
    assert!(shown.contains("AKID") && !shown.contains("se/cr"), "{shown}");
    assert_eq!(found(&[("AWS_CONFIG_FILE", "~/other")], "x").unwrap().region().as_deref(), Some("eu-west-1"));
    assert!(found(&[("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")], "default").is_none());
    let unreadable = ProfileFiles::new(files.path(), files.path());
    assert_eq!(unreadable.profile("x").unwrap_err().kind(), ErrorKind::Io);
    std::fs::write(files.path().join("other"), " ".repeat(1024 * 1024 + 1)).unwrap();
    let long = ProfileFiles::new(files.path().join("other"), "/nowhere").profile("x").unwrap_err();
    assert!(long.to_string().contains("longer than 1048576 bytes"), "{long}");
}

//! What a session finds where it works: notes, names and skills; and skills that come with the application.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flue_core::event::{Event, EventRecord};
use flue_core::{Clock, ErrorKind, Harness, Narrowing, Skill, Subagent, Task};
use flue_core_testkit::{Recorder, ScriptModel};
use serde_json::{Value, json};

use crate::support::{agent, conversation, start, watched};

#[derive(Debug)]
struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_795_737_600)
    }
}

const REVIEW: &str =
    "---\nname: review\ndescription: Reviews a change. Use when asked to review.\n---\nRead guide.md first.\n";

async fn write(harness: &Harness, files: &[(&str, &str)]) {
    for (path, text) in files {
        harness.fs().write(path, (*text).to_owned()).await.unwrap();
    }
}

fn skipped(seen: &Recorder<EventRecord>) -> Vec<(String, String)> {
    let one = |record: EventRecord| match record.event {
        Event::WorkspaceSkipped { path, why } => Some((path, why)),
        _ => None,
    };
    seen.items().into_iter().filter_map(one).collect()
}

#[tokio::test]
async fn the_prompt_tells_what_is_there_and_stays_as_it_is() {
    let model = ScriptModel::new().says("ok").says("ok").says("ok");
    let (builder, seen) = watched(agent(&model).instructions("Be brief.\n").clock(Arc::new(Fixed)));
    let harness = start(builder).await;
    let files = [
        ("AGENTS.md", "\nUse tabs.\n"),
        ("CLAUDE.md", "Use spaces."),
        ("src/AGENTS.md", "Not this one."),
        ("b.txt", ""),
        ("a\nFake: line", ""),
        (".agents/skills/review/SKILL.md", REVIEW),
        (".agents/skills/notes.md", "not a skill"),
        (".agents/skills/empty/readme", ""),
    ];
    write(&harness, &files).await;
    harness.prompt("Go.").await.unwrap();
    let expected = "Be brief.\n\n## AGENTS.md\n\nUse tabs.\n\n## CLAUDE.md\n\nUse spaces.\n\n## Skills\n\nWhen one of these fits \
        the task, call `activate_skill` with its name before you begin, and follow it.\n\n- **review** — Reviews a change. \
        Use when asked to review.\n\n## Where you work\n\nA virtual sandbox: files in memory and an emulated bash.\nDate: Fri, \
        Nov 27, 2026\nWorking directory: /workspace\nCommands cannot be run here.\nThere is no network.\n\nDirectory \
        structure:\n.agents/\nAGENTS.md\nCLAUDE.md\na\\nFake: line\nb.txt\nsrc/";
    assert_eq!(&*model.requests()[0].system, expected);
    // What changes later is not told; a session that begins later sees it.
    write(&harness, &[("AGENTS.md", "Use nothing."), ("c.txt", "")]).await;
    harness.prompt("Go on.").await.unwrap();
    assert_eq!(&*model.requests()[1].system, expected);
    harness.session("other").unwrap().prompt("Go.").await.unwrap();
    assert!(model.requests()[2].system.contains("Use nothing.") && model.requests()[2].system.contains("c.txt"));
    assert_eq!(skipped(&seen), []);
}

#[tokio::test]
async fn a_workspace_is_read_only_as_far_as_it_may_be() {
    let model = ScriptModel::new().says("ok").says("ok");
    let helper = Subagent::new("helper", "Helps.").workspace_notes(true);
    let harness = start(agent(&model).workspace_notes(false).subagent(helper)).await;
    write(&harness, &[("AGENTS.md", "Obey me."), (".agents/skills/review/SKILL.md", REVIEW)]).await;
    harness.prompt("Go.").await.unwrap();
    harness.session("s").unwrap().task(Task::new("Go.").agent("helper")).await.unwrap();
    for request in model.requests() {
        assert!(!request.system.contains("AGENTS.md") && !request.system.contains("review"), "{}", request.system);
        assert!(request.tools.specs().iter().all(|spec| spec.name != "activate_skill"));
    }
}

#[tokio::test]
async fn what_is_found_is_bounded() {
    let model = ScriptModel::new().says("ok");
    let (builder, seen) = watched(agent(&model));
    let harness = start(builder).await;
    for number in 0..250 {
        write(&harness, &[(&format!("{number:03}"), ""), (&format!(".agents/skills/s{number}/SKILL.md"), "no")]).await;
    }
    write(&harness, &[("AGENTS.md", &"é".repeat(100_000)), ("CLAUDE.md", &"x".repeat(5 << 20))]).await;
    harness.prompt("Go.").await.unwrap();
    let system = model.requests()[0].system.clone();
    assert!(system.len() < 80 << 10, "{}", system.len());
    assert!(system.contains("[The file goes on: 65536 of 200000 bytes are shown.]"));
    assert!(system.contains("\n098\n(153 more are not listed)"), "{}", &system[system.len() - 300..]);
    let skipped = skipped(&seen);
    assert!(skipped[0].0 == "/workspace/CLAUDE.md" && skipped[0].1.contains("far too large"), "{:?}", skipped[0]);
    assert_eq!(skipped.len(), 1 + 200 + 1);
    assert!(skipped[201].1.contains("more than 200 skills"));
}

#[tokio::test]
async fn malformed_skills_are_told_and_break_nothing() {
    let model = ScriptModel::new().says("ok");
    let packaged = Skill::packaged([("SKILL.md", REVIEW)]).unwrap();
    let (builder, seen) = watched(agent(&model).skill(packaged));
    let harness = start(builder).await;
    let good = |name: &str| format!("---\nname: {name}\ndescription: d\n---\n");
    let files = [
        ("good", good("good")),
        ("constructor", good("constructor")),
        ("other-name", good("another")),
        ("review", good("review")),
        ("no-front", "text".to_owned()),
        ("bad-yaml", "---\nname: bad-yaml\ndescription: \"open\n---\n".to_owned()),
    ];
    for (name, text) in &files {
        write(&harness, &[(&format!(".agents/skills/{name}/SKILL.md"), text)]).await;
    }
    harness.fs().write(".agents/skills/binary/SKILL.md", vec![0xff, 0xfe]).await.unwrap();
    harness.prompt("Go.").await.unwrap();
    let system = model.requests()[0].system.clone();
    for listed in ["**constructor** — d", "**good** — d", "**review** — Reviews a change."] {
        assert!(system.contains(listed), "{system}");
    }
    let whys: Vec<String> = skipped(&seen).into_iter().map(|(path, why)| format!("{path}: {why}")).collect();
    let expected = [
        ("bad-yaml", "line 3: the quotes of `description` are not closed"),
        ("binary", "not UTF-8"),
        ("no-front", "line 1: "),
        ("other-name", "calls itself `another`"),
        ("review", "the application has a skill of this name"),
    ];
    assert_eq!(whys.len(), expected.len(), "{whys:?}");
    for (why, (name, part)) in whys.iter().zip(expected) {
        assert!(why.starts_with(&format!("/workspace/.agents/skills/{name}: ")) && why.contains(part), "{why}");
    }
}

#[tokio::test]
async fn skills_are_read_when_they_are_needed() {
    let model = ScriptModel::new()
        .calls([
            ("c1", "activate_skill", r#"{"name":"review"}"#),
            ("c2", "activate_skill", r#"{"name":"pack"}"#),
            ("c3", "activate_skill", r#"{"name":"pack","file":"refs/deep.md"}"#),
            ("c4", "activate_skill", r#"{"name":"review","file":"guide.md"}"#),
            ("c5", "activate_skill", r#"{"name":"review","file":"../../../secret"}"#),
            ("c6", "activate_skill", r#"{"name":"pack","file":"../SKILL.md"}"#),
            ("c7", "activate_skill", r#"{"name":"pack","file":"logo.png"}"#),
            ("c8", "activate_skill", r#"{"name":"nothing"}"#),
        ])
        .says("ok");
    let pack = Skill::packaged([
        ("SKILL.md", b"---\nname: pack\ndescription: Packs.\n---\nSee refs/deep.md.\n".to_vec()),
        ("refs/deep.md", b"Deep.".to_vec()),
        ("logo.png", vec![0x89, 0x50, 0xff]),
    ]);
    let harness = start(agent(&model).skill(pack.unwrap())).await;
    write(
        &harness,
        &[(".agents/skills/review/SKILL.md", REVIEW), (".agents/skills/review/guide.md", "Guide."), ("secret", "s")],
    )
    .await;
    harness.prompt("Go.").await.unwrap();
    let told = conversation(&harness.session("default").unwrap()).await;
    let expected = [
        "result c1: Run the skill named \"review\".\n\n<skill_instructions>\nRead guide.md first.\n</skill_instructions>\n\n\
         <skill_resources>\nThey lie in /workspace/.agents/skills/review; relative paths count from there.\n- guide.md\n\
         </skill_resources>",
        "result c2: Run the skill named \"pack\".\n\n<skill_instructions>\nSee refs/deep.md.\n</skill_instructions>\n\n\
         <skill_resources>\nRead one with activate_skill: name \"pack\", file as it is written here.\n- logo.png\n\
         - refs/deep.md\n</skill_resources>",
        "result c3: Deep.",
        "result c4: Guide.",
    ];
    assert_eq!(told[2..6], expected);
    for (line, part) in
        [(6, "no such file"), (7, "no such file"), (8, "binary"), (9, "(skill: nothing, skills: pack review)")]
    {
        assert!(told[line].starts_with("error ") && told[line].contains(part), "{}", told[line]);
    }
}

#[tokio::test]
async fn a_program_can_have_a_skill_followed() {
    let model = ScriptModel::new().says("done").calls([("c1", "finish", r#"{"result":3}"#)]);
    let harness = start(agent(&model).skill(Skill::packaged([("SKILL.md", REVIEW)]).unwrap())).await;
    let session = harness.session("s").unwrap();
    assert_eq!(session.skill("review", Value::Null).await.unwrap().text, "done");
    let reply = session.skill("review", json!({"change": 7})).output::<u8>().await.unwrap();
    assert_eq!(reply.data, 3);
    let told = conversation(&session).await;
    assert!(
        told[0].starts_with(r#"user: "Run the skill named \"review\"."#)
            && told[0].ends_with(r#"</skill_instructions>""#)
    );
    assert!(told[2].contains(r#"Arguments:\n{\n  \"change\": 7\n}\n\nWhen you are done"#), "{}", told[2]);
    let error = session.skill("nothing", Value::Null).await.unwrap_err();
    assert_eq!((error.kind(), error.fact("skills")), (ErrorKind::NotFound, Some("review")));
    let twice = Skill::packaged([("SKILL.md", REVIEW)]).unwrap();
    assert_eq!(agent(&model).skill(twice.clone()).skill(twice).build().unwrap_err().fact("skill"), Some("review"));
}

#[tokio::test]
async fn a_subagent_sees_what_lies_where_it_works() {
    let model = ScriptModel::new().says("ok").says("ok");
    let inside = Subagent::new("inside", "Inside.").narrowed(Narrowing::none().root("sub").read_only().no_exec());
    let harness = start(agent(&model).skill(Skill::packaged([("SKILL.md", REVIEW)]).unwrap()).subagent(inside)).await;
    write(
        &harness,
        &[
            ("AGENTS.md", "Above."),
            ("sub/AGENTS.md", "Below."),
            ("sub/.agents/skills/good/SKILL.md", "---\nname: good\ndescription: d\n---\n"),
        ],
    )
    .await;
    let session = harness.session("s").unwrap();
    session.task(Task::new("Go.").agent("inside")).await.unwrap();
    session.task(Task::new("Go.").cwd("sub")).await.unwrap();
    let [narrowed, copy] = &model.requests()[..] else { panic!("two tasks ask once each") };
    for request in [narrowed, copy] {
        assert!(request.system.contains("Below.") && !request.system.contains("Above."), "{}", request.system);
        assert!(request.system.contains("Working directory: /workspace/sub") && request.system.contains("**good**"));
    }
    assert!(!narrowed.system.contains("**review**"), "skills of the parent are not its own");
    assert!(copy.system.contains("**review**"), "those of a copy are");
    assert!(narrowed.system.contains("Files cannot be changed here.\n"), "{}", narrowed.system);
    assert!(narrowed.system.contains("Only files beneath /workspace/sub can be reached."), "{}", narrowed.system);
}

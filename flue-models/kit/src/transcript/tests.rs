//! Order, orphans and parts.

use std::sync::Arc;

use flue_core::model::{AssistantBlock, StopReason, Usage};

use super::*;

fn assistant(calls: &[&str]) -> Arc<Message> {
    Message::new(Assistant {
        content: calls.iter().map(|id| AssistantBlock::ToolCall(ToolCall::new(*id, "read", "{}"))).collect(),
        stop: StopReason::ToolUse,
        origin: ModelInfo::new("p", "a", "m").origin,
        usage: Usage::default(),
        response_id: None,
        response_model: None,
    })
}

fn result(id: &str) -> Arc<Message> {
    Message::new(ToolResult { call_id: id.into(), tool: "read".into(), content: Vec::new(), is_error: false })
}

fn told(messages: &[Arc<Message>]) -> String {
    let words: Vec<String> = items(messages)
        .map(|item| match item {
            Item::User(..) => "user".to_owned(),
            Item::Assistant(..) => "assistant".to_owned(),
            Item::Result(_, result) => result.call_id.clone(),
            Item::Unanswered(call) => format!("!{}", call.id),
        })
        .collect();
    words.join(" ")
}

#[test]
fn every_call_is_answered_once_before_anything_else() {
    let user = Message::user("hi");
    assert_eq!(told(&[user.clone(), assistant(&["a", "b"]), result("a"), result("b")]), "user assistant a b");
    assert_eq!(told(&[assistant(&["a", "b"]), result("b"), user.clone()]), "assistant b !a user");
    assert_eq!(told(&[assistant(&["a", "b"])]), "assistant !a !b");
    assert_eq!(told(&[assistant(&["a"]), assistant(&["b"]), result("b")]), "assistant !a assistant b");
    assert_eq!(told(&[assistant(&["a"]), result("a"), result("a")]), "assistant a");
    assert_eq!(told(&[result("x"), user.clone(), assistant(&["a"]), result("x")]), "user assistant !a");
    assert_eq!(told(&[assistant(&["a"]), user.clone(), result("a")]), "assistant !a user");
    assert_eq!(told(&[assistant(&[]), user]), "assistant user");
    assert_eq!(told(&[]), "");
}

#[test]
fn unseen_images_leave_one_mark_and_blank_texts_none() {
    let image = || UserBlock::Image(Image { media_type: "image/png".into(), data: "AA==".into() });
    let content = [image(), UserBlock::text(" \n"), image(), UserBlock::text("a"), image()];
    let without: Vec<_> = parts(&content, false).collect();
    assert_eq!(without, [Part::Text(IMAGE_OMITTED), Part::Text("a"), Part::Text(IMAGE_OMITTED)]);
    assert_eq!(parts(&content, true).filter(|part| matches!(part, Part::Image(_))).count(), 3);
}

#[test]
fn only_the_target_gets_its_own_items_back() {
    let info = ModelInfo::new("p", "a", "m");
    let target = Target::new(&info, &());
    let item = |model: &str| NativeItem {
        origin: ModelInfo::new("p", "a", model).origin,
        kind: "signature".into(),
        data: "x".into(),
    };
    assert!(target.native(Some(&item("m"))).is_some());
    assert!(target.native(Some(&item("other"))).is_none());
    assert_ne!(target.wire, Target::new(&info, &1).wire);
    assert_ne!(target.wire, Target::new(&ModelInfo::new("p", "a", "n"), &()).wire);
}

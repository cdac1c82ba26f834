//! `scripted/echo`.

use flue_core::model::{Body, ModelRequest, UserBlock};

use crate::ScriptedTurn;

/// Says what the last user message says.
pub(crate) fn turn(request: &ModelRequest) -> ScriptedTurn {
    let said = request.messages.iter().rev().find_map(|message| match &message.body {
        Body::User(user) => Some(&user.content),
        _ => None,
    });
    let texts: Vec<&str> = said
        .into_iter()
        .flatten()
        .filter_map(|block| match block {
            UserBlock::Text { text } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    ScriptedTurn::text(texts.join("\n"))
}

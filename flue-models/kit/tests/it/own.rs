//! The example of a provider of one's own, asked without a connection.

#[path = "../../examples/own_provider.rs"]
#[expect(dead_code, reason = "its `main` is not run here")]
mod own_provider;

use flue_core::ErrorKind;
use flue_core::model::{AssistantBlock, Message, ModelEvent, ModelRequest};
use flue_models_kit::{Codec, ReplyFormat, decode};

use self::own_provider::Own;

const REPLY: &[u8] = b"data: {\"say\":\"Hel\"}\n\ndata: {\"say\":\"lo \xc3\xa9\",\"new\":1}\n\ndata: {\"done\":true,\"in\":12,\"out\":3}\n\n";

#[test]
fn its_reply_is_the_same_however_it_is_cut() {
    let codec = Own::new("first");
    for at in 0..REPLY.len() {
        let events = decode(&codec, ReplyFormat::Events, &[&REPLY[..at], &REPLY[at..]]).unwrap();
        let [
            ModelEvent::TextDelta(_),
            ModelEvent::TextDelta(_),
            ModelEvent::Block(block),
            ModelEvent::Finished(finish),
        ] = &events[..]
        else {
            panic!("{events:?}")
        };
        assert!(matches!(block, AssistantBlock::Text(text) if text.text == "Hello é"), "{block:?}");
        assert_eq!((finish.usage.input, finish.usage.output), (12, 3));
        if at < REPLY.len() - 2 {
            let cut = decode(&codec, ReplyFormat::Events, &[&REPLY[..at]]).unwrap_err();
            assert_eq!(cut.kind(), ErrorKind::Protocol, "cut at {at}");
        }
    }
}

#[test]
fn its_request_is_the_conversation() {
    let wire = Own::new("first").encode(&ModelRequest::new(vec![Message::user("a \"b\"")])).unwrap();
    assert_eq!(wire.body, r#"{"model":"first","system":"","turns":[{"by":"user","text":"a \"b\""}]}"#);
}

#[test]
fn it_opens_as_any_other_does() {
    let model = own_provider::open("http://127.0.0.1:1", "k", "first").unwrap();
    assert_eq!((model.info().spec().as_str(), model.info().context_window), ("own/first", Some(8_000)));
    let error = own_provider::open("http://127.0.0.1:1", " ", "first").unwrap_err();
    assert!(error.message().contains("OWN_API_KEY"), "{error}");
}

//! The one stream combinator that the core needs, so that it does without a futures library.

use std::future::poll_fn;
use std::pin::Pin;

use futures_core::Stream;

/// The next item of `stream`.
pub(crate) async fn next<S: Stream + ?Sized>(stream: &mut Pin<Box<S>>) -> Option<S::Item> {
    poll_fn(|cx| stream.as_mut().poll_next(cx)).await
}

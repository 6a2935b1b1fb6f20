//! Calls that nobody waits for any more.

use crate::errors;
use event_listener::{Event, EventListener};
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// What an `AbortSignal` is for the engine: a call's texts leave the queue, and the call rejects.
#[wasm_bindgen]
#[derive(Clone, Debug, Default)]
pub struct Cancel(Rc<State>);

#[derive(Debug, Default)]
struct State {
    cancelled: Cell<bool>,
    event: Event,
}

#[wasm_bindgen]
impl Cancel {
    #[wasm_bindgen(constructor)]
    pub fn new() -> Cancel {
        Cancel::default()
    }

    pub fn cancel(&self) {
        self.0.cancelled.set(true);
        self.0.event.notify(usize::MAX);
    }
}

impl Cancel {
    /// What the future gives, unless it is cancelled before.
    pub async fn unless<T>(&self, future: impl Future<Output = T>) -> Result<T, JsValue> {
        let mut future = pin!(future);
        let mut cancelled: Option<EventListener> = None;
        poll_fn(|context| {
            let listener = cancelled.get_or_insert_with(|| self.0.event.listen());
            if self.0.cancelled.get() || Pin::new(listener).poll(context).is_ready() {
                return Poll::Ready(Err(errors::aborted()));
            }
            future.as_mut().poll(context).map(Ok)
        })
        .await
    }

    /// Lets the browser do what waits, such as passing on that a call is cancelled. `turn` gives a promise that is kept in a later
    /// turn of the event loop.
    pub async fn breathe(&self, turn: &js_sys::Function) -> Result<(), JsValue> {
        let promise: js_sys::Promise = turn.call0(&JsValue::NULL)?.unchecked_into();
        self.unless(JsFuture::from(promise)).await??;
        Ok(())
    }
}

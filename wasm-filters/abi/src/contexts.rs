//! The proxy's contexts, by the numbers that it gives them: plugins, and the streams of each.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

/// What the proxy does after a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It goes on.
    Continue,
    /// It holds what it has; until the next callback, or because it was told to answer.
    Pause,
}

/// One plugin. Several may share a VM, each with a configuration of its own.
pub trait Plugin {
    /// Reads the configuration; `false`: it is wrong.
    fn configure(&mut self) -> bool;

    /// A stream begins.
    fn stream(&self) -> Shared<dyn Stream>;
}

/// One exchange of a client with a provider.
pub trait Stream {
    /// The request's headers are there; `end`: there is no body.
    fn request_headers(&mut self, end: bool) -> Action;

    /// More of the request's body is there. `size`: bytes that the proxy holds of it; `end`: no more come.
    fn request_body(&mut self, size: usize, end: bool) -> Action;

    /// The request's trailers are there, after its body.
    fn request_trailers(&mut self) -> Action;

    /// The answer's headers are there; `end`: there is no body.
    fn response_headers(&mut self, end: bool) -> Action;

    /// More of the answer's body is there. `size`: bytes that the proxy holds of it; `end`: no more come.
    fn response_body(&mut self, size: usize, end: bool) -> Action;

    /// The answer's trailers are there, after its body.
    fn response_trailers(&mut self) -> Action;

    /// The exchange has ended, however it did. The last that it hears.
    fn done(&mut self);
}

/// Of a context: no call that comes during another one can meet it half changed.
pub type Shared<T> = Rc<RefCell<T>>;

/// Makes a plugin that is not configured yet.
pub type New = fn() -> Shared<dyn Plugin>;

type ById<T> = RefCell<HashMap<u32, Shared<T>, BuildHasherDefault<Spread>>>;

/// All contexts of a VM.
#[derive(Default)]
pub(crate) struct Contexts {
    new: Cell<Option<New>>,
    plugins: ById<dyn Plugin>,
    streams: ById<dyn Stream>,
}

impl Contexts {
    pub(crate) fn register(&self, new: New) {
        self.new.set(Some(new));
    }

    /// A stream of this plugin begins, or a plugin, whose own plugin is 0.
    pub(crate) fn create(&self, id: u32, plugin: u32) {
        if plugin == 0 {
            if let Some(new) = self.new.get() {
                put(&self.plugins, id, new());
            }
        } else if let Some(stream) = with(&self.plugins, plugin, |plugin| plugin.stream()) {
            put(&self.streams, id, stream);
        }
    }

    pub(crate) fn configure(&self, id: u32) -> bool {
        with(&self.plugins, id, Plugin::configure).unwrap_or(false)
    }

    /// Leads a stream on; `None` where there is no such.
    pub(crate) fn stream(&self, id: u32, on: impl FnOnce(&mut (dyn Stream + 'static)) -> Action) -> Option<Action> {
        with(&self.streams, id, on)
    }

    /// A context has ended.
    pub(crate) fn done(&self, id: u32) {
        let ended = self.streams.try_borrow_mut().ok().and_then(|mut streams| streams.remove(&id));
        match ended {
            Some(stream) => {
                if let Ok(mut stream) = stream.try_borrow_mut() {
                    stream.done();
                }
            }
            None => {
                // Its streams go on without it.
                let _ended = self.plugins.try_borrow_mut().ok().and_then(|mut plugins| plugins.remove(&id));
            }
        }
    }
}

fn put<T: ?Sized>(all: &ById<T>, id: u32, one: Shared<T>) {
    let _before = all.try_borrow_mut().ok().and_then(|mut all| all.insert(id, one));
}

fn with<T: ?Sized, A>(all: &ById<T>, id: u32, then: impl FnOnce(&mut T) -> A) -> Option<A> {
    // The map is free again during the call: what it does at the proxy may call back.
    let one = all.try_borrow().ok()?.get(&id).cloned()?;
    let mut one = one.try_borrow_mut().ok()?;
    Some(then(&mut one))
}

/// Spreads ids, which the proxy counts up: nobody else can choose them.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn write_u32(&mut self, id: u32) {
        // 2⁶⁴ divided by the golden ratio: the map looks at the upper bits, too.
        self.0 = u64::from(id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    thread_local! {
        static SEEN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
        static CONTEXTS: Contexts = Contexts::default();
        static PLUGINS: Cell<u32> = const { Cell::new(0) };
    }

    struct One(u32);

    impl Plugin for One {
        fn configure(&mut self) -> bool {
            true
        }

        fn stream(&self) -> Shared<dyn Stream> {
            Rc::new(RefCell::new(Self(self.0)))
        }
    }

    /// Says of which plugin it is. While it has the answer's body, the proxy calls it again, and others.
    impl Stream for One {
        fn request_headers(&mut self, _end: bool) -> Action {
            SEEN.with_borrow_mut(|seen| seen.push(format!("headers {}", self.0)));
            Action::Continue
        }

        fn request_body(&mut self, _size: usize, _end: bool) -> Action {
            Action::Pause
        }

        fn request_trailers(&mut self) -> Action {
            Action::Pause
        }

        fn response_headers(&mut self, _end: bool) -> Action {
            Action::Pause
        }

        fn response_body(&mut self, _size: usize, _end: bool) -> Action {
            CONTEXTS.with(|contexts| {
                for id in 0..6 {
                    contexts.stream(id, |stream| stream.request_headers(true));
                    contexts.create(id + 1, id);
                    contexts.done(id);
                }
            });
            Action::Continue
        }

        fn response_trailers(&mut self) -> Action {
            Action::Pause
        }

        fn done(&mut self) {
            SEEN.with_borrow_mut(|seen| seen.push(format!("done {}", self.0)));
        }
    }

    /// Plugins are counted from 1.
    fn register(contexts: &Contexts) {
        PLUGINS.set(0);
        contexts.register(|| {
            PLUGINS.set(PLUGINS.get() + 1);
            Rc::new(RefCell::new(One(PLUGINS.get())))
        });
    }

    #[test]
    fn plugins_share_a_vm_and_each_has_its_own_streams() {
        let contexts = Contexts::default();
        register(&contexts);
        for (id, plugin) in [(1, 0), (2, 0), (3, 1), (4, 2), (5, 1)] {
            contexts.create(id, plugin);
        }
        assert!(contexts.configure(1) && contexts.configure(2) && !contexts.configure(3));
        for id in 3..6 {
            assert_eq!(contexts.stream(id, |stream| stream.request_headers(true)), Some(Action::Continue));
        }
        // A plugin may end before its streams do.
        [3, 1, 5].into_iter().for_each(|id| contexts.done(id));
        assert_eq!(SEEN.take(), ["headers 1", "headers 2", "headers 1", "done 1", "done 1"]);
        contexts.create(6, 1);
        for id in [3, 6, 7] {
            assert_eq!(contexts.stream(id, |stream| stream.request_headers(true)), None, "{id}");
        }
    }

    proptest! {
        #[test]
        fn no_order_of_calls_ends_a_filter(calls in prop::collection::vec((0_u32..6, 0_u32..6, 0_u32..6), 0..40)) {
            CONTEXTS.with(|contexts| {
                register(contexts);
                for (call, id, plugin) in calls {
                    match call {
                        0 | 1 => contexts.create(id, plugin),
                        2 => drop(contexts.configure(id)),
                        3 => drop(contexts.stream(id, |stream| stream.request_headers(true))),
                        4 => drop(contexts.stream(id, |stream| stream.response_body(1, true))),
                        _ => contexts.done(id),
                    }
                }
            });
        }
    }
}

//! What the proxy calls. It calls nothing that is not exported, and each call that it makes costs: so there is only what
//! somebody listens to.

#![allow(unsafe_code, reason = "the proxy finds functions by their names, and asks for memory")]

use crate::calls;
use crate::contexts::{Action, Contexts, New, Stream};
use crate::pairs::Pairs;

thread_local! {
    static CONTEXTS: Contexts = Contexts::default();
}

/// Tells by what a plugin begins. [`crate::main`] does it.
pub fn register(new: New) {
    let _gone = CONTEXTS.try_with(|contexts| contexts.register(new));
}

/// Makes the first function that the proxy calls, in a filter's own crate. It is told by what a plugin begins.
#[macro_export]
macro_rules! main {
    ($new:expr) => {
        // SAFETY: nothing else has this name.
        #[unsafe(no_mangle)]
        extern "C" fn _initialize() {
            $crate::register($new);
        }
    };
}

/// Gives the proxy memory for what it is asked. Where there is none, the VM ends: a filter that went on would take what it
/// asked for as not there, and let it pass unread. Elsewhere a function of this name would be everybody's.
#[cfg(target_arch = "wasm32")]
#[unsafe(no_mangle)]
extern "C" fn malloc(size: usize) -> *mut u8 {
    use std::alloc::{Layout, alloc};
    let Ok(layout) = Layout::array::<u8>(size) else { std::process::abort() };
    if layout.size() == 0 {
        return std::ptr::dangling_mut();
    }
    // SAFETY: the size is not 0.
    let memory = unsafe { alloc(layout) };
    if memory.is_null() {
        std::alloc::handle_alloc_error(layout)
    }
    memory
}

/// Which ABI this is.
#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(id: u32, plugin: u32) {
    let _gone = CONTEXTS.try_with(|contexts| contexts.create(id, plugin));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_vm_start(_plugin: u32, _size: usize) -> u32 {
    1
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(plugin: u32, _size: usize) -> u32 {
    CONTEXTS.try_with(|contexts| contexts.configure(plugin)).unwrap_or(false).into()
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(stream: u32, _count: u32, end: u32) -> u32 {
    on(stream, |stream| stream.request_headers(end != 0)).unwrap_or_else(|| {
        // Nobody knows what would have to be done here.
        let _refused = calls::answer(503, &Pairs::of([].into_iter()), b"");
        number(Action::Pause)
    })
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_body(stream: u32, size: usize, end: u32) -> u32 {
    on(stream, |stream| stream.request_body(size, end != 0)).unwrap_or_default()
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_trailers(stream: u32, _count: u32) -> u32 {
    on(stream, Stream::request_trailers).unwrap_or_default()
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_headers(stream: u32, _count: u32, end: u32) -> u32 {
    on(stream, |stream| stream.response_headers(end != 0)).unwrap_or_default()
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_body(stream: u32, size: usize, end: u32) -> u32 {
    on(stream, |stream| stream.response_body(size, end != 0)).unwrap_or_default()
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_trailers(stream: u32, _count: u32) -> u32 {
    on(stream, Stream::response_trailers).unwrap_or_default()
}

/// The context is done, at once. `proxy_on_delete`, which would follow, is not needed.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_done(context: u32) -> u32 {
    let _gone = CONTEXTS.try_with(|contexts| contexts.done(context));
    1
}

fn on(stream: u32, then: impl FnOnce(&mut (dyn Stream + 'static)) -> Action) -> Option<u32> {
    CONTEXTS.try_with(|contexts| contexts.stream(stream, then)).ok().flatten().map(number)
}

fn number(action: Action) -> u32 {
    match action {
        Action::Continue => 0,
        Action::Pause => 1,
    }
}

//! What a filter asks of the proxy, which may refuse all of it.

#![allow(unsafe_code, reason = "the proxy takes and gives pointers")]

use crate::Pairs;
use std::ptr::{null, null_mut};

/// The proxy refuses a call, with this status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused(pub u32);

impl Refused {
    /// It has nothing of this name, or nothing yet.
    pub const NOT_FOUND: Self = Self(1);
}

/// How grave a line of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// As things should be.
    Info,
    /// Somebody has to see to it.
    Error,
}

/// Which headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Headers {
    /// The request's.
    Request,
    /// The answer's.
    Response,
}

/// Which bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buffer {
    /// Of the request's body: those that the proxy holds.
    RequestBody,
    /// Of the answer's body: those that the proxy holds.
    ResponseBody,
    /// The plugin's configuration.
    Configuration,
}

impl Level {
    fn number(self) -> u32 {
        match self {
            Self::Info => 2,
            Self::Error => 4,
        }
    }
}

impl Headers {
    fn number(self) -> u32 {
        match self {
            Self::Request => 0,
            Self::Response => 2,
        }
    }
}

impl Buffer {
    fn number(self) -> u32 {
        match self {
            Self::RequestBody => 0,
            Self::ResponseBody => 1,
            Self::Configuration => 7,
        }
    }
}

/// The stream of an answer.
const RESPONSE: u32 = 1;
/// A metric that only grows.
const COUNTER: u32 = 0;
/// No answer to gRPC.
const NO_GRPC: i32 = -1;

/// Writes a line to the proxy's log.
///
/// # Errors
/// The proxy refuses it.
pub fn log(level: Level, line: &str) -> Result<(), Refused> {
    // SAFETY: the proxy reads the line during the call.
    done(unsafe { proxy_log(level.number(), line.as_ptr(), line.len()) })
}

/// Nanoseconds since 1970.
///
/// # Errors
/// The proxy refuses it.
pub fn now() -> Result<u64, Refused> {
    let mut now = 0;
    // SAFETY: the proxy writes a number of this size during the call.
    done(unsafe { proxy_get_current_time_nanoseconds(&raw mut now) })?;
    Ok(now)
}

/// All headers.
///
/// # Errors
/// The proxy refuses it: it has none, or no longer.
pub fn headers(of: Headers) -> Result<Pairs, Refused> {
    // SAFETY: the proxy writes to both places.
    given(|at, size| unsafe { proxy_get_header_map_pairs(of.number(), at, size) }).map(Pairs::new)
}

/// Sets a header: its one value, whatever there were.
///
/// # Errors
/// The proxy refuses it.
pub fn set_header(of: Headers, name: &str, value: &str) -> Result<(), Refused> {
    // SAFETY: the proxy reads name and value during the call.
    done(unsafe { proxy_replace_header_map_value(of.number(), name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
}

/// Takes a header away, with all its values.
///
/// # Errors
/// The proxy refuses it.
pub fn remove_header(of: Headers, name: &[u8]) -> Result<(), Refused> {
    // SAFETY: the proxy reads the name during the call.
    done(unsafe { proxy_remove_header_map_value(of.number(), name.as_ptr(), name.len()) })
}

/// All bytes that the proxy holds.
///
/// # Errors
/// The proxy refuses it: it has none, or not in this callback.
pub fn bytes(of: Buffer) -> Result<Vec<u8>, Refused> {
    // SAFETY: the proxy writes to both places.
    given(|at, size| unsafe { proxy_get_buffer_bytes(of.number(), 0, usize::MAX, at, size) })
}

/// Puts these bytes in the place of all that the proxy holds.
///
/// # Errors
/// The proxy refuses it.
pub fn set_bytes(of: Buffer, bytes: &[u8]) -> Result<(), Refused> {
    // SAFETY: the proxy reads the bytes during the call.
    done(unsafe { proxy_set_buffer_bytes(of.number(), 0, usize::MAX, bytes.as_ptr(), bytes.len()) })
}

/// What the proxy knows under this path, whose parts are told apart by zero bytes.
///
/// # Errors
/// The proxy refuses it: it knows nothing.
pub fn property(path: &str) -> Result<Vec<u8>, Refused> {
    // SAFETY: the proxy reads the path during the call and writes to both places.
    given(|at, size| unsafe { proxy_get_property(path.as_ptr(), path.len(), at, size) })
}

/// Has the proxy know this under this path.
///
/// # Errors
/// The proxy refuses it.
pub fn set_property(path: &str, value: &[u8]) -> Result<(), Refused> {
    // SAFETY: the proxy reads path and value during the call.
    done(unsafe { proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) })
}

/// Calls a function of the proxy by its name, without arguments; what it gives.
///
/// # Errors
/// The proxy refuses it.
pub fn foreign(function: &str) -> Result<Vec<u8>, Refused> {
    // SAFETY: the proxy reads the name during the call and writes to both places.
    given(|at, size| unsafe { proxy_call_foreign_function(function.as_ptr(), function.len(), null(), 0, at, size) })
}

/// The id of a counter, under which it is counted.
///
/// # Errors
/// The proxy refuses it.
pub fn counter(name: &str) -> Result<u32, Refused> {
    let mut id = 0;
    // SAFETY: the proxy reads the name and writes a number of this size during the call.
    done(unsafe { proxy_define_metric(COUNTER, name.as_ptr(), name.len(), &raw mut id) })?;
    Ok(id)
}

/// Counts.
///
/// # Errors
/// The proxy refuses it.
pub fn count(counter: u32, by: i64) -> Result<(), Refused> {
    // SAFETY: numbers only.
    done(unsafe { proxy_increment_metric(counter, by) })
}

/// Answers in the provider's place.
///
/// # Errors
/// The proxy refuses it.
pub fn answer(status: u16, headers: &Pairs, body: &[u8]) -> Result<(), Refused> {
    let headers = headers.as_bytes();
    // SAFETY: the proxy reads headers and body during the call; there are no details of the status.
    done(unsafe {
        proxy_send_local_response(
            status.into(),
            null(),
            0,
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            NO_GRPC,
        )
    })
}

/// Breaks the answer off.
///
/// # Errors
/// The proxy refuses it.
pub fn break_answer() -> Result<(), Refused> {
    // SAFETY: numbers only.
    done(unsafe { proxy_close_stream(RESPONSE) })
}

/// A status is any number: an `enum` of those that are known would be undefined for the others.
fn done(status: u32) -> Result<(), Refused> {
    if status == 0 { Ok(()) } else { Err(Refused(status)) }
}

/// What the proxy gives: it asks for memory by `malloc` and says where it is and how many bytes it wrote.
fn given(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Vec<u8>, Refused> {
    let (mut at, mut size) = (null_mut(), 0);
    done(call(&raw mut at, &raw mut size))?;
    if at.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: the proxy asked `exports::malloc` for this many bytes, which takes them from the same allocator as `Vec` does,
    // has written them all, and has no more to do with them.
    Ok(unsafe { Vec::from_raw_parts(at, size, size) })
}

/// The proxy's functions. Outside of a proxy, where tests run, each call is refused: nothing is read or written.
macro_rules! functions {
    ($(fn $name:ident($($argument:ident: $of:ty),* $(,)?);)*) => {
        #[cfg(target_arch = "wasm32")]
        #[link(wasm_import_module = "env")]
        unsafe extern "C" {
            $(fn $name($($argument: $of),*) -> u32;)*
        }

        $(
            #[cfg(not(target_arch = "wasm32"))]
            #[allow(clippy::too_many_arguments, reason = "the ABI's")]
            unsafe fn $name($(_: $of),*) -> u32 {
                UNIMPLEMENTED
            }
        )*
    };
}

#[cfg(not(target_arch = "wasm32"))]
const UNIMPLEMENTED: u32 = 12;

functions! {
    fn proxy_log(level: u32, line: *const u8, line_size: usize);
    fn proxy_get_current_time_nanoseconds(now: *mut u64);
    fn proxy_get_header_map_pairs(map: u32, at: *mut *mut u8, size: *mut usize);
    fn proxy_replace_header_map_value(map: u32, name: *const u8, name_size: usize, value: *const u8, value_size: usize);
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_size: usize);
    fn proxy_get_buffer_bytes(buffer: u32, start: usize, most: usize, at: *mut *mut u8, size: *mut usize);
    fn proxy_set_buffer_bytes(buffer: u32, start: usize, replaced: usize, bytes: *const u8, size: usize);
    fn proxy_get_property(path: *const u8, path_size: usize, at: *mut *mut u8, size: *mut usize);
    fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, value_size: usize);
    fn proxy_call_foreign_function(
        name: *const u8,
        name_size: usize,
        arguments: *const u8,
        arguments_size: usize,
        at: *mut *mut u8,
        size: *mut usize,
    );
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32);
    fn proxy_increment_metric(id: u32, by: i64);
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    );
    fn proxy_close_stream(kind: u32);
}

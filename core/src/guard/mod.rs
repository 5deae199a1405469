//! Guards: rules that look at what is asked and what is answered, and say whether it may pass.
//!
//! [`Guards`] are compiled once from the operator's blocks ([`config`]) and look at requests, at whole answers, and
//! through a [`Window`] at answers under way. What they find is a list of [`Finding`]s: which guard, which rule, how much
//! of it; never the text. Acting on it (refusing, another model, a preset message) is the host's.
//!
//! They never call anybody: guards that do are the host's, and share this configuration's frame.

mod code;
pub mod config;
pub mod finding;
mod injection;
mod language;
mod normal;
mod patterns;
mod piece;
pub mod policy;
mod rule;
mod schema;
mod size;
mod unescape;
mod unicode;
mod window;

pub use config::{Fail, Guard, Mode, On, Then};
pub use finding::{Finding, Findings, Hit};
pub use injection::{Described, rules as injection_rules};
pub use policy::{Guards, Way};
pub use window::{WINDOW_BYTES, Window};

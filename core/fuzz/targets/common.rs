//! What several targets need.

use attache_core::dialect::{Dialect, Upstream};
use attache_core::translate::{Answer, Ask};

/// One of the ways back, by the bits of `choice`.
pub fn answer(choice: u8) -> Answer {
    let pick = |bit: u8| choice & (1 << bit) != 0;
    let dialect = |other: bool| if other { Dialect::Anthropic } else { Dialect::OpenAi };
    let usage = if pick(3) { r#","stream_options":{"include_usage":true}"# } else { "" };
    let body = format!(
        r#"{{"model":"m","max_tokens":9,"stream":{},"messages":[{{"role":"user","content":"x"}}]{usage}}}"#,
        pick(2)
    );
    let ask = Ask::read(dialect(pick(0)), body.as_bytes()).expect("it is a request");
    ask.translate(dialect(pick(1)), &Upstream::new("m"), 1).expect("every dialect can say it").answer
}

//! OpenAI's legacy completions: what a request must be, and what the answer looks like.
//! Source: <https://platform.openai.com/docs/api-reference/completions> and the types of the official SDKs.

mod answer;
mod request;

use std::sync::Arc;

use bytes::Bytes;

use crate::fault::Fault;
use crate::openai::answer::Stamp;
use crate::pace::Source;
use crate::script::Script;
use crate::turn::Turn;

/// Judges a request and answers it.
///
/// # Errors
/// The refusal of the API.
pub(crate) fn reply(body: &Bytes, script: &Arc<Script>, stamp: &Stamp, validate: bool) -> Result<Source, Fault> {
    let request = request::parse(body, validate)?;
    let turn = Turn::new(&request.asked, script);
    Ok(if request.asked.stream && !script.json_instead_of_stream {
        Source::Listed(answer::events(&request, &turn, script, stamp).into_iter())
    } else {
        Source::whole(answer::body(&request, &turn, script, stamp))
    })
}

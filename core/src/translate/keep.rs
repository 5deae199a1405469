//! What of an answer is kept, for those who ask the same again: a whole body in the client's dialect. From it, the way back
//! that [`Ask::answered_here`](super::Ask::answered_here) gives makes a whole answer or a stream.

use super::Answer;
use crate::chat::{Choice, Part, Response, StopReason};
use crate::endpoint::Operation;
use crate::gather::Gather;
use crate::loss::Losses;

/// What a whole answer does besides being whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// It only says something.
    Says,
    /// It calls tools.
    CallsTools,
}

/// Why an answer is not one that holds for those who ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It was cut off at a limit.
    Length,
    /// The model declined, or a filter stepped in.
    Refused,
    /// It is only the beginning.
    Paused,
    /// It ended for a reason that nobody knows.
    UnknownEnd,
    /// It says nothing.
    Empty,
    /// It cannot be read.
    Unreadable,
}

impl Unfit {
    /// In a word, for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::Refused => "refused",
            Self::Paused => "paused",
            Self::UnknownEnd => "unknown_end",
            Self::Empty => "empty",
            Self::Unreadable => "unreadable",
        }
    }
}

impl Answer {
    /// Begins to gather an answer that streams, of at most so many bytes.
    pub fn gather(&self, bytes_max: usize) -> Gather {
        // In the same dialect the client reads what the hub has no words for.
        Gather::new(bytes_max, self.dialect == self.upstream)
    }

    /// A gathered answer as the whole body that the client would have had.
    pub fn gathered(&self, response: &Response<'_>) -> Vec<u8> {
        self.dialect.encode_response(response, &self.asked, &mut Losses::default())
    }

    /// A provider's whole answer as the whole body that a client would have had who wants no stream.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn unstreamed(&self, body: &[u8]) -> Result<Vec<u8>, Unfit> {
        let response = self.upstream.decode_response_with(body, &self.quirks);
        let mut response = response.map_err(|_| Unfit::Unreadable)?;
        if let Some(names) = &self.names {
            names.restore_response(&mut response);
        }
        if response.model.is_empty() {
            response.model = self.model.clone().into();
        }
        Ok(self.gathered(&response))
    }

    /// A whole body in the client's dialect, without what it cost those who asked first.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn unpriced(&self, body: &[u8]) -> Result<Vec<u8>, Unfit> {
        Ok(self.gathered(&self.dialect.decode_response(body).map_err(|_| Unfit::Unreadable)?))
    }

    /// A whole body in the client's dialect that was another's, with what this one asked where an answer repeats what says who
    /// asks; `None` where it repeats nothing of that.
    pub fn addressed(&self, body: &[u8]) -> Option<Vec<u8>> {
        self.asked.echo.as_ref()?.addressed(body)
    }

    /// What a whole body in the client's dialect is.
    ///
    /// # Errors
    /// Why it does not hold for those who ask again.
    pub fn fitness(&self, body: &[u8]) -> Result<Whole, Unfit> {
        match self.operation {
            Operation::Chat => {}
            Operation::Embed | Operation::Rerank => {
                // Some services send their errors with status 200.
                let answers = self.beside.as_ref().is_some_and(|beside| beside.answers(body));
                return if answers { Ok(Whole::Says) } else { Err(Unfit::Unreadable) };
            }
            Operation::Count | Operation::Invoke | Operation::Pass | Operation::Other => return Ok(Whole::Says),
        }
        let response = self.dialect.decode_response(body).map_err(|_| Unfit::Unreadable)?;
        let ends = response.choices.iter().map(fitness).collect::<Result<Vec<_>, _>>()?;
        match ends.first() {
            None => Err(Unfit::Empty),
            Some(_) if ends.contains(&Whole::CallsTools) => Ok(Whole::CallsTools),
            Some(_) => Ok(Whole::Says),
        }
    }
}

fn fitness(choice: &Choice<'_>) -> Result<Whole, Unfit> {
    if choice.parts.iter().any(|part| matches!(part, Part::Refusal(_))) {
        return Err(Unfit::Refused);
    }
    let calls = choice.parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    match choice.stop {
        _ if choice.parts.is_empty() => Err(Unfit::Empty),
        StopReason::ToolCalls => Ok(Whole::CallsTools),
        StopReason::End | StopReason::Sequence(_) if calls => Ok(Whole::CallsTools),
        StopReason::End | StopReason::Sequence(_) => Ok(Whole::Says),
        StopReason::Length => Err(Unfit::Length),
        StopReason::Refused => Err(Unfit::Refused),
        StopReason::Paused => Err(Unfit::Paused),
        StopReason::Unknown(_) => Err(Unfit::UnknownEnd),
    }
}

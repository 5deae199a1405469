//! Numbers within the ranges that the API takes: <https://docs.cohere.com/reference/chat>. It answers 400 to any other, so
//! a number beyond an end becomes the end, and a loss.

use crate::chat::Request;
use crate::dialect::Upstream;
use crate::loss::Losses;
use serde_json::Number;

/// The parameters that are sent.
#[derive(Debug, Default)]
pub(super) struct Sampling<'b> {
    pub(super) temperature: Option<Number>,
    pub(super) p: Option<Number>,
    pub(super) k: Option<Number>,
    pub(super) frequency_penalty: Option<Number>,
    pub(super) presence_penalty: Option<Number>,
    pub(super) seed: Option<&'b Number>,
}

/// Fits a request's parameters in.
pub(super) fn of<'b>(request: &'b Request<'_>, upstream: &Upstream, losses: &mut Losses) -> Sampling<'b> {
    let seed = request.seed.as_ref().filter(|seed| {
        let fits = seed.as_u64().is_some();
        if !fits {
            losses.add("seed");
        }
        fits
    });
    let frequency_penalty = within(request.frequency_penalty.as_ref(), "frequency_penalty", (0.0, 1.0), losses);
    let presence_penalty = within(request.presence_penalty.as_ref(), "presence_penalty", (0.0, 1.0), losses);
    let penalties = Sampling { frequency_penalty, presence_penalty, seed, ..Sampling::default() };
    if !upstream.sampling {
        let refused = [("temperature", &request.temperature), ("top_p", &request.top_p), ("top_k", &request.top_k)];
        refused.iter().filter(|(_, number)| number.is_some()).for_each(|(field, _)| losses.add(field));
        return penalties;
    }
    Sampling {
        temperature: within(request.temperature.as_ref(), "temperature", (0.0, 1.0), losses),
        p: within(request.top_p.as_ref(), "top_p", (0.01, 0.99), losses),
        k: within(request.top_k.as_ref(), "top_k", (0.0, 500.0), losses),
        ..penalties
    }
}

/// The number if it lies between the ends, or the nearer end.
fn within(
    number: Option<&Number>,
    field: &'static str,
    (least, most): (f64, f64),
    losses: &mut Losses,
) -> Option<Number> {
    let number = number?;
    let value = number.as_f64()?;
    if (least..=most).contains(&value) {
        return Some(number.clone());
    }
    losses.add(field);
    let end = if value < least { least } else { most };
    // The ends of whole numbers are whole: `k` takes no fraction.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the ends are 0, 1 and 500")]
    if end.fract() == 0.0 { Some(Number::from(end as u64)) } else { Number::from_f64(end) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_ranges() {
        let number = |text: &str| -> Number { serde_json::from_str(text).unwrap() };
        for (value, ends, expected, lost) in [
            ("0.5", (0.0, 1.0), "0.5", ""),
            ("1", (0.0, 1.0), "1", ""),
            ("1.7", (0.0, 1.0), "1", "x"),
            ("-2", (0.0, 1.0), "0", "x"),
            ("1.0", (0.01, 0.99), "0.99", "x"),
            ("0", (0.01, 0.99), "0.01", "x"),
            ("1000", (0.0, 500.0), "500", "x"),
        ] {
            let mut losses = Losses::default();
            let fitted = within(Some(&number(value)), "x", ends, &mut losses).unwrap();
            assert_eq!((fitted.to_string().as_str(), losses.header().as_str()), (expected, lost), "{value}");
        }
    }
}

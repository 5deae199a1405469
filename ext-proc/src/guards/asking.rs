//! Asking those whom guards ask: all side by side, about the same texts.

use super::acting::chosen;
use super::callout::{About, Passage, Source, Verdict, passage};
use super::{Direction, Guard};
use crate::config::written::guards::Sees;
use crate::exchange::settle::Settlement;
use attache_core::endpoint::Endpoint;
use attache_core::guard::Mode;
use attache_core::redact::Veil;
use futures_util::future::join_all;
use std::sync::Arc;

/// The same texts, as the provider and as the client knows them. `None`: nobody can tell what they are.
struct Texts {
    masked: Option<Vec<Passage>>,
    original: Option<Vec<Passage>>,
}

impl Settlement {
    /// What those say of a request who are asked: the guard that stops it, and the one that has another model serve it.
    /// `masked`: the body as the provider reads it. Both `None` for one that goes by unread.
    pub async fn ask_about_request(
        &mut self,
        original: Option<&[u8]>,
        masked: Option<&[u8]>,
    ) -> (Option<Arc<Guard>>, Option<Arc<Guard>>) {
        let Some((endpoint, asked)) = self.asking(Direction::Request) else { return (None, None) };
        let read = |sees: Sees, body: Option<&[u8]>| {
            let wanted = asked.iter().any(|guard| guard.asks.as_ref().is_some_and(|call| call.manner.sees == sees));
            body.filter(|_| wanted).and_then(|body| passage::of_request(&endpoint, body))
        };
        let texts = Texts { masked: read(Sees::Masked, masked), original: read(Sees::Original, original) };
        chosen(self.ask(Direction::Request, &asked, &texts).await)
    }

    /// The guard that stops a whole answer, by what somebody says who is asked. `endpoint`: where it is not in the
    /// client's dialect.
    pub async fn ask_about_answer(&mut self, endpoint: Option<&Endpoint>, body: &[u8]) -> Option<Arc<Guard>> {
        let (client_s, asked) = self.asking(Direction::Response)?;
        let masked = passage::of_answer(endpoint.unwrap_or(&client_s), body);
        let veil = self.redaction.as_ref().and_then(|redaction| redaction.veil());
        let original = masked.as_deref().map(|texts| restored(texts, veil.as_ref()));
        self.ask(Direction::Response, &asked, &Texts { masked, original }).await.into_iter().next()
    }

    /// Asks about a stretch of an answer that streams. True where somebody stops it.
    pub(super) async fn ask_about_stream(
        &mut self,
        asked: &[Arc<Guard>],
        texts: &[Passage],
        veil: Option<&Veil>,
    ) -> bool {
        let texts = Texts { masked: Some(texts.to_vec()), original: Some(restored(texts, veil)) };
        let stops = self.ask(Direction::Response, asked, &texts).await.into_iter().next();
        match (stops, &mut self.guards) {
            (Some(guard), Some(guards)) => {
                guards.stop_stream(guard);
                true
            }
            _ => false,
        }
    }

    /// Who is asked about what goes this way; `None` where nobody is.
    fn asking(&self, direction: Direction) -> Option<(Endpoint, Vec<Arc<Guard>>)> {
        let guards = self.guards.as_ref()?;
        let asked = guards.asking(direction);
        (!asked.is_empty()).then(|| (guards.endpoint().clone(), asked))
    }

    /// Asks; the guards that act on what is said, in the order of the configuration.
    async fn ask(&mut self, direction: Direction, asked: &[Arc<Guard>], texts: &Texts) -> Vec<Arc<Guard>> {
        let about = About {
            direction,
            request_id: &self.request_id,
            caller: &self.caller().name,
            model: self.model_asked.as_deref().unwrap_or_default(),
            front: self.front.as_str(),
        };
        let calls = asked.iter().filter_map(|guard| guard.asks.as_ref().map(|call| (guard, call)));
        let verdicts = join_all(calls.map(async |(guard, call)| {
            let texts = match call.manner.sees {
                Sees::Masked => texts.masked.as_deref(),
                Sees::Original => texts.original.as_deref(),
            };
            let (verdict, source) = call.verdict(&guard.name, &about, texts).await;
            self.service().metrics.guards.calls.with_label_values(&[&*guard.name, source.as_str()]).inc();
            (guard.clone(), verdict, source)
        }));
        let verdicts: Vec<(Arc<Guard>, Verdict, Source)> = verdicts.await;
        let undecided = |(guard, verdict, source): &(Arc<Guard>, Verdict, Source)| {
            guard.mode == Mode::Enforce && *verdict == Verdict::Allow && *source == Source::Failure
        };
        if direction == Direction::Response && verdicts.iter().any(undecided) {
            // It passes this time; the next time somebody may know.
            self.not_kept("guard_undecided");
        }
        let verdicts = verdicts.into_iter().map(|(guard, verdict, _)| (guard, verdict)).collect();
        let Some(mut guards) = self.guards.take() else { return Vec::new() };
        let stops = guards.note_verdicts(self, direction, verdicts);
        self.guards = Some(guards);
        stops
    }
}

/// Texts as the client reads them.
fn restored(texts: &[Passage], veil: Option<&Veil>) -> Vec<Passage> {
    let Some(veil) = veil else { return texts.to_vec() };
    texts.iter().map(|passage| Passage { text: veil.restored(&passage.text), ..*passage }).collect()
}

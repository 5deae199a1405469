use super::*;
use crate::dialect::fixtures;
use crate::endpoint::Hosting;
use crate::translate::Answer;

/// Everything that can be looked at: dialect by dialect, what reads whole answers and streams of it.
const FOLDERS: [(Dialect, &str); 7] = [
    (Dialect::OpenAi, "openai"),
    (Dialect::Responses, "responses"),
    (Dialect::Completions, "completions"),
    (Dialect::Anthropic, "anthropic"),
    (Dialect::Gemini, "gemini"),
    (Dialect::Converse, "converse"),
    (Dialect::Cohere, "cohere"),
];

fn scan(endpoint: &Endpoint, shows: bool, pieces: &[&[u8]]) -> (Scanned, Vec<u8>) {
    let (mut scan, mut out) = (Scan::new(endpoint, shows), Vec::new());
    pieces.iter().for_each(|piece| scan.push(piece, &mut out));
    scan.end(&mut out);
    (scan.seen().clone(), out)
}

/// What reading every event in full says.
fn decoded(endpoint: &Endpoint, body: &[u8]) -> (Option<Usage>, Option<String>, bool) {
    let dialect = endpoint.dialect;
    let answer =
        Answer::between(dialect, dialect, endpoint.framing, true, Asked { stream_usage: true, ..Asked::default() });
    let (mut stream, mut usage, mut out) = (answer.stream(false), None, Vec::new());
    let mut watch = |event: &mut Event<'_>| {
        if let Event::Usage(told) = event {
            usage = Some(*told);
        }
    };
    stream.push(body, &mut out, &mut watch);
    stream.end(&mut out, &mut watch);
    let seen = stream.seen();
    (usage, seen.model.clone().filter(|model| !model.is_empty()), seen.fault.is_some())
}

#[test]
fn every_stream_says_what_reading_all_of_it_says_wherever_it_is_cut() {
    let mut told = 0;
    for (dialect, folder) in FOLDERS {
        let endpoint = Endpoint::from(dialect);
        for (name, body) in fixtures::files(folder, "streams") {
            let (usage, model, failed) = decoded(&endpoint, &body);
            let (whole, out) = scan(&endpoint, true, &[&body]);
            assert_eq!(out, body, "{folder}/{name}");
            if !failed {
                assert_eq!(whole.usage, usage, "{folder}/{name}");
                assert!(whole.model.is_none() || whole.model == model, "{folder}/{name}: {whole:?}, {model:?}");
            }
            told += usize::from(whole.usage.is_some());
            for cut in 0..=body.len() {
                let (left, right) = body.split_at(cut);
                assert_eq!(
                    scan(&endpoint, true, &[left, right]),
                    (whole.clone(), body.clone()),
                    "{folder}/{name} at {cut}"
                );
            }
        }
    }
    assert!(told > 20, "{told}");
}

#[test]
fn every_whole_answer_says_what_reading_all_of_it_says() {
    for (dialect, folder) in FOLDERS {
        for (name, body) in fixtures::files(folder, "responses") {
            let Ok(response) = dialect.decode_response(&body) else { continue };
            let scanned = Scanned::of_whole(&Endpoint::from(dialect), &body);
            assert_eq!(scanned.usage, response.usage, "{folder}/{name}");
            let tier = response.service_tier.as_ref().map(Str::as_str);
            if dialect != Dialect::Gemini {
                assert_eq!(scanned.tier.as_deref(), tier, "{folder}/{name}");
            }
        }
    }
}

#[test]
fn counts_that_nobody_asked_for_are_hidden_as_a_full_reader_hides_them() {
    for (dialect, folder) in [(Dialect::OpenAi, "openai"), (Dialect::Completions, "completions")] {
        let endpoint = Endpoint::from(dialect);
        let answer = Answer::between(dialect, dialect, endpoint.framing, true, Asked::default());
        for (name, body) in fixtures::files(folder, "streams") {
            let (mut stream, mut expected) = (answer.stream(false), Vec::new());
            stream.push(&body, &mut expected, &mut |_| {});
            stream.end(&mut expected, &mut |_| {});
            if stream.seen().fault.is_some() {
                continue;
            }
            let pieces: Vec<&[u8]> = body.chunks(7).collect();
            let (scanned, out) = scan(&endpoint, false, &pieces);
            assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(&expected), "{folder}/{name}");
            assert_eq!(scanned.usage, decoded(&endpoint, &body).0, "{folder}/{name}");
        }
    }
}

#[test]
fn in_other_envelopes_too() {
    let chunk =
        r#"{"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":4},"modelVersion":"g-1","candidates":[]}"#;
    let array = Endpoint { framing: Framing::JsonArray, ..Endpoint::from(Dialect::Gemini) };
    let (scanned, out) = scan(&array, true, &[format!("data: {chunk}\n\n").as_bytes()]);
    assert_eq!(scanned.usage, Some(Usage { input: 3, output: 4, ..Usage::default() }));
    assert_eq!(scanned.model.as_deref(), Some("g-1"));
    assert_eq!(serde_json::from_slice::<Vec<serde_json::Value>>(&out).unwrap().len(), 1);
    let invoked =
        Endpoint { hosting: Hosting::Bedrock, framing: Framing::Chunks, ..Endpoint::from(Dialect::Anthropic) };
    let (scanned, out) = scan(&invoked, true, &[b"not an event stream at all, but long enough to be read as one"]);
    assert_eq!(scanned, Scanned::default());
    assert!(out.starts_with(b"not an event stream"));
}

#[test]
fn what_looks_like_counts_and_is_none_is_passed_over() {
    let endpoint = Endpoint::from(Dialect::OpenAi);
    for data in [
        r#"{"usage":null}"#,
        r#"{"usage":[1]}"#,
        r#"{"choices":[{"delta":{"content":"\"usage\":{}"}}]}"#,
        r#"{"usage""#,
        "\"usage\"",
    ] {
        let stream = format!("data: {data}\n\n");
        assert_eq!(scan(&endpoint, false, &[stream.as_bytes()]), (Scanned::default(), stream.into_bytes()), "{data}");
    }
}

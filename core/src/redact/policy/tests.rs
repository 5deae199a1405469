//! What others find stands in for detectors here, so that every action and any text can be tried.

use super::*;
use crate::redact::config::Redact;
use proptest::prelude::*;

const KEY: &[u8] = b"EXAMPLE key, long enough";

fn policy(json: &str) -> Policy {
    let config: Redact = serde_json::from_str(json).expect("a policy");
    let config = Redact { tiers: Vec::new(), ..config };
    Policy::new(&config, KEY).expect("a policy that compiles")
}

fn place(scope: Scope) -> Place {
    Place { scope, form: Form::Text, signed: false, server_tool: false, choice: 0 }
}

/// Every run of four or more digits is a person: what an analyzer may say of a text.
fn others(text: &str) -> Others {
    let mut found = Vec::new();
    let mut from = 0;
    for run in text.split_inclusive(|letter: char| !letter.is_ascii_digit()) {
        let digits = run.bytes().take_while(u8::is_ascii_digit).count();
        if digits >= 4 {
            found.push((from..from + digits, "PERSON".to_owned()));
        }
        from += run.len();
    }
    Others::from([(text.to_owned(), found)])
}

/// A text as it goes to the provider, with the vault.
fn masked<'p>(policy: &'p Policy, tenant: &str, place: &Place, text: &str, others: &'p Others) -> (String, Pass<'p>) {
    let run = |taken| {
        let (mut pass, mut splices) = (Pass::new(policy, tenant, others, taken), Vec::new());
        pass.text(place, text, &mut splices);
        (crate::redact::pass::spliced(text, &splices), pass)
    };
    let (out, pass) = run(BTreeSet::new());
    let taken = pass.taken();
    if taken.is_empty() { (out, pass) } else { run(taken) }
}

fn restored(policy: &Policy, vault: &Vault, place: &Place, text: &str) -> String {
    let splices = policy.answer_splices(vault, place, text, &[], &mut Tally::default()).expect("nothing blocks");
    crate::redact::pass::spliced(text, &splices)
}

#[test]
fn a_key_must_be_a_secret() {
    let error = Policy::new(&Redact::default(), b"short").map(|_| ()).unwrap_err();
    assert_eq!(error, "key: 5 bytes are too few to be a secret: 16 or more are needed");
    let shown = format!("{:?}", policy("{}"));
    assert!(!shown.contains("EXAMPLE") && shown.contains("Key(..)"), "{shown}");
}

#[test]
fn placeholders_are_of_tenant_and_key() {
    let (user, text) = (place(Scope::User), "call 12345678");
    let others = others(text);
    let one = |tenant: &str| masked(&policy("{}"), tenant, &user, text, &others).0;
    assert_eq!(one("a"), one("a"));
    assert_ne!(one("a"), one("b"));
    assert!(one("a").starts_with("call [PERSON-"), "{}", one("a"));
}

#[test]
fn every_action_does_what_it_says() {
    let (user, text) = (place(Scope::User), "call 12345678!");
    for (action, expected) in [
        ("redact", "call [PERSON]!"),
        ("partial", "call ****5678!"),
        ("synthetic", "call [PERSON]!"),
        ("detect", text),
        ("off", text),
        ("block", text),
    ] {
        let policy = policy(&format!(r#"{{"entities":{{"person":"{action}"}}}}"#));
        let others = others(text);
        let (out, pass) = masked(&policy, "a", &user, text, &others);
        assert_eq!(out, expected, "{action}");
        assert_eq!(pass.tally.0.values().sum::<u64>(), u64::from(action != "off"), "{action}");
        assert_eq!(pass.blocked.is_some(), action == "block");
    }
    let hash = policy(r#"{"request":"hash"}"#);
    let (out, others) = (|others| masked(&hash, "a", &user, text, others).0, others(text));
    assert!(out(&others).starts_with("call [PERSON-sha:"), "{}", out(&others));
    let monitor = policy(r#"{"mode":"monitor","entities":{"person":"block"}}"#);
    let (out, pass) = masked(&monitor, "a", &user, text, &others);
    assert_eq!((out.as_str(), pass.blocked, pass.vault.is_empty()), (text, None, true));
    assert_eq!(pass.tally.0, BTreeMap::from([(("person".to_owned(), Action::Detect, Direction::Request), 1)]));
}

#[test]
fn made_up_values_are_found_again_and_stay() {
    let policy =
        policy(r#"{"tiers":[],"entities":{"iban":"synthetic","credit_card":"synthetic","email":"synthetic"}}"#);
    let text = "DE89370400440532013000, 4111 1111 1111 1111 and ann@example.org";
    let (once, found) = policy.explain_text("a", text);
    assert_eq!(found.len(), 3, "{found:?}");
    let pieces: Vec<_> = once.split([',', ' ']).collect();
    assert!(pieces[0].starts_with("DE") && pieces[0].len() == 22 && once.contains("@example.com"), "{once}");
    assert!(!once.contains('[') && once != text, "{once}");
    let (twice, found) = policy.explain_text("a", &once);
    assert!(twice == once && found.iter().all(|found| found.replacement.is_none()), "{twice} {found:?}");
}

#[test]
fn what_is_signed_stays_in_both_directions() {
    let (policy, text) = (policy("{}"), "12345678");
    let others = others(text);
    let signed = Place { signed: true, ..place(Scope::Assistant) };
    let (out, pass) = masked(&policy, "a", &signed, text, &others);
    assert_eq!((out.as_str(), pass.vault.is_empty(), pass.tally.0.len()), (text, true, 1));
    let (out, pass) = masked(&policy, "a", &place(Scope::User), text, &others);
    assert_eq!(restored(&policy, &pass.vault, &signed, &out), out);
    assert_eq!(restored(&policy, &pass.vault, &place(Scope::Assistant), &out), text);
}

#[test]
fn tools_get_originals_as_the_policy_says() {
    let text = "12345678";
    let others = others(text);
    let server = Place { server_tool: true, ..place(Scope::ToolCalls) };
    for (json, client_gets, server_gets) in [
        ("{}", true, false),
        (r#"{"restore":{"tool_calls":false}}"#, false, false),
        (r#"{"restore":{"server_tools":true}}"#, true, true),
    ] {
        let policy = policy(json);
        let (out, pass) = masked(&policy, "a", &place(Scope::User), text, &others);
        let gets = |place: &Place| restored(&policy, &pass.vault, place, &out) == text;
        assert_eq!((gets(&place(Scope::ToolCalls)), gets(&server)), (client_gets, server_gets), "{json}");
    }
}

#[test]
fn a_placeholder_that_a_user_writes_comes_back_as_such() {
    let (policy, user) = (policy("{}"), place(Scope::User));
    let stand_in = policy.key.placeholders("a", "PERSON", "person", "12345678").next().unwrap_or_default();
    let second = policy.key.placeholders("a", "TEXT", "placeholder", &stand_in).next().unwrap_or_default();
    let text = format!("12345678 is {stand_in} is {second}");
    let others = others(&text);
    let (out, pass) = masked(&policy, "a", &user, &text, &others);
    assert!(out.starts_with(&format!("{stand_in} is {second} is [TEXT-")), "{out}");
    assert_eq!(restored(&policy, &pass.vault, &user, &out), text);
    let alone = format!("{stand_in} [CARD-0123456789AB]");
    assert_eq!(masked(&policy, "a", &user, &alone, &Others::new()).0, alone);
}

#[test]
fn a_finding_never_cuts_a_placeholder_but_a_lookalike_hides_nothing() {
    let (policy, user) = (policy("{}"), place(Scope::User));
    let made = policy.key.placeholders("a", "PERSON", "person", "1").next().unwrap_or_default();
    let cut = Others::from([(made.clone(), vec![(2..9, "PERSON".to_owned())])]);
    assert_eq!(masked(&policy, "a", &user, &made, &cut).0, made);
    let lookalike = "[PERSON-123412341234]";
    let (out, _) = masked(&policy, "a", &user, lookalike, &others(lookalike));
    assert!(!out.contains("123412341234"), "{out}");
}

#[test]
fn explaining_says_what_and_keeps_nothing() {
    let policy = policy(r#"{"mode":"monitor"}"#);
    assert_eq!(policy.explain_text("a", "nothing here"), ("nothing here".to_owned(), Vec::new()));
}

#[test]
fn what_the_model_says_itself_is_treated_as_the_policy_says() {
    let custom = r#""custom":[{"name":"employee","regex":"E-[0-9]{6}"}]"#;
    for (action, expected) in [("redact", Ok("[EMPLOYEE]")), ("partial", Ok("*-******")), ("block", Err("employee"))] {
        let policy = policy(&format!(r#"{{"response":"{action}",{custom}}}"#));
        assert!(policy.reads_answers());
        let (text, mut tally) = ("E-123456", Tally::default());
        let found = policy.answer_detectors().map(|detectors| detectors.find(text)).unwrap_or_default();
        assert_eq!(found.len(), 1);
        let splices = policy.answer_splices(&Vault::of("a"), &place(Scope::Assistant), text, &found, &mut tally);
        let told = splices.map(|splices| crate::redact::pass::spliced(text, &splices));
        assert_eq!(told.as_deref().map_err(String::as_str), expected);
        assert_eq!(tally.0.len(), 1);
    }
    assert!(!policy(&format!("{{{custom}}}")).reads_answers());
}

#[test]
fn what_is_restored_is_not_redacted_again() {
    let policy = policy(r#"{"response":"redact","custom":[{"name":"employee","regex":"E-[0-9]{6}"}]}"#);
    let others = others("12345678");
    let (out, pass) = masked(&policy, "a", &place(Scope::User), "12345678", &others);
    let found = [Finding { range: 3..9, kind: 0 }];
    let splices = policy.answer_splices(&pass.vault, &place(Scope::Assistant), &out, &found, &mut Tally::default());
    assert_eq!(splices, Ok(vec![Splice { range: 0..out.len(), text: "12345678".to_owned() }]));
}

#[test]
fn too_much_is_refused_and_nothing_is_no_change() {
    let (policy, user, others) = (policy("{}"), place(Scope::User), Others::new());
    let endpoint = Endpoint::from(crate::dialect::Dialect::OpenAi);
    assert!(policy.request("a", &endpoint, b"", &others).is_ok_and(|masked| masked.body.is_none()));
    let long = "1".repeat(9 << 20);
    let found = self::others(&long);
    let (_, pass) = masked(&policy, "a", &user, &long, &found);
    assert!(pass.full);
}

proptest! {
    #[test]
    fn mask_and_restore_is_identity(text in "([ab\\[\\]卡]|10|1|1{4,6}0?|\\[PERSON-[0-9A-Z]{12}\\]){0,24}", tenant in "[ab]") {
        let (policy, user) = (policy("{}"), place(Scope::User));
        let others = others(&text);
        let (out, pass) = masked(&policy, &tenant, &user, &text, &others);
        prop_assert_eq!(restored(&policy, &pass.vault, &user, &out), text.clone());
        for run in text.split(|letter: char| !letter.is_ascii_digit()).filter(|run| run.len() >= 4 && run.len() < 8) {
            prop_assert!(!out.contains(run), "{run} in {out}");
        }
    }

    #[test]
    fn redacting_twice_is_redacting_once(
        text in "([ab\\[\\] ]|[0-9]{3,9}|\\[PERSON-[0-9A-Z]{12}\\]){0,24}",
        action in prop::sample::select(vec!["mask", "redact", "hash"]),
    ) {
        let (policy, user) = (policy(&format!(r#"{{"request":"{action}"}}"#)), place(Scope::User));
        let found = others(&text);
        let once = masked(&policy, "a", &user, &text, &found).0;
        let found = others(&once);
        prop_assert_eq!(masked(&policy, "a", &user, &once, &found).0, once.clone());
    }

    #[test]
    fn what_is_held_is_what_could_become_a_placeholder(cut in 0usize..40) {
        let (policy, user) = (policy("{}"), place(Scope::User));
        let others = others("12345678");
        let (out, pass) = masked(&policy, "a", &user, "12345678", &others);
        let text = format!("say {out} again");
        let head = text.get(..cut.min(text.len())).unwrap_or_default();
        let open = if head.len() < 4 + out.len() { head.len().saturating_sub(4) } else { 0 };
        prop_assert_eq!(policy.answer_held(&pass.vault, head), open);
    }
}

#[test]
fn only_what_may_be_withheld_makes_answers_costlier() {
    for (written, expected) in [
        ("{}", false),
        (r#"{"request": "block", "response": "redact"}"#, false),
        (r#"{"response": "block"}"#, true),
        (r#"{"mode": "monitor", "response": "block"}"#, false),
        (r#"{"response": {"assistant": "block", "tool_calls": "off"}}"#, true),
        // An entity's single action is for requests.
        (r#"{"entities": {"email": "block"}}"#, false),
        (r#"{"entities": {"email": {"request": "block", "response": "redact"}}}"#, false),
        (r#"{"entities": {"email": {"response": {"assistant": "block"}}}}"#, true),
    ] {
        let config = serde_json::from_str(written).expect("a policy");
        let policy = Policy::new(&config, KEY).expect("a policy that compiles");
        assert_eq!(policy.blocks_answers(), expected, "{written}");
    }
}

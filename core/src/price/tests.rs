use super::*;
use crate::usage::Usage;
use proptest::prelude::*;

/// A price list's entries for a test, with everything that can be priced.
const LIST: &str = r#"{ "format": "attache.prices.v1", "prices": [
  { "provider": "test", "models": ["all"], "currency": "USD", "as_of": "2026-01-31", "source": "https://example.com",
    "input": 3, "cached_input": 0.30, "cache_write": 3.75, "cache_write_1h": 6, "audio_input": 40, "cached_audio": 2.5,
    "image_input": "10", "output": 15, "reasoning": 12, "audio_output": 80, "image_output": 40, "request": 0.005,
    "above": { "200000": { "input": 6, "cached_input": 0.6, "output": 22.5 } },
    "tiers": { "batch": { "input": 1.5, "output": 7.5 }, "priority": { "input": 6, "output": 30,
               "above": { "200000": { "input": 12, "output": 45 } } } } },
  { "provider": "test", "models": ["plain"], "currency": "USD", "input": 0.15, "output": 0.6 },
  { "provider": "test", "models": ["fine"], "currency": "USD", "input": 0.0001, "output": 0.0005 },
  { "provider": "test", "models": ["pictures"], "currency": "USD", "image": 0.04 } ] }"#;

fn price(model: &str) -> Price {
    let entries = read(LIST).unwrap();
    entries.into_iter().find(|entry| entry.model == model).unwrap().price
}

/// What it costs as a decimal, or why nobody knows.
fn costs(model: &str, used: impl Into<Used>, tier: Option<&str>) -> String {
    match cost_of_used(&price(model), &used.into(), tier) {
        Ok(cost) => cost.nanos.to_string(),
        Err(unknown) => unknown.to_string(),
    }
}

/// The documented cases, each computed by hand. The fee of 0.005 for a request of `all` is in all of its sums.
#[test]
fn ten_bills() {
    let tokens = |input, output| Usage { input, output, ..Usage::default() };
    // 1. Plain: 1000 × 0.15/M + 500 × 0.60/M = 0.00015 + 0.0003
    assert_eq!(costs("plain", tokens(1000, 500), None), "0.00045");
    // 2. Cached: 200 × 3/M + 800 × 0.30/M + 100 × 15/M = 0.0006 + 0.00024 + 0.0015
    let cached = Usage { cached_input: 800, ..tokens(1000, 100) };
    assert_eq!(costs("all", cached, None), "0.00734");
    // Without a price of their own, cached tokens cost what all do: 1000 × 0.15/M + 100 × 0.60/M
    assert_eq!(costs("plain", cached, None), "0.00021");
    // 3. Cache writes for 5 minutes and an hour: 100 × 3/M + 300 × 3.75/M + 600 × 6/M = 0.0003 + 0.001125 + 0.0036
    let written = Usage { cache_write: 900, cache_write_1h: 600, ..tokens(1000, 0) };
    assert_eq!(costs("all", written, None), "0.010025");
    // 4. Reasoning: 400 × 15/M + 600 × 12/M = 0.006 + 0.0072; where it has no price, as output: 1000 × 0.60/M
    let reasoned = Usage { reasoning: 600, ..tokens(0, 1000) };
    assert_eq!(costs("all", reasoned, None), "0.0182");
    assert_eq!(costs("plain", reasoned, None), "0.0006");
    // 5. Long prompts: at 200,000 the usual rates, 200,000 × 3/M; one more, and *all* are dearer: 200,001 × 6/M
    assert_eq!(costs("all", tokens(200_000, 0), None), "0.605");
    assert_eq!(costs("all", tokens(200_001, 1000), None), "1.227506");
    // 6. Audio: 100 × 3/M + 500 × 40/M + 400 × 2.5/M + 50 × 15/M + 50 × 80/M = 0.0003 + 0.02 + 0.001 + 0.00075 + 0.004
    let heard = Usage { audio_input: 900, cached_input: 400, audio_output: 50, ..tokens(1000, 100) };
    let heard = Used { cached_audio: 400, ..Used::from(heard) };
    assert_eq!(costs("all", heard, None), "0.03105");
    // 7. Images: three at 0.04; or by tokens: 100 × 3/M + 200 × 10/M + 4000 × 40/M = 0.0003 + 0.002 + 0.16
    assert_eq!(costs("pictures", Used { images: 3, ..Used::default() }, None), "0.12");
    let drawn = Used { image_input: 200, image_output: 4000, images: 1, ..Used::from(tokens(300, 4000)) };
    assert_eq!(costs("all", drawn, None), "0.1673");
    // 8. Nothing but the fee of a request.
    assert_eq!(costs("all", Usage::default(), None), "0.005");
    // 9. Service tiers: 1000 × 1.5/M + 100 × 7.5/M; 1000 × 6/M + 100 × 30/M; long: 300,000 × 12/M + 100 × 45/M
    assert_eq!(costs("all", tokens(1000, 100), Some("batch")), "0.00725");
    assert_eq!(costs("all", tokens(1000, 100), Some("priority")), "0.014");
    assert_eq!(costs("all", tokens(300_000, 100), Some("priority")), "3.6095");
    assert_eq!(costs("all", tokens(1000, 100), Some("default")), costs("all", tokens(1000, 100), None));
    // 10. Rounding, half up: 4 × 0.1 = 0.4 nanos, 5 × 0.1 = 0.5 nanos, 3 × 0.5 = 1.5 nanos
    assert_eq!(costs("fine", tokens(4, 0), None), "0");
    assert_eq!(costs("fine", tokens(5, 0), None), "0.000000001");
    assert_eq!(costs("fine", tokens(0, 3), None), "0.000000002");
    // Once at the end, not once a line: 0.4 + 0.5 nanos are 1, not 0 + 1 or 0 + 0
    assert_eq!(costs("fine", tokens(4, 1), None), "0.000000001");
}

#[test]
fn what_has_no_price_is_unknown() {
    let heard = Usage { input: 10, audio_input: 5, ..Usage::default() };
    assert_eq!(costs("plain", heard, None), "no price is known for `audio_input`");
    let written = Usage { input: 10, cache_write: 5, ..Usage::default() };
    assert_eq!(costs("plain", written, None), "no price is known for `cache_write`");
    assert_eq!(costs("plain", Used { images: 1, ..Used::default() }, None), "no price is known for `image`");
    let plain = Usage { input: 10, ..Usage::default() };
    assert_eq!(costs("pictures", plain, None), "no price is known for `input`");
    let tier = "no price is known for this service tier and length of prompt";
    assert_eq!(costs("plain", plain, Some("flex")), tier);
    // Batch has a price, but not for a prompt for which the usual one is another.
    assert_eq!(costs("all", Usage { input: 300_000, ..plain }, Some("batch")), tier);
    // A long prompt's list stands on its own.
    let long = Usage { input: 300_000, cache_write: 5, ..plain };
    assert_eq!(costs("all", long, None), "no price is known for `cache_write`");
}

#[test]
fn what_cannot_be_true_is_an_error_or_believed_in_parts() {
    let endless = Usage { input: u64::MAX, output: u64::MAX, ..Usage::default() };
    assert_eq!(costs("plain", endless, None), "the sum is more than can be booked");
    let dear = price_of("input", u64::MAX);
    assert_eq!(cost(&dear, &endless, None), Err(NoCost::Unpriced(Component::Output)));
    let usage = Usage { input: u64::MAX, cached_input: u64::MAX, cache_write: 0, ..Usage::default() };
    assert_eq!(cost(&dear, &usage, None), Err(NoCost::Overflow));
    // More cached than there is: the cached ones are paid for.
    let odd = Usage { input: 100, cached_input: 1000, ..Usage::default() };
    assert_eq!(costs("all", odd, None), "0.0053");
}

fn price_of(component: &str, picos: u64) -> Price {
    let mut price = price("plain");
    price.standard.rates = Rates::default();
    price.standard.rates.state(Component::of_name(component).unwrap(), Picos(picos));
    price
}

#[test]
fn a_bill_says_how_it_comes_to_its_sum() {
    let used = Used::from(Usage { input: 1000, cached_input: 800, output: 100, ..Usage::default() });
    let lines = bill(&price("all"), &used, None).unwrap();
    let words: Vec<String> = lines
        .iter()
        .map(|line| format!("{} {} at {}", line.units, line.component.as_str(), line.rate.per(1_000_000)))
        .collect();
    assert_eq!(words, ["200 input at 3", "800 cached_input at 0.3", "100 output at 15", "1 request at 5000"]);
    let sum: u128 = lines.iter().map(|line| u128::from(line.units) * u128::from(line.rate.0)).sum();
    assert_eq!(sum, cost_of_used(&price("all"), &used, None).unwrap().picos);
}

#[test]
fn lists_are_read_as_written() {
    let entries = read(LIST).unwrap();
    assert_eq!(read(&write(&entries)).unwrap(), entries);
    let built_in: Vec<Entry> = read(include_str!("../../data/prices.json")).unwrap();
    assert_eq!(read(&write(&built_in)).unwrap(), built_in);
    for (wrong, complaint) in [
        (r#"{ "format": "v0", "prices": [] }"#, "format: `v0` is not `attache.prices.v1`"),
        (LIST.replacen("\"input\"", "\"inptu\"", 1).as_str(), "prices[0].inptu: nothing of that name has a price"),
        (
            LIST.replacen("40,", "4e-9,", 1).as_str(),
            "prices[0].audio_input: it has more decimal places than can be kept",
        ),
        (LIST.replacen("0.30", "-0.30", 1).as_str(), "prices[0].cached_input: it is less than zero"),
        (
            LIST.replacen("1.5", "true", 1).as_str(),
            "prices[0].tiers.batch.input: it is not a decimal number such as 0.15",
        ),
        (
            LIST.replacen("\"200000\"", "\"200k\"", 1).as_str(),
            "prices[0].above.200k: expected a number of input tokens",
        ),
        (LIST.replacen("\"provider\"", "\"vendor\"", 1).as_str(), "prices[0].provider: is missing"),
        (
            LIST.replacen("USD", "usd", 1).as_str(),
            "prices[0].currency: expected a currency's code of three capital letters, such as USD",
        ),
    ] {
        assert_eq!(read(wrong).unwrap_err().to_string(), complaint);
    }
}

#[test]
fn the_built_in_list_is_dated_and_says_who_says_so() {
    let catalogue = Catalogue::built_in();
    assert!(catalogue.iter().count() > 100);
    for (name, price) in catalogue.iter() {
        let Origin { as_of, source, .. } = &price.origin;
        assert!(as_of.as_ref().is_some_and(|day| day.len() == 10), "{name}");
        assert!(source.as_ref().is_some_and(|source| source.starts_with("https://")), "{name}");
        for (schedule, rates) in std::iter::once(&price.standard).chain(price.tiers.values()).map(|s| (s, s.rates)) {
            assert!(!rates.is_empty(), "{name}");
            assert!(rates.iter().all(|(_, price)| price.0 > 0), "{name}: free is nothing");
            for long in schedule.above.values() {
                assert!(long.rate(Component::Input) >= rates.rate(Component::Input), "{name}: long prompts are dearer");
            }
        }
    }
}

#[test]
fn a_model_is_found_by_its_own_names_only() {
    let catalogue = Catalogue::built_in();
    for (host, model, expected) in [
        ("api.openai.com", "gpt-4o", Some("openai/gpt-4o")),
        ("api.openai.com", "gpt-4o-2024-08-06", Some("openai/gpt-4o")),
        ("api.openai.com", "gpt-4o-2024-05-13", Some("openai/gpt-4o-2024-05-13")),
        ("api.openai.com", "openai/gpt-4o", Some("openai/gpt-4o")),
        ("api.openai.com", "gpt-4o-mini-2024-07-18", Some("openai/gpt-4o-mini")),
        ("api.openai.com", "gpt-4o-mini-tts", None),
        ("api.openai.com", "gpt-4", Some("openai/gpt-4")),
        ("api.openai.com", "gpt-4-32k", None),
        ("api.openai.com", "o1-mini-2024-09-12", Some("openai/o1-mini")),
        ("api.openai.com", "o1-2024-12-17", Some("openai/o1")),
        ("api.openai.com", "o1-preview-2024-09-12", None),
        ("api.openai.com", "gpt-5-mini", Some("openai/gpt-5-mini")),
        ("api.openai.com", "gpt-5-mini-max", None),
        ("api.openai.com", "gpt-5.3", None),
        ("api.openai.com", "GPT-4o", None),
        ("api.openai.com", "ft:gpt-4o-mini-2024-07-18:org::id", None),
        ("api.openai.com", "anthropic/claude-sonnet-4-5", None),
        ("eu.api.openai.com", "gpt-4o", None),
        ("api.anthropic.com", "claude-sonnet-4-20250514", Some("anthropic/claude-sonnet-4")),
        ("api.anthropic.com", "claude-sonnet-4-5-20250929", Some("anthropic/claude-sonnet-4-5")),
        ("api.anthropic.com", "claude-3-5-sonnet-latest", Some("anthropic/claude-3-5-sonnet")),
        ("api.anthropic.com", "claude-3-5-haiku-20241022", Some("anthropic/claude-3-5-haiku")),
        ("generativelanguage.googleapis.com", "models/gemini-2.5-flash", Some("google/gemini-2.5-flash")),
        ("generativelanguage.googleapis.com", "gemini-2.5-flash-lite", Some("google/gemini-2.5-flash-lite")),
        ("generativelanguage.googleapis.com", "gemini-2.0-flash-001", Some("google/gemini-2.0-flash")),
        ("aiplatform.googleapis.com", "claude-sonnet-4-5@20250929", Some("anthropic/claude-sonnet-4-5")),
        ("us-east5-aiplatform.googleapis.com", "claude-sonnet-4-5@20250929", None),
        ("europe-west1-aiplatform.googleapis.com", "gemini-2.5-pro", Some("google/gemini-2.5-pro")),
        ("openrouter.ai", "openai/gpt-4o", Some("openai/gpt-4o")),
        ("openrouter.ai", "openai/gpt-4o:free", None),
        ("openrouter.ai", "deepseek/deepseek-v4-flash", None),
        ("api.groq.com", "openai/gpt-oss-120b", Some("groq/openai/gpt-oss-120b")),
        ("api.groq.com", "openai/gpt-4o", None),
        (
            "bedrock-runtime.us-east-1.amazonaws.com",
            "us.anthropic.claude-sonnet-4-20250514-v1:0",
            Some("bedrock/anthropic.claude-sonnet-4"),
        ),
        (
            "bedrock-runtime.us-east-1.amazonaws.com",
            "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
            Some("bedrock/global.anthropic.claude-sonnet-4-5"),
        ),
        (
            "bedrock-runtime.us-east-1.amazonaws.com",
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            Some("bedrock/anthropic.claude-sonnet-4-5"),
        ),
        ("bedrock-runtime.us-west-2.amazonaws.com", "amazon.nova-lite-v1:0", Some("bedrock/amazon.nova-lite")),
        ("bedrock-runtime.eu-west-1.amazonaws.com", "eu.amazon.nova-lite-v1:0", None),
        ("localhost", "gpt-4o", None),
        ("api.openai.com", "", None),
    ] {
        let found = catalogue.find("name", vendor_of_host(host), model);
        assert_eq!(found.as_ref().map(|price| price.name.as_str()), expected, "{model} at {host}");
    }
}

#[test]
fn an_operator_s_own_price_comes_first() {
    let mut catalogue = Catalogue::built_in();
    for (name, picos) in [("mine/gpt-4o", 1), ("openai/gpt-4o-mini", 2), ("llama", 3), ("gpt-5", 4)] {
        catalogue.own(name.to_owned(), price_of("input", picos));
    }
    let input = |provider: &str, vendor, model: &str| {
        let price = catalogue.find(provider, vendor, model)?;
        price.standard.rates.stated(Component::Input).map(|picos| picos.0)
    };
    assert_eq!(input("mine", Some("openai"), "gpt-4o"), Some(1));
    assert_eq!(input("mine", Some("openai"), "gpt-4o-2024-08-06"), Some(1), "also without its date");
    assert_eq!(input("mine", Some("openai"), "gpt-4o-2024-05-13"), Some(5_000_000), "an exact name comes before it");
    assert_eq!(input("other", Some("openai"), "gpt-4o"), Some(2_500_000));
    assert_eq!(input("other", Some("openai"), "gpt-4o-mini"), Some(2));
    assert_eq!(input("openai", None, "gpt-4o-mini"), Some(2));
    assert_eq!(input("other", None, "gpt-4o-mini"), None);
    assert_eq!(input("anyone", None, "llama"), Some(3));
    assert_eq!(input("anyone", Some("openai"), "gpt-5"), Some(4));
}

/// Usage whose parts are within their totals.
fn usages() -> impl Strategy<Value = Usage> {
    (proptest::array::uniform8(0_u64..100_000)).prop_map(
        |[plain, cached, short, hour, audio, output, reasoning, spoken]| Usage {
            input: plain + cached + short + hour + audio,
            cached_input: cached,
            cache_write: short + hour,
            cache_write_1h: hour,
            audio_input: audio,
            output: output + reasoning + spoken,
            reasoning,
            audio_output: spoken,
            cost_nanos: None,
        },
    )
}

fn sum(a: Usage, b: Usage) -> Usage {
    Usage {
        input: a.input + b.input,
        cached_input: a.cached_input + b.cached_input,
        cache_write: a.cache_write + b.cache_write,
        cache_write_1h: a.cache_write_1h + b.cache_write_1h,
        audio_input: a.audio_input + b.audio_input,
        output: a.output + b.output,
        reasoning: a.reasoning + b.reasoning,
        audio_output: a.audio_output + b.audio_output,
        cost_nanos: None,
    }
}

proptest! {
    #[test]
    fn two_exchanges_cost_what_their_sum_costs(a in usages(), b in usages()) {
        // Within one tier of lengths, but for the fee that each request pays.
        let mut price = price("all");
        price.standard.above.clear();
        let picos = |usage| cost(&price, &usage, None).unwrap().picos;
        prop_assert_eq!(picos(a) + picos(b), picos(sum(a, b)) + 5_000_000_000);
        let nanos = |usage| cost(&price, &usage, None).unwrap().nanos.0;
        prop_assert!((nanos(a) + nanos(b)).abs_diff(nanos(sum(a, b)) + 5_000_000) <= 1, "rounded once each");
    }

    #[test]
    fn more_never_costs_less(a in usages(), b in usages()) {
        let mut price = price("all");
        for (component, rate) in price.standard.rates.iter() {
            // What is cheaper for long prompts would break it, and nobody sells that.
            let dearer = price.standard.above[&200_000].stated(component).unwrap_or(rate);
            price.standard.above.get_mut(&200_000).unwrap().state(component, dearer);
        }
        prop_assert!(cost(&price, &a, None).unwrap().nanos <= cost(&price, &sum(a, b), None).unwrap().nanos);
    }

    #[test]
    fn no_usage_breaks_it(numbers in proptest::array::uniform8(any::<u64>()), more in proptest::array::uniform4(any::<u64>())) {
        let [input, cached_input, cache_write, cache_write_1h, audio_input, output, reasoning, audio_output] = numbers;
        let tokens = Usage { input, cached_input, cache_write, cache_write_1h, audio_input, output, reasoning, audio_output, cost_nanos: None };
        let [cached_audio, image_input, image_output, images] = more;
        let used = Used { tokens, cached_audio, image_input, image_output, images };
        for tier in [None, Some("batch"), Some("priority")] {
            let _known = cost_of_used(&price("all"), &used, tier);
        }
    }
}

use super::*;
use attache_proto::usage::v1::{Attempt, Caller, Cost, Tokens, UsageRecord};

/// Midnight of 2026-01-31, UTC.
const DAY_MS: u64 = 1_769_817_600_000;

fn record(caller: &str, model: &str, nanos: Option<u64>, started_unix_ms: u64) -> UsageRecord {
    UsageRecord {
        started_unix_ms,
        model: model.to_owned(),
        attempts: vec![Attempt { provider: "openai".into(), ..Attempt::default() }],
        ending: "complete".to_owned(),
        tokens: Some(Tokens { input: 100, cached_input: 50, output: 10, ..Tokens::default() }),
        caller: (!caller.is_empty()).then(|| Caller {
            name: caller.to_owned(),
            team: Some("search".to_owned()),
            tags: [("app".to_owned(), "web".to_owned())].into(),
            ..Caller::default()
        }),
        price_unknown: nanos.is_none(),
        cost: nanos.map(|nanos| Cost { currency: "USD".into(), nanos, price: String::new() }),
        ..UsageRecord::default()
    }
}

fn log(records: &[UsageRecord]) -> String {
    records.iter().map(|record| format!("{}\n", serde_json::to_string(record).unwrap())).collect()
}

fn report(log: &str, by: &str, span: &Span) -> Report {
    let mut report = Report::new(by.split(',').map(|key| key.parse().unwrap()).collect());
    read(log.as_bytes(), span, &mut report).unwrap();
    report
}

fn some_records() -> Vec<UsageRecord> {
    let mut refused = record("bob", "fast", None, DAY_MS + 1);
    (refused.price_unknown, refused.tokens, refused.refused_by) = (false, None, Some("minute".into()));
    let mut failed = record("bob", "fast", None, DAY_MS + 2);
    (failed.price_unknown, failed.tokens, failed.ending) = (false, None, "failed".into());
    let mut yuan = record("bob", "fast", Some(5_000_000_000), DAY_MS + 3);
    yuan.cost.as_mut().unwrap().currency = "CNY".into();
    let third = 1_000_000_000 / 3;
    vec![
        record("bob", "fast", Some(third), DAY_MS),
        refused,
        failed,
        yuan,
        record("alice", "fast", Some(third), DAY_MS + 86_399_999),
        record("alice", "smart", Some(2 * third + 2), DAY_MS + 86_400_000),
        record("", "smart", None, DAY_MS + 86_400_000),
    ]
}

#[test]
fn rows_are_sums_and_the_dearest_comes_first() {
    let report = report(&log(&some_records()), "caller,tag:app", &Span::default());
    let rows = report.sorted(None);
    assert_eq!(
        report.table(&rows, true).csv(),
        "caller,tag:app,exchanges,failed,cut,refused,price_unknown,input,cached_input,cache_write,output,reasoning,\
         audio_input,audio_output,cost_cny,cost_usd\n\
         bob,web,4,1,0,1,0,200,100,0,20,0,0,0,5,0.333333333\n\
         alice,web,2,0,0,0,0,200,100,0,20,0,0,0,0,1.000000001\n\
         -,-,1,0,0,0,1,100,50,0,10,0,0,0,0,0\n\
         total,,7,1,0,1,1,500,250,0,50,0,0,0,5,1.333333334\n"
    );
    // Where it is known that a yuan is worth 0.1 dollars, bob is the cheaper one.
    let config = r#"
providers: { openai: { dialect: openai, url: "https://api.openai.com/v1", expose: true } }
prices: { exchange: { CNY: 0.1 } }
"#;
    let config = config::compile(config, &|_| None).unwrap();
    let first = |prices| report.sorted(prices).first().map(|(keys, _)| keys[0].clone());
    assert_eq!((first(None).as_deref(), first(Some(&config.prices)).as_deref()), (Some("bob"), Some("alice")));
}

#[test]
fn rows_stand_for_anything_that_records_tell() {
    let log = log(&some_records());
    let rows = |by| {
        let report = report(&log, by, &Span::default());
        report.sorted(None).iter().map(|(keys, _)| keys.join(" ")).collect::<Vec<_>>()
    };
    assert_eq!(rows("day"), ["2026-01-31", "2026-02-01"]);
    assert_eq!(rows("team,org"), ["search -", "- -"]);
    assert_eq!(rows("model,provider"), ["fast openai", "smart openai"]);
    assert!("tag:".parse::<Key>().is_err() && "users".parse::<Key>().is_err());
}

#[test]
fn json_is_exact() {
    let report = report(&log(&some_records()), "model", &Span::default());
    let json = report.json(&report.sorted(None));
    assert_eq!(json["rows"][1]["cost"], serde_json::json!({ "USD": "0.666666668" }));
    assert_eq!(json["rows"][1]["price_unknown"], 1);
    assert_eq!(json["total"]["tokens"]["input"], 500);
    assert_eq!(json["total"]["cost"], serde_json::json!({ "CNY": "5", "USD": "1.333333334" }));
}

#[test]
fn only_what_began_in_the_span_counts() {
    let log = log(&some_records());
    let exchanges = |since: &str, until: &str| {
        let moment = |text: &str| (!text.is_empty()).then(|| text.parse::<Moment>().unwrap().unix_ms(UNIX_EPOCH));
        let report = report(&log, "day", &Span { since: moment(since), until: moment(until) });
        report.json(&[])["total"]["exchanges"].as_u64().unwrap()
    };
    assert_eq!(exchanges("", ""), 7);
    assert_eq!(exchanges("2026-02-01", ""), 2);
    assert_eq!(exchanges("", "2026-02-01"), 5);
    assert_eq!(exchanges("2026-01-31T00:00:01Z", "2026-02-01 00:00:00"), 1);
    assert_eq!("24h".parse::<Moment>(), Ok(Moment::Ago(Duration::from_secs(86_400))));
    assert!("yesterday".parse::<Moment>().is_err() && "2026-02-31".parse::<Moment>().is_err());
}

#[test]
fn broken_lines_are_skipped_and_counted() {
    let good = log(&some_records()[..1]);
    let long = "x".repeat(usize::try_from(LINE_BYTES_MAX).unwrap() * 2);
    let euro = good.replace("USD", "dollars");
    let never = good.replace(&DAY_MS.to_string(), &u64::MAX.to_string());
    let (half, _) = good.split_at(good.len() / 2);
    let log = format!("{good}{long}\n\n[1]\n{{}}\nnull\n{euro}{never}{good}{half}");
    let report = report(&log, "model", &Span::default());
    assert_eq!(report.broken, 7);
    assert_eq!(report.json(&[])["total"]["exchanges"], 2);
}

#[test]
fn names_that_clients_make_up_share_a_row_in_the_end() {
    let mut report = Report::new(vec![Key::Model]);
    let line = log(&[record("bob", "NAME", Some(1), DAY_MS)]);
    for i in 0..100_010 {
        report.line(line.replace("NAME", &i.to_string()).as_bytes(), |_| true);
    }
    let rows = report.sorted(None);
    assert_eq!(rows.len(), 100_001);
    assert_eq!(rows[0].0, ["(others)"]);
    assert_eq!(report.json(&rows[..1])["rows"][0]["exchanges"], 10);
}

use super::*;
use proptest::prelude::*;

fn key(byte: u8) -> Key {
    Key::from_bytes([byte; 32])
}

fn filter(wish: Wish) -> Filter {
    wish.filter(1_000_000).unwrap()
}

fn name(name: &str) -> Option<String> {
    Some(name.to_owned())
}

#[test]
fn a_wish_names_what_has_all_that_it_says() {
    let tags = Tags::of("faq", "gpt", "team/search", 996_400);
    let cases = [
        (Wish { rule: name("faq"), ..Wish::default() }, true),
        (Wish { rule: name("other"), ..Wish::default() }, false),
        (Wish { model: name("gpt"), tenant: name("team/search"), ..Wish::default() }, true),
        (Wish { model: name("gpt"), tenant: name("team/other"), ..Wish::default() }, false),
        (Wish { key: name("ABab"), ..Wish::default() }, true),
        (Wish { key: name("ac"), ..Wish::default() }, false),
        (Wish { older_than: name("1h"), ..Wish::default() }, true),
        (Wish { older_than: name("61m"), ..Wish::default() }, false),
        (Wish { all: true, ..Wish::default() }, true),
    ];
    for (wish, named) in cases {
        let filter = filter(wish.clone());
        assert_eq!(filter.names(&key(0xab), &tags), named, "{wish:?}");
        assert_eq!(Filter::read(filter.write().as_bytes()), filter, "{wish:?}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (wish, why) in [
        (Wish::default(), NoWish::Nothing),
        (Wish { all: true, rule: name("faq"), ..Wish::default() }, NoWish::Nothing),
        (Wish { key: name(""), ..Wish::default() }, NoWish::Key),
        (Wish { key: name("xy"), ..Wish::default() }, NoWish::Key),
        (Wish { older_than: name("soon"), ..Wish::default() }, NoWish::Age),
    ] {
        assert_eq!(wish.filter(0), Err(why), "{wish:?}");
    }
    let typo: Result<Wish, _> = serde_json::from_str(r#"{"rule": "faq", "modle": "gpt"}"#);
    assert!(typo.is_err(), "a slip of the pen does not purge more");
}

#[test]
fn a_purge_that_is_not_understood_names_everything() {
    for text in ["", "{", "[]", r#"{"rule": "faq"}"#, r#"{"rule": 1, "colour": 2}"#, "null"] {
        assert!(Filter::read(text.as_bytes()).is_everything(), "{text}");
    }
}

#[test]
fn who_knew_of_a_purge_stores_after_it() {
    let mut purges = Purges::default();
    let tags = |rule| Tags::of(rule, "gpt", "shared", 1);
    assert!(purges.add(5, filter(Wish { rule: name("faq"), ..Wish::default() })));
    let dead = |purges: &Purges, rule, epoch| purges.cover(&key(1), &tags(rule), epoch);
    assert!(dead(&purges, "faq", 4) && !dead(&purges, "faq", 5) && !dead(&purges, "other", 4));
    assert!(!purges.add(5, filter(Wish { rule: name("faq"), ..Wish::default() })), "no news");
    assert!(purges.add(7, filter(Wish { rule: name("faq"), ..Wish::default() })));
    assert_eq!((purges.len(), purges.latest()), (1, 7));
    assert!(dead(&purges, "faq", 6));
    assert!(purges.add(9, Filter::default()));
    assert_eq!(purges.len(), 1, "everything stands for all that was before");
    assert!(dead(&purges, "other", 8) && !dead(&purges, "faq", 9));
}

#[test]
fn a_later_purge_by_age_stands_for_the_earlier_one() {
    let mut purges = Purges::default();
    let older = |age: &str, now| Wish { older_than: name(age), ..Wish::default() }.filter(now).unwrap();
    purges.add(1, older("1h", 100_000));
    purges.add(2, older("10h", 100_600));
    assert_eq!(purges.len(), 1);
    assert!(purges.cover(&key(1), &Tags::of("", "", "", 96_400), 0));
    assert!(!purges.cover(&key(1), &Tags::of("", "", "", 96_401), 0));
}

#[test]
fn there_are_never_too_many() {
    let mut purges = Purges::default();
    for i in 0..3 * PURGES_MAX {
        purges.add(i as u64 + 1, filter(Wish { rule: name(&i.to_string()), ..Wish::default() }));
        assert!(purges.len() <= PURGES_MAX);
    }
    for i in 0..2 * PURGES_MAX {
        assert!(purges.cover(&key(1), &Tags::of(&i.to_string(), "", "", 0), 0), "{i} is still purged");
    }
}

proptest! {
    #[test]
    fn tags_come_back(rule in ".*", model in ".*", tenant in ".*", at in any::<u64>()) {
        let tags = Tags::of(&rule, &model, &tenant, at);
        prop_assert_eq!(Tags::read(&tags.write()), tags);
    }

    #[test]
    fn no_bytes_break_a_filter(bytes in any::<Vec<u8>>()) {
        let filter = Filter::read(&bytes);
        prop_assert_eq!(Filter::read(filter.write().as_bytes()), filter);
    }
}

//! How people are reached: e-mail addresses and phone numbers.

use super::{Detector, PERSONAL, Tier, all_if};
use crate::redact::detect::{Edge, checksum::digits};
use std::ops::Range;

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "email",
        label: "EMAIL",
        about: "E-mail address in ASCII; not `git@host`, and not `icon@2x.png`",
        shape: r"[A-Za-z0-9_][A-Za-z0-9._%+~'-]{0,63}@[A-Za-z0-9][A-Za-z0-9.-]*\.(?:[A-Za-z]{2,24}|xn--[A-Za-z0-9-]{2,59})",
        bytes_max: 254,
        check: address,
        source: "https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1",
        found: &[
            "write to ⟦ann.lee+news@mail.example.com⟧.",
            "请发邮件到⟦wang_wei@example.com.cn⟧谢谢",
            "\"⟦o'brien@example.org⟧\" <mailto:x>",
            "an=⟦info@xn--mller-kva.example⟧;",
            "<⟦A@B.CO⟧>",
        ],
        not_found: &[
            "clone git@github.com:a/b.git",
            "icon@2x.png",
            "root@localhost",
            "a..b@c",
            "pkg@1.2.3",
            "@app.route",
            "a@-b.com",
            "a@b..com",
        ],
        ..PERSONAL
    },
    Detector {
        entity: "phone",
        label: "PHONE",
        about: "Phone number with + and the code of its country (E.164), of as many digits as that country's have",
        shape: r"\+[1-9](?:[ ./()-]{0,2}\d){6,16}",
        bytes_max: 36,
        check: international,
        source: "https://www.itu.int/rec/T-REC-E.164",
        found: &[
            "call ⟦+14155552671⟧",
            "Tel. ⟦+49 (0)151 1234 5678⟧, ab 9 Uhr",
            "电话⟦+86 138-0013-8000⟧找我",
            "⟦+1 (415) 555-2671⟧ ext. 9",
            "⟦+44 20 7946 0958⟧ 24 hours",
            "tel:⟦+390612345678⟧",
        ],
        not_found: &[
            "+1 055 555 2671",
            "+1700000000",
            "x+14155552671",
            "+1700000000000",
            "+999 12345678",
            "+3 33 12 34 56 78",
            "+20231115123456",
        ],
        ..PERSONAL
    },
    Detector {
        entity: "phone",
        label: "PHONE",
        about: "Phone number as it is dialled within a country, or with 00, behind a word that says so",
        tier: Tier::Likely,
        shape: r"\(?\d{2,5}\)?(?:[ ./-]{0,3}\d{2,8}){1,5}",
        edge: Edge::Number,
        bytes_max: 28,
        check: national,
        context: &[
            "phone",
            "telephone",
            "tel",
            "mobile",
            "cell",
            "call",
            "dial",
            "fax",
            "whatsapp",
            "sms",
            "telefon",
            "handy",
            "mobil",
            "telefoon",
            "mobiel",
            "tél",
            "téléphone",
            "portable",
            "teléfono",
            "móvil",
            "telefono",
            "cellulare",
            "telefone",
            "celular",
            "телефон",
            "电话",
            "手机",
            "座机",
            "傳真",
            "電話",
            "携帯",
            "전화",
        ],
        source: "https://www.itu.int/oth/T0202.aspx?lang=en&parent=T0202",
        found: &[
            "Phone: ⟦(415) 555-2671⟧",
            "Telefon ⟦030/123456-78⟧",
            "电话:⟦010-66668888⟧",
            "Tél. ⟦01 23 45 67 89⟧",
            "call ⟦0049 151 12345678⟧",
        ],
        not_found: &["(415) 555-2671", "phone 12345", "call 3.14159265", "tel 2024-11-05", "fax 123456789012345678"],
        ..PERSONAL
    },
];

fn address(candidate: &str) -> Option<Range<usize>> {
    /// Ends of files that stand behind `name@2x` and `name@version`.
    const FILES: [&str; 12] = ["png", "jpg", "jpeg", "gif", "webp", "svg", "css", "html", "json", "lock", "tgz", "whl"];
    let (local, domain) = candidate.split_once('@')?;
    let ending = domain.rsplit('.').next()?.to_ascii_lowercase();
    if local == "git" || local.ends_with('.') || local.contains("..") || FILES.contains(&ending.as_str()) {
        return None;
    }
    let stands =
        |label: &str| !label.is_empty() && label.len() < 64 && !label.starts_with('-') && !label.ends_with('-');
    all_if(candidate, domain.split('.').all(stands))
}

/// The code of a country and how many digits may follow it.
fn international(candidate: &str) -> Option<Range<usize>> {
    let together = candidate.bytes().skip(1).take_while(u8::is_ascii_digit).count();
    let all: Vec<u32> = digits(candidate).collect();
    let of = |code: usize| all.get(..code).map_or(0, |code| code.iter().fold(0, |number, digit| number * 10 + digit));
    let (code, length) = (1..=3).find_map(|code| lengths(of(code)).map(|length| (code, length)))?;
    let rest = all.get(code..)?;
    // A 0 in brackets is dialled only from within the country.
    let inland = usize::from(candidate.contains("(0)") && rest.first() == Some(&0));
    let rest = rest.get(inland..)?;
    let closed = candidate.matches('(').count() == candidate.matches(')').count();
    let stands = together >= code && closed && length.contains(&rest.len());
    all_if(candidate, stands && (of(code) != 1 || north_american(rest)))
}

/// Area and exchange begin with 2 to 9, and neither is a service such as 911.
fn north_american(digits: &[u32]) -> bool {
    let begins = |at: usize| digits.get(at).is_some_and(|digit| *digit > 1);
    let service = |at: usize| digits.get(at + 1) == Some(&1) && digits.get(at + 2) == Some(&1);
    digits.len() == 10 && begins(0) && begins(3) && !service(0) && !service(3)
}

/// How many digits follow a code, trunk zeros that some write included; `None`: no country has it.
fn lengths(code: u32) -> Option<std::ops::RangeInclusive<usize>> {
    Some(match code {
        1 | 7 | 90 | 91 => 10..=10,
        34 | 48 | 93 | 94 | 351 | 380 => 9..=9,
        33 | 41 | 61 | 27 => 9..=10,
        45 | 47 | 53 | 65 | 852 | 853 => 8..=8,
        30 | 55 | 52 | 54 | 57 | 58 | 98 | 886 => 8..=11,
        20 | 31 | 32 | 36 | 51 | 56 | 60 | 63 | 64 | 66 | 81 | 82 | 84 | 92 | 95 | 420 | 421 | 966 | 971 | 972 => {
            8..=10
        }
        46 | 40 => 7..=10,
        86 => 10..=11,
        44 => 9..=10,
        39 | 43 | 49 | 62 => 7..=12,
        211..=213 | 216 | 218 | 220..=258 | 260..=269 | 290 | 291 | 297..=299 => 6..=10,
        350 | 352..=359 | 370..=379 | 381 | 382 | 385..=387 | 389 | 423 => 6..=11,
        500..=509 | 590..=599 | 670 | 672..=692 => 5..=10,
        800 | 808 | 850 | 855 | 856 | 870 | 878 | 880..=883 | 888 => 7..=12,
        960..=965 | 967 | 968 | 970 | 973..=977 | 979 | 992..=996 | 998 => 7..=10,
        _ => return None,
    })
}

/// With an area code in brackets, of three groups, or behind a 0; no date, no decimal.
fn national(candidate: &str) -> Option<Range<usize>> {
    let count = digits(candidate).count();
    let groups = candidate.split(|letter: char| !letter.is_ascii_digit()).filter(|group| !group.is_empty());
    let groups: Vec<_> = groups.map(str::len).collect();
    let dialled = candidate.starts_with('0') || candidate.starts_with("(0");
    let american =
        matches!(groups.as_slice(), [3, 3, 4] | [10]) && north_american(&digits(candidate).collect::<Vec<_>>());
    let closed = candidate.matches('(').count() == candidate.matches(')').count();
    let length = if dialled { (8..=15).contains(&count) } else { american };
    all_if(candidate, closed && length)
}

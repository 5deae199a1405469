//! Addresses of machines, and of what is behind a password.

use super::{Detector, PERSONAL, Tier, all_if};
use crate::redact::detect::Edge;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

const NETWORK: Detector = Detector { group: "network", ..PERSONAL };
const V4: Detector = Detector {
    entity: "ipv4",
    label: "IP",
    shape: r"\d{1,3}(?:\.\d{1,3}){3}(?:-\d{1,3}(?:\.\d{1,3}){3})?",
    edge: Edge::Number,
    bytes_max: 31,
    source: "https://www.iana.org/assignments/iana-ipv4-special-registry",
    ..NETWORK
};
const V6: Detector = Detector {
    entity: "ipv6",
    label: "IP",
    bytes_max: 45,
    source: "https://www.iana.org/assignments/iana-ipv6-special-registry",
    ..NETWORK
};
const PASSWORD: Detector = Detector { label: "PASSWORD", group: "secret", edge: Edge::None, ..PERSONAL };

pub(super) const ROWS: &[Detector] = &[
    Detector {
        about: "IPv4 address that is routed on the Internet; not one that is as likely a version (all four numbers below 32), nor a public resolver",
        check: routed_v4,
        found: &[
            "from ⟦81.2.69.142⟧.",
            "主机⟦114.215.8.9⟧宕机",
            "http://⟦52.95.110.1⟧:8080/x",
            "⟦52.95.110.1-52.95.110.9⟧",
        ],
        not_found: &[
            "1.2.3.4",
            "10.1.200.3",
            "192.168.1.20",
            "127.0.0.1",
            "203.0.113.77",
            "v81.2.69.142",
            "81.2.69.142.7",
            "81.2.69.256",
            "081.2.69.142",
            "8.8.8.8",
            "255.255.255.0",
            "169.254.1.77",
            "224.0.0.251",
        ],
        ..V4
    },
    Detector {
        about: "Every other IPv4 address: private, of examples, loopback, or as likely a version",
        tier: Tier::Likely,
        check: other_v4,
        found: &["at ⟦192.168.1.20⟧/24", "⟦127.0.0.1⟧:80", "网关⟦10.0.0.1⟧,"],
        not_found: &["81.2.69.142", "10.0.0.300", "1.10.0.0.1", "10.0.0"],
        ..V4
    },
    Detector {
        about: "IPv6 address that is routed on the Internet (2000::/3 without the ranges of examples)",
        shape: r"[23][0-9A-Fa-f]{3}(?:::?[0-9A-Fa-f]{1,4}){1,7}(?:::|(?:\.\d{1,3}){3})?",
        check: routed_v6,
        found: &[
            "from ⟦2a02:8071:2ba5:1::7⟧,",
            "http://[⟦2600:1f18::1a2b⟧]:80/",
            "主机⟦2408:8000:0000:0000:0000:0000:0001:0001⟧。",
        ],
        not_found: &["2001:db8::1", "3fff:1:2::1", "2024:10:12", "fe80::1:2:3", "2600::", "a2600:1f18::1a2b"],
        ..V6
    },
    Detector {
        about: "Every other IPv6 address: local, of examples, loopback, mapped; not the path `dead::beef` nor a bare network",
        tier: Tier::Likely,
        shape: r"(?:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f:]|::[0-9A-Fa-f])[0-9A-Fa-f:.]{0,40}",
        check: other_v6,
        found: &["at ⟦2001:db8::1⟧.", "⟦fe80::1:2:3⟧%eth0", "[⟦::1⟧]:80", "⟦::ffff:10.0.0.1⟧"],
        not_found: &["12:30:45", "dead::beef", "std::fs", "f00::", "2a02::"],
        ..V6
    },
    Detector {
        entity: "mac_address",
        label: "MAC",
        about: "Address of a network card (MAC-48), in pairs or groups of four; all zeros and all ones are none",
        tier: Tier::Likely,
        shape: r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{2}(?:-[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4}){2}",
        bytes_max: 17,
        check: card,
        source: "https://standards.ieee.org/products-programs/regauth/",
        found: &["ether ⟦3c:22:fb:0a:1B:9e⟧ brd", "⟦3C-22-FB-0A-1B-9E⟧", "网卡⟦3c22.fb0a.1b9e⟧"],
        not_found: &["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "3c:22:fb:0a:1b", "3c:22:fb-0a:1b:9e"],
        ..NETWORK
    },
    Detector {
        entity: "url_password",
        about: "Password in a URL or a connection string of the form scheme://user:password@host; what stands in for one is none",
        shape: r#"[A-Za-z][A-Za-z0-9+.-]{1,30}://[^\s:/?#@"'<>]{0,128}:[^\s/?#"'<>]{1,256}@"#,
        bytes_max: 420,
        check: behind_the_user,
        source: "https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1",
        found: &[
            "postgres://ann:⟦s3cr:t-EXAMPLE⟧@db.example.com:5432/x",
            "redis://:⟦p@ss-EXAMPLE⟧@cache",
            "连接mongodb+srv://u:⟦EXAMPLE%21⟧@c.example.net/?w=1",
            "jdbc:postgresql://ann:⟦EXAMPLE9⟧@h/db",
            "amqp://guest:⟦Passwört⟧@mq",
        ],
        not_found: &[
            "http://host:80/path@x",
            "postgres://user:password@h/db",
            "https://u:${TOKEN}@h",
            "redis://u:****@h",
            "ssh://git@h:22/x",
            "https://u:<password>@h",
            "http://h:80 me@x",
        ],
        ..PASSWORD
    },
    Detector {
        entity: "connection_password",
        about: "Password in a connection string or a URL's query: behind `;`, `?` or `&` and Password= or Pwd=",
        shape: r#"[;?&] ?(?:[Pp][Aa][Ss][Ss][Ww][Oo][Rr][Dd]|[Pp][Ww][Dd]|PASSWORD|PWD) ?= ?[^\s;&"'<>]{1,128}"#,
        bytes_max: 256,
        check: behind_equals,
        source: "https://learn.microsoft.com/en-us/dotnet/framework/data/adonet/connection-string-syntax",
        found: &[
            "Server=h;User Id=ann;Password=⟦EXAMPLE-9f3⟧;Encrypt=yes",
            "jdbc:mysql://h/db?user=ann&password=⟦EXAMPLE-9f3⟧&ssl=1",
            "DRIVER=x;UID=ann;PWD=⟦EXAMPLE密9⟧",
        ],
        not_found: &["x;password=${DB_PASSWORD};", "?password=", "a;Password=****", "my password=x", "&pwd={pwd}"],
        ..PASSWORD
    },
];

/// One address, or two of which each is so.
fn v4(candidate: &str, is: fn(Ipv4Addr) -> bool) -> Option<Range<usize>> {
    let all = candidate.split('-').all(|address| address.parse().is_ok_and(is));
    all_if(candidate, all)
}

fn routed_v4(candidate: &str) -> Option<Range<usize>> {
    v4(candidate, personal_v4)
}

fn other_v4(candidate: &str) -> Option<Range<usize>> {
    v4(candidate, |address| !personal_v4(address))
}

fn personal_v4(address: Ipv4Addr) -> bool {
    /// Below it, four numbers are as likely a version.
    const VERSION: u8 = 32;
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let special = matches!([a, b, c], [192, 0, 0] | [192, 88, 99] | [198, 18 | 19, _]);
    let resolver = matches!(address.octets(), [208, 67, 222, 222] | [208, 67, 220, 220] | [9, 9, 9, 9]);
    let routed = !(a == 0 || a >= 224 || address.is_private() || address.is_loopback() || address.is_link_local());
    routed
        && !(shared || special || resolver || address.is_documentation())
        && address.octets().iter().any(|number| *number >= VERSION)
}

fn routed_v6(candidate: &str) -> Option<Range<usize>> {
    all_if(candidate, candidate.parse().is_ok_and(personal_v6))
}

fn other_v6(candidate: &str) -> Option<Range<usize>> {
    let digits = candidate.bytes().any(|byte| byte.is_ascii_digit());
    let named = digits && !candidate.ends_with(':');
    all_if(candidate, named && candidate.parse().is_ok_and(|address| !personal_v6(address)))
}

fn personal_v6(address: Ipv6Addr) -> bool {
    let groups = address.segments();
    let [first, second, ..] = groups;
    let example = (first, second) == (0x2001, 0x0db8) || (first, second & 0xf000) == (0x3fff, 0);
    let host = groups.iter().filter(|group| **group != 0).count() > 2;
    first >> 13 == 1 && !example && host
}

fn card(candidate: &str) -> Option<Range<usize>> {
    let mut hex = candidate.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
    let first = hex.next()?;
    all_if(candidate, !(matches!(first, b'0' | b'f') && hex.all(|byte| byte == first)))
}

fn behind_the_user(candidate: &str) -> Option<Range<usize>> {
    let user = candidate.find("://")? + 3;
    let start = user + candidate.get(user..)?.find(':')? + 1;
    password(candidate, start..candidate.len() - 1)
}

fn behind_equals(candidate: &str) -> Option<Range<usize>> {
    let behind = candidate.find('=')? + 1;
    let blanks = candidate.get(behind..)?.bytes().take_while(|byte| *byte == b' ').count();
    password(candidate, behind + blanks..candidate.len())
}

/// Not what stands in for a password in manuals and templates.
fn password(candidate: &str, range: Range<usize>) -> Option<Range<usize>> {
    let text = candidate.get(range.clone())?;
    let template = text.starts_with(['$', '{', '<', '[', '%']);
    let hidden = text.bytes().all(|byte| b"*.xX".contains(&byte));
    let named = ["password", "passwd", "pass", "pwd"].iter().any(|name| text.eq_ignore_ascii_case(name));
    (!template && !hidden && !named).then_some(range)
}

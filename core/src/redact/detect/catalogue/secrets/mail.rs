//! Keys with which mail and messages are sent.

use super::{Detector, SECRET, drawn};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::ops::Range;

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "mailgun_api_key",
        label: "MAILGUN",
        about: "API key of Mailgun",
        shape: r"key-[0-9a-f]{32}|[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}",
        bytes_max: 50,
        source: "https://documentation.mailgun.com/docs/mailgun/api-reference/authentication/",
        found: &[
            concat!("export TOKEN=⟦key-", "3511d6afc1ba202fa5dad47cb3b22d6a⟧"),
            concat!("{\"key\":\"⟦6a24", "68860ef4c754aac80f84039732f7-02601c6f-532783e9⟧\"}"),
            concat!("密钥⟦ac28", "2bdb0239bf657e13b619988ac450-e07fc55b-979538da⟧。"),
        ],
        not_found: &[
            concat!("key=k", "ey-3511d6afc1ba202fa5dad47cb3b22d6"),
            concat!("xkey-", "3511d6afc1ba202fa5dad47cb3b22d6a"),
            concat!("key-x", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "mailchimp_api_key",
        label: "MAILCHIMP",
        about: "API key of Mailchimp, or of its Mandrill",
        shape: r"[0-9a-f]{32}-us\d{1,2}|md-[A-Za-z0-9_-]{22}",
        bytes_max: 37,
        source: "https://mailchimp.com/developer/marketing/guides/quick-start/",
        found: &[
            concat!("export TOKEN=⟦cb59", "dbff2db6ea18b085b214f06e0f6c-us12⟧"),
            concat!("{\"key\":\"⟦md-F", "6lhluxeugIDETt8X8U8Bl⟧\"}"),
            concat!("密钥⟦md-k", "nTn2Hf5vaTIXmmKiK47w7⟧。"),
        ],
        not_found: &[
            concat!("key=c", "b59dbff2db6ea18b085b214f06e0f6c-u"),
            concat!("xcb59", "dbff2db6ea18b085b214f06e0f6c-us12"),
            concat!("xxxxx", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "brevo_api_key",
        label: "BREVO",
        about: "API or SMTP key of Brevo",
        shape: r"x(?:keysib|smtpsib)-[0-9a-f]{64}-[A-Za-z0-9]{16}",
        bytes_max: 90,
        source: "https://developers.brevo.com/docs/getting-started",
        found: &[
            concat!(
                "export TOKEN=⟦xkey",
                "sib-907eab61b0013b4c5b826cfa13aeb82e0b44d2a3e141c97c2f73807bf2f5d61a-sA8tFDp2FqmD3FmW⟧"
            ),
            concat!(
                "{\"key\":\"⟦xkey",
                "sib-7fada932654153d7cfbbf28464b82ea319152e8771cb1e788a1f33b184925391-sKu6SCbOdOBbnahq⟧\"}"
            ),
            concat!(
                "密钥⟦xkey",
                "sib-85e7ee76a57f812a682e838d263d86263f8bdb7ca84e20a819efb3bb7d613395-xIPorIF8RBiG8fcp⟧。"
            ),
        ],
        not_found: &[
            concat!("key=x", "keysib-907eab61b0013b4c5b826cfa13aeb82e0b44d2a3e141c97c2f73807bf2f5d61a-sA8tFDp2FqmD3Fm"),
            concat!("xxkey", "sib-907eab61b0013b4c5b826cfa13aeb82e0b44d2a3e141c97c2f73807bf2f5d61a-sA8tFDp2FqmD3FmW"),
            concat!("xkeys", "ib-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "discord_bot_token",
        label: "DISCORDBOT",
        about: "Token of a bot of Discord: it begins with its id",
        shape: r"[MNO][A-Za-z0-9_-]{22,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}",
        bytes_max: 77,
        check: discord,
        source: "https://docs.discord.com/developers/reference#authentication",
        found: &[
            concat!("export TOKEN=⟦MjUw", "ODY5NTY2MTQxMDQ2MjU2MA.Grf3dp.9OcgclO8s95Xn8f611g4teUNq0GS0k-P92JpbQ⟧"),
            concat!("{\"key\":\"⟦NzI2", "ODIxMzMwNjUyNTMwNjAwOQ.GsHzz2.-_t9_vI_cShs8ZB41w4ZM9cT4hppEIeAg_gfAO⟧\"}"),
            concat!("密钥⟦NTQz", "OTk0ODcyOTQ3Njk3NTA5Mw.GQ2Cq4.EoFEljL68eW34cSJicCDYgDEYRYryX4d4osEld⟧。"),
        ],
        not_found: &[
            concat!("key=M", "jUwODY5NTY2MTQxMDQ2MjU2MA.Grf3dp.9OcgclO8s95Xn8f611g4teUNq0"),
            concat!("xMjUw", "ODY5NTY2MTQxMDQ2MjU2MA.Grf3dp.9OcgclO8s95Xn8f611g4teUNq0GS0k-P92JpbQ"),
            concat!("MjUwO", "DY5NTY2MTQxMDQ2MjU2MA.Grf3dp.xxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
];

/// The first part is the bot's id, a number of 17 digits or more.
fn discord(candidate: &str) -> Option<Range<usize>> {
    let (id, _) = candidate.split_once('.')?;
    let id = URL_SAFE_NO_PAD.decode(id).ok()?;
    drawn(candidate).filter(|_| id.len() > 16 && id.iter().all(u8::is_ascii_digit))
}

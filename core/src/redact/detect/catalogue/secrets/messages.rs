//! Keys of what sends messages, and of what takes payments.

use super::{Detector, SECRET};

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "slack_token",
        label: "SLACKTOKEN",
        about: "Token of Slack: bot, user, app, refresh",
        shape: r"(?:xoxe\.)?xox[abeoprs]-(?:\d{1,20}-){0,4}[A-Za-z0-9]{16,180}|xapp-\d-[A-Z0-9]{8,16}-\d{8,16}-[0-9a-f]{64}",
        bytes_max: 276,
        source: "https://docs.slack.dev/authentication/tokens",
        found: &[
            concat!("export TOKEN=⟦xo", "xb-968271841938-4856294494169-bPYjAqqIKNoj2SQXImbHsIm4⟧"),
            concat!("{\"key\":\"⟦xo", "xp-237605579855-110258913921-552199233460-21e5c4cc1e7d703f36dd72660038e30d⟧\"}"),
            concat!(
                "密钥⟦xap",
                "p-1-ALLE1QKBHW2-9632040400069-4cc1c36d80081df076a78c02f4da8bea97ea1297eb80b0d460e9d44901983871⟧。"
            ),
        ],
        not_found: &[
            concat!("key=xo", "xb-96827184193"),
            concat!("xxo", "xb-968271841938-4856294494169-bPYjAqqIKNoj2SQXImbHsIm4"),
            concat!("xo", "xb-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "slack_webhook",
        label: "SLACKHOOK",
        about: "Incoming webhook of Slack, which needs no other key",
        shape: r"https://hooks\.slack\.com/(?:services|workflows|triggers)/[A-Z0-9]{8,14}/[A-Z0-9]{8,20}/[A-Za-z0-9]{20,48}",
        bytes_max: 130,
        source: "https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks",
        found: &[
            concat!(
                "export TOKEN=⟦https://hooks.sl",
                "ack.com/services/T4LOE0QKD0W/BFHNNOB6O0G/QxPirbNlNz41uOe3MQw4XfJR⟧"
            ),
            concat!(
                "{\"key\":\"⟦https://hooks.sl",
                "ack.com/services/T05W1R915LD/BXENBCE7KVW/0TqvGHTAkDMcW1ScNB103NaB⟧\"}"
            ),
            concat!("密钥⟦https://hooks.sl", "ack.com/services/TICJ0CQ5AKN/BLS7ZQKOWVH/twxBwrWrpaBqs9zShZfmsYyk⟧。"),
        ],
        not_found: &[
            concat!("key=https://hooks.sl", "ack.com/services/T4LOE0QKD0W/BFHNNOB6O0G/QxPirbNlNz41uOe3MQw"),
            concat!("xhttps://hooks.sl", "ack.com/services/T4LOE0QKD0W/BFHNNOB6O0G/QxPirbNlNz41uOe3MQw4XfJR"),
            concat!("https://hooks.sl", "ack.com/services/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "twilio_api_key",
        label: "TWILIOKEY",
        about: "API key of Twilio",
        shape: r"SK[0-9a-f]{32}",
        bytes_max: 34,
        source: "https://www.twilio.com/docs/iam/api-keys",
        found: &[
            concat!("export TOKEN=⟦S", "K98d7d5d22baf1359571be039a24b7793⟧"),
            concat!("{\"key\":\"⟦S", "K4f3025f5903ed457f579230406243770⟧\"}"),
            concat!("密钥⟦S", "K3edb28b8116cdd2b6b997d1a097f914a⟧。"),
        ],
        not_found: &[
            concat!("key=S", "K98d7d5d22baf1359571be039a24b779"),
            concat!("xS", "K98d7d5d22baf1359571be039a24b7793"),
            concat!("S", "Kxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "sendgrid_api_key",
        label: "SENDGRIDKEY",
        about: "API key of SendGrid",
        shape: r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}",
        bytes_max: 69,
        source: "https://www.twilio.com/docs/sendgrid/ui/account-and-settings/api-keys",
        found: &[
            concat!("export TOKEN=⟦S", "G.xnLb1rFwl2HLk9dWElwcBp.me7F8H4W_apn4LmCIKAxjoJBnnh0IPEMj2fbC5r75ov⟧"),
            concat!("{\"key\":\"⟦S", "G.XxrK_mGmfsWF_b8UBwlkyq.A_tHoipwf_TdHcOXZMJQLxDXYTJSl0xFl1THObvoEB2⟧\"}"),
            concat!("密钥⟦S", "G.KgMXwxhIL7iAQIuhnA_T3h.cxGrH3Z3ijKiZOkVGA1EZPO8D3phcCXvnxQqgnT8fZo⟧。"),
        ],
        not_found: &[
            concat!("key=S", "G.xnLb1rFwl2HLk9dWElwcBp.me7F8H4W_apn4LmCIKAxjoJBnnh0IPEMj2fbC5r75o"),
            concat!("xS", "G.xnLb1rFwl2HLk9dWElwcBp.me7F8H4W_apn4LmCIKAxjoJBnnh0IPEMj2fbC5r75ov"),
            concat!("S", "G.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "telegram_bot_token",
        label: "TELEGRAM",
        about: "Token of a bot of Telegram",
        shape: r"\d{8,10}:AA[A-Za-z0-9_-]{33}",
        bytes_max: 46,
        source: "https://core.telegram.org/bots/api#authorizing-your-bot",
        found: &[
            concat!("export TOKEN=⟦524759", "0172:AA7dNrCUse054rLeZCR6iumWARlxmTpo9PF⟧"),
            concat!("{\"key\":\"⟦894628", "5691:AAnZpfDIiuYzoq_3CzMbUz7fF5O4qP9NvJB⟧\"}"),
            concat!("密钥⟦759526", "0661:AAINs0_x1zv20NvUFmYFjAo7_7DiMV90YyO⟧。"),
        ],
        not_found: &[
            concat!("key=524759", "0172:AA7dNrCUse054rLeZCR6iumWARlxmTpo9P"),
            concat!("x524759", "0172:AA7dNrCUse054rLeZCR6iumWARlxmTpo9PF"),
            concat!("524759", "0172:AAxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "discord_webhook",
        label: "DISCORDHOOK",
        about: "Webhook of Discord, which needs no other key",
        shape: r"https://(?:canary\.|ptb\.)?discord(?:app)?\.com/api/webhooks/\d{17,20}/[A-Za-z0-9_-]{60,80}",
        bytes_max: 145,
        source: "https://discord.com/developers/docs/resources/webhook",
        found: &[
            concat!(
                "export TOKEN=⟦https://discord.",
                "com/api/webhooks/583129444733218699/dTH9zI7mE9aPkG5qVaY3S_mQwqZ-gBaU4SYAIY7R_FDhBEDo2AYYYIs8wEzQs9ZGXuLK⟧"
            ),
            concat!(
                "{\"key\":\"⟦https://discord.",
                "com/api/webhooks/115899576506819548/ry5BP1BF9x5Q5GY0kWoVGxtb4PrkzYeJY-ENd4r8lE7Izgfn8o-Os-X1YvQitvfYNHvX⟧\"}"
            ),
            concat!(
                "密钥⟦https://discord.",
                "com/api/webhooks/834285282801324424/4EOJ_1P3_HcxKhQqkqJKmgPEDhKAv5uakIZUBNxTddNSUvtSLfrDDt9_L7audNwIEXHP⟧。"
            ),
        ],
        not_found: &[
            concat!(
                "key=https://discord.",
                "com/api/webhooks/583129444733218699/dTH9zI7mE9aPkG5qVaY3S_mQwqZ-gBaU4SYAIY7R_FDhBEDo2AYYYIs8"
            ),
            concat!(
                "xhttps://discord.",
                "com/api/webhooks/583129444733218699/dTH9zI7mE9aPkG5qVaY3S_mQwqZ-gBaU4SYAIY7R_FDhBEDo2AYYYIs8wEzQs9ZGXuLK"
            ),
            concat!(
                "https://discord.",
                "com/api/webhooks/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
            ),
        ],
        ..SECRET
    },
    Detector {
        entity: "stripe_key",
        label: "STRIPEKEY",
        about: "Secret or restricted key of Stripe, live or for tests",
        shape: r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,247}",
        bytes_max: 255,
        source: "https://docs.stripe.com/keys",
        found: &[
            concat!("export TOKEN=⟦sk_l", "ive_fYtBWPAOLtBbLjOw8ezh38Nf⟧"),
            concat!(
                "{\"key\":\"⟦rk_l",
                "ive_3ricCGaxAFD4G1kFmUoXPq70Q8n4frMpH22j9BjNW6pcx14riG6kAJHQRnRplBI2uzw0m4BqdBwxJ7YwtPVM7jq8bEieokeUarB⟧\"}"
            ),
            concat!(
                "密钥⟦sk_t",
                "est_uiCezgbMkHCiGoaR8S8UmoxgbpLTHexQPxmecuFuGth672FurOljtwe7n6eycKzt1xVzgzxCQBiXhcFlDkOn6W0xv4PdzKtbTER⟧。"
            ),
        ],
        not_found: &[
            concat!("key=sk_l", "ive_"),
            concat!("xsk_l", "ive_fYtBWPAOLtBbLjOw8ezh38Nf"),
            concat!("sk_l", "ive_xxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "webhook_secret",
        label: "WHSEC",
        about: "Signing secret of webhooks of Stripe and of those after the Standard Webhooks",
        shape: r"whsec_[A-Za-z0-9+/]{32,88}={0,2}",
        bytes_max: 96,
        source: "https://docs.stripe.com/webhooks/signature",
        found: &[
            concat!("export TOKEN=⟦whs", "ec_0WIN4890bz4OcEfRe6kCSuo8tdAOYhOJ⟧"),
            concat!("{\"key\":\"⟦whs", "ec_7dE4McEcsG27DEVpYnkFBhpuadiJP6vxsu6qvfuVufzR⟧\"}"),
            concat!("密钥⟦whs", "ec_TN7j5ALAbMlANq3cT0GEQTzJFJjfkeSKMpv5EwuphVF=⟧。"),
        ],
        not_found: &[
            concat!("key=whs", "ec_0WIN4890bz4OcEfR"),
            concat!("xwhs", "ec_0WIN4890bz4OcEfRe6kCSuo8tdAOYhOJ"),
            concat!("whs", "ec_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "shopify_token",
        label: "SHOPIFY",
        about: "Access token or shared secret of Shopify",
        shape: r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",
        bytes_max: 38,
        source: "https://shopify.dev/docs/apps/build/authentication-authorization",
        found: &[
            concat!("export TOKEN=⟦shp", "at_7db3932da42dc3320b673ea593659530⟧"),
            concat!("{\"key\":\"⟦shp", "ca_47a9352aaf17a2ea795efda4b48cc31c⟧\"}"),
            concat!("密钥⟦shp", "ss_a05e8de3126fbd84238397047e029c9e⟧。"),
        ],
        not_found: &[
            concat!("key=shp", "at_7db3932da42dc3320b673ea59365953"),
            concat!("xshp", "at_7db3932da42dc3320b673ea593659530"),
            concat!("shp", "at_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "square_token",
        label: "SQUARE",
        about: "Access token or secret of Square",
        shape: r"EAAA[A-Za-z0-9_-]{60}|sq0csp-[A-Za-z0-9_-]{43}",
        bytes_max: 64,
        source: "https://developer.squareup.com/docs/build-basics/access-tokens",
        found: &[
            concat!("export TOKEN=⟦EA", "AAeeHJIvQzcp6f0vn0HVugs-rDxjYfgzit9WaDcoR8zQ5Y4tb1Bivz-wD_SCxx⟧"),
            concat!("{\"key\":\"⟦sq0", "csp-XJHb0_8NbetQLV3mIEYtYvBMQytv4AXy7WM05iJXaNc⟧\"}"),
            concat!("密钥⟦EA", "AAloSwsVZDwXZLa4LiEXAVrNzX9BEyGGN7LD8gdlyAn-ClCpVIFD3tSlXbGVhn⟧。"),
        ],
        not_found: &[
            concat!("key=EA", "AAeeHJIvQzcp6f0vn0HVugs-rDxjYfgzit9WaDcoR8zQ5Y4tb1Bivz-wD_SCx"),
            concat!("xEA", "AAeeHJIvQzcp6f0vn0HVugs-rDxjYfgzit9WaDcoR8zQ5Y4tb1Bivz-wD_SCxx"),
            concat!("EA", "AAxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
];

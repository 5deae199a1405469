//! Keys without a beginning of their own, known by the name of the field in which they stand; the name stays.

use super::{Detector, SECRET, drawn};
use std::ops::Range;

/// The shape of a field's name, what assigns, and the shape of its value.
macro_rules! field {
    ($name:literal, $value:literal) => {
        concat!("(?i:", $name, r#")["']?[ ]{0,3}(?:[:=]|=>)[ ]{0,3}["']?"#, $value)
    };
}

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "cohere_api_key",
        label: "COHERE",
        about: "API key of Cohere, behind its name",
        shape: field!("(?:cohere|co)_?api_?(?:key|token)", "[A-Za-z0-9]{40}"),
        bytes_max: 72,
        check: last::<40>,
        source: "https://docs.cohere.com/docs/rate-limits",
        found: &[
            concat!("COHERE_API_KEY=⟦EXAMPLEkA", "SAOsE1nYEZ9GlGHpYaax7LBejYWo6oS⟧"),
            concat!("cohere_api_key: \"⟦EXAMPLEcB", "VX4ANCc9vIFShP88xbjV0fhZ7bDkJUv⟧\""),
            concat!("CO_API_KEY = ⟦EXAMPLEzF", "jlQcE30peXmnRZ5QW8W5LUehJEJ0ymv⟧"),
        ],
        not_found: &[
            "COHERE_API_KEY=your-key-here",
            "COHERE_API_KEY=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "API_KEY=q7ZtEXAMPLE4mVb2Xs9Lw1Jr8Kd5Hy3Np6Ga0Uc",
        ],
        ..SECRET
    },
    Detector {
        entity: "mistral_api_key",
        label: "MISTRAL",
        about: "API key of Mistral, behind its name",
        shape: field!("(?:mistral|codestral)_?(?:ai_?)?api_?(?:key|token)", "[A-Za-z0-9]{32}"),
        bytes_max: 72,
        check: last::<32>,
        source: "https://docs.mistral.ai/getting-started/quickstart",
        found: &[
            concat!("MISTRAL_API_KEY=⟦EXAMPLE7j", "4IAsx9CGyuFyrb1fkTTFaFe⟧"),
            concat!("mistral_api_key: '⟦EXAMPLEJM", "VHoKMuJNhlQkOw17vwWM7tp⟧'"),
            concat!("CODESTRAL_API_KEY = ⟦EXAMPLEgk", "e70lXBxkRcRH5Q9pA6k9VLa⟧"),
        ],
        not_found: &[
            "MISTRAL_API_KEY=${MISTRAL_API_KEY}",
            "MISTRAL_API_KEY=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "MISTRAL_MODEL=Zk8EXAMPLE3vTq7Lw2Rb9Ys5Nc1Xm64d",
        ],
        ..SECRET
    },
    Detector {
        entity: "datadog_key",
        label: "DATADOG",
        about: "API or application key of Datadog, behind its name",
        shape: field!("(?:dd|datadog)_?(?:api|app|application)_?key", "(?:[0-9a-f]{40}|[0-9a-f]{32})"),
        bytes_max: 80,
        check: behind_assignment,
        source: "https://docs.datadoghq.com/account_management/api-app-keys/",
        found: &[
            concat!("DD_API_KEY=⟦bfc7752ed", "f191891d75c2a44f184f06b⟧"),
            concat!("datadog_app_key: \"⟦4bdff9484", "0c408a7d8c4443c350e423949acf755⟧\""),
            concat!("DD_APP_KEY = '⟦5c6110ce2", "c578a17c499f31a9962a6b2ad322e0e⟧'"),
        ],
        not_found: &[
            "DD_API_KEY=<api key>",
            "DD_SITE=0f3c9a7e51b84d26c08e7f19a3d5b642",
            "DD_API_KEY=00000000000000000000000000000000",
        ],
        ..SECRET
    },
    Detector {
        entity: "cloudflare_api_token",
        label: "CLOUDFLARETOKEN",
        about: "API token or global key of Cloudflare, behind its name",
        shape: field!(
            "(?:cloudflare|cf)_?(?:api|auth|global)_?(?:api_?)?(?:token|key)",
            "(?:[A-Za-z0-9_-]{40}|[0-9a-f]{37})"
        ),
        bytes_max: 88,
        check: behind_assignment,
        source: "https://developers.cloudflare.com/fundamentals/api/get-started/create-token/",
        found: &[
            concat!("CLOUDFLARE_API_TOKEN=⟦EXAMPLEEH", "Gy4zeobdQBcprTL0zUBDZpzyuFoO69P⟧"),
            concat!("cf_api_key: \"⟦21f5fb6e8", "7ffc9c05a69c42529ce35d6ab682⟧\""),
            concat!("CF_API_TOKEN = '⟦EXAMPLE8b", "uGq829j5RGmpMSrTyk8zDzBDNQrQlQy⟧'"),
        ],
        not_found: &[
            "CLOUDFLARE_API_TOKEN=example",
            "CLOUDFLARE_ZONE=Yq7EXAMPLEn_Q2xKv8Lz4Tw9Rb3Hs6Jd1Mf5Gc0Py",
            "CF_API_TOKEN=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        ],
        ..SECRET
    },
    Detector {
        entity: "heroku_api_key",
        label: "HEROKUKEY",
        about: "Older API key of Heroku, behind its name",
        shape: field!(
            "heroku_?(?:api|oauth)_?(?:key|token|id)",
            "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
        ),
        bytes_max: 64,
        check: last::<36>,
        source: "https://devcenter.heroku.com/articles/platform-api-quickstart",
        found: &[
            concat!("HEROKU_API_KEY=⟦01234567-89ab", "-4cde-8f01-23456789abcd⟧"),
            concat!("heroku_api_key: \"⟦c0ffee12-3456", "-4789-abcd-ef0123456789⟧\""),
            concat!("HEROKU_OAUTH_TOKEN = ⟦9f8e7d6c-5b4a", "-4938-a716-051423324150⟧"),
        ],
        not_found: &[
            "HEROKU_APP_ID=01234567-89ab-4cde-8f01-23456789abcd",
            "HEROKU_API_KEY=00000000-0000-0000-0000-000000000000",
            "HEROKU_API_KEY=01234567-89ab-4cde-8f01-23456789abc",
        ],
        ..SECRET
    },
    Detector {
        entity: "vercel_token",
        label: "VERCEL",
        about: "Access token of Vercel, behind its name",
        shape: field!("(?:vercel|now)_?(?:access_?|api_?|auth_?)?token", "[A-Za-z0-9]{24}"),
        bytes_max: 56,
        check: last::<24>,
        source: "https://vercel.com/docs/rest-api",
        found: &[
            concat!("VERCEL_TOKEN=⟦EXAMPLENr", "gm9ncwZO73TxbeG⟧"),
            concat!("vercel_token: \"⟦EXAMPLELc", "zMCSCpa8IjgtmDx⟧\""),
            concat!("VERCEL_ACCESS_TOKEN = '⟦EXAMPLE5a", "xkiKY60BH1dtmAz⟧'"),
        ],
        not_found: &[
            "VERCEL_TOKEN=short",
            "VERCEL_ORG_ID=Kd4EXAMPLE7vQz2Lw9Rb5Ys1",
            "VERCEL_TOKEN=xxxxxxxxxxxxxxxxxxxxxxxx",
        ],
        ..SECRET
    },
    Detector {
        entity: "azure_sas_signature",
        label: "AZURESAS",
        about: "Signature of a shared access signature of Azure: with it, the URL opens what it names",
        shape: "[?&;]sig=(?:[A-Za-z0-9]|%2[BFbf]){43}%3[Dd]",
        edge: super::super::Edge::None,
        bytes_max: 137,
        check: behind_equals,
        source: "https://learn.microsoft.com/en-us/rest/api/storageservices/create-service-sas",
        found: &[
            concat!(
                "https://a.blob.core.windows.net/c/f?sv=2024-11-04&sig=⟦EXAMPLE4J",
                "poKZ01L7D4YbQLefB5%2F1VWQmjdF0HMINFE%3D⟧&se=x"
            ),
            concat!("?sig=⟦EXAMPLERZ", "RvjrjwstOOa4ZeQelGgR1mxrwdkc%2BLFrRY%3d⟧"),
            concat!("链接&sig=⟦EXAMPLEPz", "kcgo7wIqAmSmU9HBfu0onGcUwMIOOPlbTx%3D⟧"),
        ],
        not_found: &["&sig=abc%3D", "&sig=<signature>", "sig=EXAMPLE3mJc6Hn0Gf2Vp9Kd4vQz2Lw9Rb5YsT8XB5n1qWsA%3D"],
        ..SECRET
    },
    Detector {
        entity: "sentry_dsn",
        label: "SENTRYDSN",
        about: "DSN of Sentry: with it, anybody can send events",
        shape: r"https://[0-9a-f]{32}@[a-z0-9.-]{1,80}/\d{1,20}",
        bytes_max: 142,
        source: "https://docs.sentry.io/concepts/key-terms/dsn-explainer/",
        found: &[
            concat!("dsn: ⟦https://0f3c9a7e51b84d26", "c08e7f19a3d5b642@o447951.ingest.sentry.io/5429219⟧"),
            concat!("SENTRY_DSN=⟦https://7d1e4b9c2a6f8035", "e1c7d94b2a8f6305@sentry.example.com/7⟧"),
            concat!("\"⟦https://a9c4e7f0128b6d35", "f7a1c9e40b2d86f3@o1.ingest.us.sentry.io/4505⟧\""),
        ],
        not_found: &[
            "https://public@sentry.example.com/1",
            "https://0f3c9a7e51b84d26@o1.ingest.sentry.io/5429219",
            "https://0f3c9a7e51b84d26c08e7f19a3d5b642.example.com/1",
        ],
        ..SECRET
    },
];

fn last<const LENGTH: usize>(candidate: &str) -> Option<Range<usize>> {
    let start = candidate.len().checked_sub(LENGTH)?;
    drawn(candidate.get(start..)?).map(|_| start..candidate.len())
}

/// What stands behind the last character that no value has.
fn behind_assignment(candidate: &str) -> Option<Range<usize>> {
    let start = candidate.rfind([' ', '=', ':', '>', '"', '\''])? + 1;
    drawn(candidate.get(start..)?).map(|_| start..candidate.len())
}

fn behind_equals(candidate: &str) -> Option<Range<usize>> {
    let start = candidate.find('=')? + 1;
    Some(start..candidate.len())
}

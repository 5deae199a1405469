//! Keys of whoever configures and watches what runs.

use super::{Detector, SECRET};

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "terraform_token",
        label: "TERRAFORM",
        about: "Token of HCP Terraform or Terraform Enterprise",
        shape: r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,70}",
        bytes_max: 93,
        source: "https://developer.hashicorp.com/terraform/cloud-docs/users-teams-organizations/api-tokens",
        found: &[
            concat!(
                "export TOKEN=⟦XuBk",
                "0CNgwNiCMN.atlasv1.BxZNazLqccGJz1yZdasThsqxW8q12sxlahIJhh3Swkbx94xqjzJhiT6ItwyPMNv497U⟧"
            ),
            concat!(
                "{\"key\":\"⟦OJOE",
                "hYaWjKJe0L.atlasv1.Rrx4rS6scD9QYok70gNLCSi6RDSXDfHJugrjPUZLF2bI0VTVaMxHMYtEAdjSXtri5nA⟧\"}"
            ),
            concat!(
                "密钥⟦k8Ue",
                "loAWonlguy.atlasv1.QYvT7TvGRFusGAqryLB6mQ6RpIHcwt49q7GEkaai5juFrn4bgFlzdANyqIma06CpPPk⟧。"
            ),
        ],
        not_found: &[
            concat!("key=X", "uBk0CNgwNiCMN.atlasv1.BxZNazLqccGJz1yZdasThsqxW8q12sxlahIJhh3Swkbx94xqjzJhiT6Itw"),
            concat!("xXuBk", "0CNgwNiCMN.atlasv1.BxZNazLqccGJz1yZdasThsqxW8q12sxlahIJhh3Swkbx94xqjzJhiT6ItwyPMNv497U"),
            concat!("XuBk0", "CNgwNiCMN.atlasv1.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "doppler_token",
        label: "DOPPLER",
        about: "Token of Doppler: personal, service, CLI, account, SCIM, audit",
        shape: r"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}",
        bytes_max: 88,
        source: "https://docs.doppler.com/docs/service-tokens",
        found: &[
            concat!("export TOKEN=⟦dp.p", "t.fSoW1ARR4u6fHqLlGO1wAWzKiLZj0Jhy6MyUT0wPfrB⟧"),
            concat!("{\"key\":\"⟦dp.s", "t.prd.eRLguaMfhkToC3zvlZHVJccffqwAs47Dd61RoSHqZlB⟧\"}"),
            concat!("密钥⟦dp.s", "t.prd.kU0WttqpkRzoxePCdOh05gm29mcKjZD8wvLNf4gWZuK⟧。"),
        ],
        not_found: &[
            concat!("key=d", "p.pt.fSoW1ARR4u6fHqLlGO1wAWzKiLZj0Jhy6MyUT0w"),
            concat!("xdp.p", "t.fSoW1ARR4u6fHqLlGO1wAWzKiLZj0Jhy6MyUT0wPfrB"),
            concat!("dp.pt", ".xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "grafana_cloud_token",
        label: "GRAFANACLOUD",
        about: "Access policy token of Grafana Cloud",
        shape: r"glc_eyJ[A-Za-z0-9+/]{50,400}={0,2}",
        bytes_max: 409,
        source: "https://grafana.com/docs/grafana-cloud/security-and-account-management/authentication-and-permissions/access-policies/",
        found: &[
            concat!(
                "export TOKEN=⟦glc_",
                "eyJCKetYHj72gSfiIlpO2Vz4iuPF8xJBscrSoIsR0kem37ZIXdeIRYKBuGrZwCOdC0jOr5HQiLyjPlxTRaL8UiWy6LYYaMcPSFY9i6oHMQmXFWNOT1X6SSAamCK⟧"
            ),
            concat!(
                "{\"key\":\"⟦glc_",
                "eyJoNJUI1z3MnFcE3jJ83Ai4T3jzLdDcoxvuNDt3nXEHqixk4h80iAvcBF1OcbfstVg9CleK9yjAuBU26J4wAt98OXI6mToNOomwgZkpR5Kti5hk3l4LSLLmluL⟧\"}"
            ),
            concat!(
                "密钥⟦glc_",
                "eyJn6XkmOoipLmHHUWJwvWASxztznGi1ODDYfSpENwplEOgAnqvTl3Twi215kIkV6lWfWhDeNznRq4DhLgnLII7P9Y8SvDUKOsOhNnngIFp3CAukmTFECvT6o56⟧。"
            ),
        ],
        not_found: &[
            concat!("key=g", "lc_eyJCKetYHj72gSfiIlpO2Vz4iuPF8xJBscrSoIsR0kem37ZIXdeI"),
            concat!(
                "xglc_",
                "eyJCKetYHj72gSfiIlpO2Vz4iuPF8xJBscrSoIsR0kem37ZIXdeIRYKBuGrZwCOdC0jOr5HQiLyjPlxTRaL8UiWy6LYYaMcPSFY9i6oHMQmXFWNOT1X6SSAamCK"
            ),
            concat!("glc_e", "yJxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "newrelic_key",
        label: "NEWRELIC",
        about: "User, license or ingest key of New Relic",
        shape: r"NRAK-[A-Z0-9]{27}|NRII-[A-Za-z0-9_-]{32}|(?:eu01xx)?[0-9a-f]{30,36}NRAL",
        bytes_max: 46,
        source: "https://docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys/",
        found: &[
            concat!("export TOKEN=⟦NRAK", "-PHBH9LC2RZ4L67PXGZI5GYTLCRQ⟧"),
            concat!("{\"key\":\"⟦e24e", "5de5b4fd6588acd888f1b44e8e5454a9NRAL⟧\"}"),
            concat!("密钥⟦aa9d", "801391b445cf0ffa3960cd2a05957fcfNRAL⟧。"),
        ],
        not_found: &[
            concat!("key=N", "RAK-PHBH9LC2RZ4L67PXGZI5GYTLCR"),
            concat!("xNRAK", "-PHBH9LC2RZ4L67PXGZI5GYTLCRQ"),
            concat!("NRAK-", "xxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "sentry_token",
        label: "SENTRYTOKEN",
        about: "Auth token of Sentry",
        shape: r"sntryu_[0-9a-f]{64}|sntrys_eyJ[A-Za-z0-9+/]{60,400}={0,2}_[A-Za-z0-9+/]{43}",
        bytes_max: 456,
        source: "https://docs.sentry.io/account/auth-tokens/",
        found: &[
            concat!("export TOKEN=⟦sntr", "yu_c959f79c1f63eeffcc7f1ccf21fba0ad497503cf4672909d8ab1e739a8c1e76d⟧"),
            concat!(
                "{\"key\":\"⟦sntr",
                "ys_eyJlYhRgpzSXMDb1rEwSYwwZVQHAcjB1IFgrzEoc46DQcGSRgl53duzMBJvSiYvM0rUwErZZnVKS5X2aRpkCej8LD4JJrxlTy7VF1v9qWTNKZT713cTZfYbt86LjVXDnTfAar64kGNyuTVTbgYcxL0lBh=_4MbBeoPYe6SptbssGVtw754kfWFoF5vcE1tgqALvWB7⟧\"}"
            ),
            concat!(
                "密钥⟦sntr",
                "ys_eyJALDtDqEKzg4imSTUVlIKKkA0RGJPfQwz9x3RoOOrp0YUXUqwIp6KjdD0Zw1KnOxIMvw1JcjvJSSt42qZkABIp94GnkSJdmG5xBOLDZMcKtQdVXrpfO2HtEkKU3mH7J7ppRFzuACWEWP9MlryNVrAqv=_QBNfEx37VwekEkPDReUSXhoidlDG2LdPoBLtcelbE63⟧。"
            ),
        ],
        not_found: &[
            concat!("key=s", "ntryu_c959f79c1f63eeffcc7f1ccf21fba0ad497503cf4672909d8ab1e739a8c1e76"),
            concat!("xsntr", "yu_c959f79c1f63eeffcc7f1ccf21fba0ad497503cf4672909d8ab1e739a8c1e76d"),
            concat!("sntry", "u_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "dynatrace_token",
        label: "DYNATRACE",
        about: "Token of Dynatrace",
        shape: r"dt0[a-z]\d{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}",
        bytes_max: 96,
        source: "https://docs.dynatrace.com/docs/manage/identity-access-management/access-tokens-and-oauth-clients/access-tokens",
        found: &[
            concat!(
                "export TOKEN=⟦dt0c",
                "01.ZUZ2KUU3RFUFIW3F4SATXFJ7.MQZP3SJSBCO22YIL5X4NCNN3AEUQPZHJZSECWUSS276GHIK3ZAM3WVENTSLY6W5X⟧"
            ),
            concat!(
                "{\"key\":\"⟦dt0c",
                "01.G2S2AOB2VF2FPM6CALUKVAQA.TBDDQOH6RFDTRPBTEW23CPCNFAKNH5VYKZHUHIU3NDTNIASQ7HSMVJD76Y6YR47S⟧\"}"
            ),
            concat!(
                "密钥⟦dt0c",
                "01.67GIXZAUPO2D22RMKTHMXGUZ.DGVVAFVKHNDNFLFM3OGJUHBTLDN2DZL7P5TALYKVSFV77TUMRWWBP5OE2UW5YNG4⟧。"
            ),
        ],
        not_found: &[
            concat!(
                "key=d",
                "t0c01.ZUZ2KUU3RFUFIW3F4SATXFJ7.MQZP3SJSBCO22YIL5X4NCNN3AEUQPZHJZSECWUSS276GHIK3ZAM3WVENTSLY6W5"
            ),
            concat!(
                "xdt0c",
                "01.ZUZ2KUU3RFUFIW3F4SATXFJ7.MQZP3SJSBCO22YIL5X4NCNN3AEUQPZHJZSECWUSS276GHIK3ZAM3WVENTSLY6W5X"
            ),
            concat!(
                "dt0c0",
                "1.xxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
            ),
        ],
        ..SECRET
    },
];

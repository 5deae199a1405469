//! Keys of whoever hosts what others have built.

use super::{Detector, SECRET, mixed};

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "alibaba_access_key_id",
        label: "ALIBABAKEY",
        about: "Access key id of Alibaba Cloud",
        shape: r"LTAI[A-Za-z0-9]{20}",
        bytes_max: 24,
        check: mixed,
        source: "https://www.alibabacloud.com/help/en/ram/user-guide/create-an-accesskey-pair",
        found: &[
            concat!("export TOKEN=⟦LTAI", "5tZqumpm08hsE8JNpjJO⟧"),
            concat!("{\"key\":\"⟦LTAI", "5tQGa2rb19FlY0mG1ylv⟧\"}"),
            concat!("密钥⟦LTAI", "5tuhfJXqIEnomef2mSJ5⟧。"),
        ],
        not_found: &[
            concat!("key=L", "TAI5tZqumpm08hsE8JNpjJ"),
            concat!("xLTAI", "5tZqumpm08hsE8JNpjJO"),
            concat!("LTAIx", "xxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "tencent_secret_id",
        label: "TENCENTKEY",
        about: "Secret id of Tencent Cloud",
        shape: r"AKID[A-Za-z0-9]{32}",
        bytes_max: 36,
        check: mixed,
        source: "https://www.tencentcloud.com/document/product/598/32675",
        found: &[
            concat!("export TOKEN=⟦AKID", "CMTIeg1ZTVnVv2fgKD0f6YYIgrCOX6Jh⟧"),
            concat!("{\"key\":\"⟦AKID", "w7Hd11XzWL8MHpoKEzViXZya8cdFOcVw⟧\"}"),
            concat!("密钥⟦AKID", "WBhqG5KSFdPE0SPgjtHfb1F6w70WAKad⟧。"),
        ],
        not_found: &[
            concat!("key=A", "KIDCMTIeg1ZTVnVv2fgKD0f6YYIgrCOX6J"),
            concat!("xAKID", "CMTIeg1ZTVnVv2fgKD0f6YYIgrCOX6Jh"),
            concat!("AKIDx", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "heroku_token",
        label: "HEROKU",
        about: "Token of Heroku",
        shape: r"HRKU-[A-Za-z0-9_-]{60}",
        bytes_max: 65,
        source: "https://devcenter.heroku.com/articles/authentication",
        found: &[
            concat!("export TOKEN=⟦HRKU", "-AAYEjW1W5bSapfQ7Dh3yEg42ipqnX1fkkjbd93oQGXy9KTUMAFGrM14gENAs⟧"),
            concat!("{\"key\":\"⟦HRKU", "-AAIrsD3mbLFecbVjafQ4gGnRfXBkg8QysD4FIS0Xzm41PB2qs353f2Huu6mX⟧\"}"),
            concat!("密钥⟦HRKU", "-AArxWUREVXXPHzGIz3qyV4J1TQt7frRgjix7YSdn60LNJMRLdHb2U9LhOS0i⟧。"),
        ],
        not_found: &[
            concat!("key=H", "RKU-AAYEjW1W5bSapfQ7Dh3yEg42ipqnX1fkkjbd93oQGXy9KTUMAFGrM14gENA"),
            concat!("xHRKU", "-AAYEjW1W5bSapfQ7Dh3yEg42ipqnX1fkkjbd93oQGXy9KTUMAFGrM14gENAs"),
            concat!("HRKU-", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "cloudflare_origin_ca_key",
        label: "CLOUDFLARE",
        about: "Origin CA key of Cloudflare",
        shape: r"v1\.0-[0-9a-f]{24}-[0-9a-f]{146}",
        bytes_max: 176,
        source: "https://developers.cloudflare.com/fundamentals/api/get-started/ca-keys/",
        found: &[
            concat!(
                "export TOKEN=⟦v1.0",
                "-85a1c292be01e4fc2d031c41-885221c25f6aaf76fdc6c369aad6b68b75b48e99f73f289509dddc3ebffc5ccd8099ee02cab83bb43e451f9ab2845ad0f3d761f3d0201bfe8c26b715568b9126bef73fecde3b53f79a⟧"
            ),
            concat!(
                "{\"key\":\"⟦v1.0",
                "-8afba701070d26d7f79a73af-f5cfd4501150bf8e28d3e14be535893b80598e7d8a50f510dc6c4393a96e78c3403049d3e8474f2a7dccc06616cd334b459e42220d8c947e0dedc8b137913993ed6da209da99098b26⟧\"}"
            ),
            concat!(
                "密钥⟦v1.0",
                "-0ff3ac1c97570cf1dcb92107-c907cbeac0ddd60132f96aa87e5a4bb15d4dcc513d4654c340b67c01ffff3195f80135f3b92c07423fb388dfa93ee3419300aed2e779eda314554f625b65a91d1cbb5371bd6a2ba110⟧。"
            ),
        ],
        not_found: &[
            concat!(
                "key=v",
                "1.0-85a1c292be01e4fc2d031c41-885221c25f6aaf76fdc6c369aad6b68b75b48e99f73f289509dddc3ebffc5ccd8099ee02cab83bb43e451f9ab2845ad0f3d761f3d0201bfe8c26b715568b9126bef73fecde3b53f79"
            ),
            concat!(
                "xv1.0",
                "-85a1c292be01e4fc2d031c41-885221c25f6aaf76fdc6c369aad6b68b75b48e99f73f289509dddc3ebffc5ccd8099ee02cab83bb43e451f9ab2845ad0f3d761f3d0201bfe8c26b715568b9126bef73fecde3b53f79a"
            ),
            concat!(
                "v1.0-",
                "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
            ),
        ],
        ..SECRET
    },
    Detector {
        entity: "netlify_token",
        label: "NETLIFY",
        about: "Personal access token of Netlify",
        shape: r"nf[pcoub]_[A-Za-z0-9]{36}",
        bytes_max: 40,
        source: "https://docs.netlify.com/api/get-started/",
        found: &[
            concat!("export TOKEN=⟦nfp_", "clJ4wcd3FkyOt9PO5kgqUFe6qEPJZjRc2DyG⟧"),
            concat!("{\"key\":\"⟦nfp_", "UQg6nEe62Dl4E7vIrxiMCzFHCRQ44IHJ5lBy⟧\"}"),
            concat!("密钥⟦nfp_", "Nt5TPiKEuor5ClFKHu6MUbgXOsHzoMp7BKOH⟧。"),
        ],
        not_found: &[
            concat!("key=n", "fp_clJ4wcd3FkyOt9PO5kgqUFe6qEPJZjRc2Dy"),
            concat!("xnfp_", "clJ4wcd3FkyOt9PO5kgqUFe6qEPJZjRc2DyG"),
            concat!("nfp_x", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "planetscale_token",
        label: "PLANETSCALE",
        about: "Password or token of PlanetScale",
        shape: r"pscale_(?:pw|tkn|oauth)_[A-Za-z0-9_.-]{32,64}",
        bytes_max: 77,
        source: "https://planetscale.com/docs/concepts/service-tokens",
        found: &[
            concat!("export TOKEN=⟦psca", "le_tkn_l9ubwqcQD72XQvUs55ZaRb8LHTE-2ihz1Am2eEsgJ6u⟧"),
            concat!("{\"key\":\"⟦psca", "le_pw_k1k1bxJSpPTXsPPc3_jH1kLKnPnEbpAh_2L56XmK6RC⟧\"}"),
            concat!("密钥⟦psca", "le_pw_KsKCprs2oSY-C0tLOkQdMhfx6zErjulaLO3RHCdxFmZ⟧。"),
        ],
        not_found: &[
            concat!("key=p", "scale_tkn_l9ubwqcQD72XQvUs55ZaRb8LHTE-2i"),
            concat!("xpsca", "le_tkn_l9ubwqcQD72XQvUs55ZaRb8LHTE-2ihz1Am2eEsgJ6u"),
            concat!("pscal", "e_tkn_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "supabase_key",
        label: "SUPABASE",
        about: "Access token or secret key of Supabase",
        shape: r"sbp_(?:v0_)?[0-9a-f]{40}|sb_secret_[A-Za-z0-9_-]{24,60}",
        bytes_max: 70,
        source: "https://supabase.com/docs/guides/api/api-keys",
        found: &[
            concat!("export TOKEN=⟦sbp_", "a7570574185c68b3e9239e086bc8dd100f0e0134⟧"),
            concat!("{\"key\":\"⟦sb_s", "ecret_8fuA9dvhMzHW64eplsjRRkqclBdx7HI⟧\"}"),
            concat!("密钥⟦sb_s", "ecret_4VgmfkqiEZIKQ60ZGZbJ6ajz3HUlVOJ⟧。"),
        ],
        not_found: &[
            concat!("key=s", "bp_a7570574185c68b3e9239e086bc8dd100f0e013"),
            concat!("xsbp_", "a7570574185c68b3e9239e086bc8dd100f0e0134"),
            concat!("sbp_x", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "fly_token",
        label: "FLYIO",
        about: "Token of Fly.io",
        shape: r"fm[12][ar]?_[A-Za-z0-9+/]{100,500}={0,3}",
        bytes_max: 510,
        source: "https://fly.io/docs/security/tokens/",
        found: &[
            concat!(
                "export TOKEN=⟦fm2_",
                "KrBh0iHewy7LXHu7vNpVt9LQLYXpVLuoQOFeSpGmcPhp+X/Ln7n4n+emYKcnnuweuXu2mzI1vAuQdn+dRTs4L2/hyeyvi6MAoNMggVaH82I9ZjlsskgHSY9fMIygIE1jw+58cyeTCfZP⟧"
            ),
            concat!(
                "{\"key\":\"⟦fm2_",
                "4IAC2FguNDBHszUEaW8mQfTAhpE8uu5Is+KzGhTLJYCTEzveaL+Sv4VHfckqxmyFJ5+uSN3R79MrpzcZ1+IYV7ELJ715/s82tAVVCtePDOIaAISZeBlrLl6UhdX8C4me7qVhlnc52H5E⟧\"}"
            ),
            concat!(
                "密钥⟦fm2_",
                "LaJ76F3AJV2QUGKpfpQRGf/AEu4BKqpcqr6YXUva0l5m9EV3l1daZGP221r0NKP2Jyc+Zn6LJyqzSIm+rO8fRYWsPo7xWoTG092z0KH8FIHX35BfW3Hb6eqMRqrWy2Mdxd41vAZfn3aR⟧。"
            ),
        ],
        not_found: &[
            concat!(
                "key=f",
                "m2_KrBh0iHewy7LXHu7vNpVt9LQLYXpVLuoQOFeSpGmcPhp+X/Ln7n4n+emYKcnnuweuXu2mzI1vAuQdn+dRTs4L2/hyeyvi6MAoNM"
            ),
            concat!(
                "xfm2_",
                "KrBh0iHewy7LXHu7vNpVt9LQLYXpVLuoQOFeSpGmcPhp+X/Ln7n4n+emYKcnnuweuXu2mzI1vAuQdn+dRTs4L2/hyeyvi6MAoNMggVaH82I9ZjlsskgHSY9fMIygIE1jw+58cyeTCfZP"
            ),
            concat!(
                "fm2_x",
                "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx+x/xxxxxx+xxxxxxxxxxxxxxxxxxxxxxxx+xxxxxxx/xxxxxxxxxxxxx"
            ),
        ],
        ..SECRET
    },
    Detector {
        entity: "render_api_key",
        label: "RENDER",
        about: "API key of Render",
        shape: r"rnd_[A-Za-z0-9]{28,36}",
        bytes_max: 40,
        check: mixed,
        source: "https://render.com/docs/api",
        found: &[
            concat!("export TOKEN=⟦rnd_", "V91VNRrU23Sh6m5qIekGTdlSh8b7aMX6⟧"),
            concat!("{\"key\":\"⟦rnd_", "WNa8EkpkrNiEp3dGuuWxN5vYGlEfF6PC⟧\"}"),
            concat!("密钥⟦rnd_", "tFzUchIrNQzwW5zscZTyvvVR0FV5BjLV⟧。"),
        ],
        not_found: &[
            concat!("key=r", "nd_V91VNRrU23Sh6m5qIekGTdlSh8b"),
            concat!("xrnd_", "V91VNRrU23Sh6m5qIekGTdlSh8b7aMX6"),
            concat!("rnd_x", "xxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "neon_api_key",
        label: "NEON",
        about: "API key of Neon",
        shape: r"napi_[a-z0-9]{64}",
        bytes_max: 69,
        source: "https://neon.com/docs/manage/api-keys",
        found: &[
            concat!("export TOKEN=⟦napi", "_jvxanjcyq1oieckzx4s7db7b6pfn6i41khdxqze6net37pfzvb7xlmrxlkz919xx⟧"),
            concat!("{\"key\":\"⟦napi", "_j5mzjeybfmo5faplbo1vhmbtuowdlbclzuw42uc8y3gblinc486it4tftgsiehs8⟧\"}"),
            concat!("密钥⟦napi", "_s0fr23jve7uhhaj9q5dcy3f96qm8a2r9hl2fl1lcaavaxbzppbar3xl7yvdty391⟧。"),
        ],
        not_found: &[
            concat!("key=n", "api_jvxanjcyq1oieckzx4s7db7b6pfn6i41khdxqze6net37pfzvb7xlmrxlkz919x"),
            concat!("xnapi", "_jvxanjcyq1oieckzx4s7db7b6pfn6i41khdxqze6net37pfzvb7xlmrxlkz919xx"),
            concat!("napi_", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
];

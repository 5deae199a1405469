//! Keys of clouds and of what runs in them.

use super::{Detector, SECRET};

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "aws_access_key_id",
        label: "AWSKEY",
        about: "Access key id of AWS, long-lived or temporary",
        shape: r"(?:AKIA|ASIA)[A-Z2-7]{16}",
        bytes_max: 20,
        source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html",
        found: &[
            concat!("export TOKEN=⟦AK", "IAJQGUKB22EGIU642N⟧"),
            concat!("{\"key\":\"⟦AS", "IAMUVV3F7ZFNPCMGFM⟧\"}"),
            concat!("密钥⟦AK", "IAQSTQKHBROOPDATRI⟧。"),
        ],
        not_found: &[
            concat!("key=AK", "IAJQGUKB22EGIU642"),
            concat!("xAK", "IAJQGUKB22EGIU642N"),
            concat!("AK", "IAxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "aws_bedrock_api_key",
        label: "BEDROCKKEY",
        about: "Long-lived API key of Amazon Bedrock",
        shape: r"ABSK[A-Za-z0-9+/]{100,280}={0,2}",
        bytes_max: 286,
        source: "https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html",
        found: &[
            concat!(
                "export TOKEN=⟦AB",
                "SKSPvMUC6j7OrJ1Bkkz7T3hSiXLBwoh6MdHmBll1fhY4saZPZuRUz8DHWWUd1Qkh8DJvaeKVgfvqPf9QXtQcYbmoGGSakb7QVH5i5t3iArgygnpm2ogtiJy4iPfCFalm0O⟧"
            ),
            concat!(
                "{\"key\":\"⟦AB",
                "SKtz82g61snxNtjRUgard4yxVsz15DZgeKEn96aSUHe7WJN9vTalrsM29gacnVnN8zSMfL2xYsCdZPi4Ny52JzzqaZX7DfL3FuoXmsC4vynNdwifV0xbWhEpIjsXUa==⟧\"}"
            ),
            concat!(
                "密钥⟦AB",
                "SKiRxwHjboBHCp7zySI1S6sGMPTsNWXfPFrwViDQV2pFiw25u5O5JjOVSURRI6WhVrPcHmxznIGTt0EOl85iir4bKQ6e4XkvrpXQufjqqgiteFcGcEEzT3GVQgP5i0TtGJA79=⟧。"
            ),
        ],
        not_found: &[
            concat!("key=AB", "SKSPvMUC6j7OrJ1Bkkz7T3hSiXLBwoh6MdHmBll1fhY4saZPZuRUz8DHWWUd1Qkh8DJvae"),
            concat!(
                "xAB",
                "SKSPvMUC6j7OrJ1Bkkz7T3hSiXLBwoh6MdHmBll1fhY4saZPZuRUz8DHWWUd1Qkh8DJvaeKVgfvqPf9QXtQcYbmoGGSakb7QVH5i5t3iArgygnpm2ogtiJy4iPfCFalm0O"
            ),
            concat!(
                "AB",
                "SKxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
            ),
        ],
        ..SECRET
    },
    Detector {
        entity: "google_api_key",
        label: "GOOGLEKEY",
        about: "API key of Google Cloud, Maps, Gemini",
        shape: r"AIza[A-Za-z0-9_-]{35}",
        bytes_max: 39,
        source: "https://cloud.google.com/docs/authentication/api-keys",
        found: &[
            concat!("export TOKEN=⟦AI", "zav649twyzLpy5Z7iNoBANAK38mUFxVLtbQWs⟧"),
            concat!("{\"key\":\"⟦AI", "zaKqiweoJ1ly440fwwm_MuFJDpm53QEvh5ldK⟧\"}"),
            concat!("密钥⟦AI", "zadGTHNZiUbhwuDj41faBX7lK7LQn5ytpeTxz⟧。"),
        ],
        not_found: &[
            concat!("key=AI", "zav649twyzLpy5Z7iNoBANAK38mUFxVLtbQW"),
            concat!("xAI", "zav649twyzLpy5Z7iNoBANAK38mUFxVLtbQWs"),
            concat!("AI", "zaxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "google_oauth_secret",
        label: "GOOGLESECRET",
        about: "Client secret of Google OAuth",
        shape: r"GOCSPX-[A-Za-z0-9_-]{28}",
        bytes_max: 35,
        source: "https://developers.google.com/identity/protocols/oauth2/web-server",
        found: &[
            concat!("export TOKEN=⟦GOC", "SPX-xCLapgC2WJRqOgbl8wsASqsLmvM7⟧"),
            concat!("{\"key\":\"⟦GOC", "SPX-AkptdtTNUcHd5aOK86NgdekcN1J6⟧\"}"),
            concat!("密钥⟦GOC", "SPX-Jk2jdYcHbiaOn_3nQdbpeD5FSVip⟧。"),
        ],
        not_found: &[
            concat!("key=GOC", "SPX-xCLapgC2WJRqOgbl8wsASqsLmvM"),
            concat!("xGOC", "SPX-xCLapgC2WJRqOgbl8wsASqsLmvM7"),
            concat!("GOC", "SPX-xxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "google_access_token",
        label: "GOOGLETOKEN",
        about: "Access token of Google OAuth",
        shape: r"ya29\.[A-Za-z0-9_-]{1,4}\.?[A-Za-z0-9_-]{30,500}",
        bytes_max: 510,
        source: "https://developers.google.com/identity/protocols/oauth2",
        found: &[
            concat!(
                "export TOKEN=⟦ya",
                "29.a0iFG57_ff7kxuBFzEKfqS6O4_aMpUzKswhDGwebnyn86IDh3FKQNFS-2iAAB_7Pt6Zids8Bg9Gan7fCpcrjCXdRAGJOBD1gGbE4R1PVklY8wIqjtfrDpdBlQE⟧"
            ),
            concat!(
                "{\"key\":\"⟦ya",
                "29.c.f-DrYn6GAgOYj2421pCFOmcyafRv1RgDtHM8KnPjD6CKbBWpAl4Z91ArlrY9h6FlXPikVqBffFqdnqH83Gv7xrfyoT78PgOQXnc4xi4qzO3yuSfsMSHiEX_gb⟧\"}"
            ),
            concat!(
                "密钥⟦ya",
                "29.c9UDYk8OA4mZlnx2YsMrKLUw3VRJBEQoaK-rR8BVMCQL4ktHmKA-kJ9rWkfeMJtevQeGdG2_fhrervcXJoDhvhmJKspN0pCniue0XdgYTZwqdGPaN-5GNFpouI⟧。"
            ),
        ],
        not_found: &[
            concat!("key=ya", "29.a0iFG57_ff7kxuBFzEKfqS"),
            concat!(
                "xya",
                "29.a0iFG57_ff7kxuBFzEKfqS6O4_aMpUzKswhDGwebnyn86IDh3FKQNFS-2iAAB_7Pt6Zids8Bg9Gan7fCpcrjCXdRAGJOBD1gGbE4R1PVklY8wIqjtfrDpdBlQE"
            ),
            concat!(
                "ya",
                "29.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
            ),
        ],
        ..SECRET
    },
    Detector {
        entity: "azure_client_secret",
        label: "AZURESECRET",
        about: "Client secret of an application in Entra ID",
        shape: r"[A-Za-z0-9_~.-]{3}[78]Q~[A-Za-z0-9_~.-]{30,33}[A-Za-z0-9_~-]",
        bytes_max: 40,
        source: "https://learn.microsoft.com/en-us/purview/sit-defn-azure-ad-client-secret",
        found: &[
            concat!("export TOKEN=⟦f7o", "8Q~J6MNFkIeKkMu7J2ikV8Djq9KTiHZB52⟧"),
            concat!("{\"key\":\"⟦TVW", "7Q~OMWbT8uUd64944_OTNhnQbl9Sq4wsqoc⟧\"}"),
            concat!("密钥⟦FOq", "8Q~LGLtrB_Ouk_20E2bfIWTgk5wm4GNPzfaB⟧。"),
        ],
        not_found: &[
            concat!("key=f7o", "8Q~J6MNFkIeKkMu7J2ikV8Djq9KTiHZ"),
            concat!("f7o", "8R~J6MNFkIeKkMu7J2ikV8Djq9KTiHZB52"),
            concat!("f7o", "8Q~xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "digitalocean_token",
        label: "DOTOKEN",
        about: "Token of DigitalOcean",
        shape: r"do[opr]_v1_[0-9a-f]{64}",
        bytes_max: 71,
        source: "https://docs.digitalocean.com/reference/api/create-personal-access-token/",
        found: &[
            concat!("export TOKEN=⟦doo", "_v1_a21fa407efd029ec296a7e39b9c8deb1a22fca5bd98dec611d18153740e304b5⟧"),
            concat!("{\"key\":\"⟦dop", "_v1_618e80c3e4db53bb9be9f7dfd922052bdb136c5d3848b37966cffdd15e31676c⟧\"}"),
            concat!("密钥⟦dor", "_v1_7557c2690739f4a5d410afb5f2db032839669107579d7dad45932b123cc920f8⟧。"),
        ],
        not_found: &[
            concat!("key=doo", "_v1_a21fa407efd029ec296a7e39b9c8deb1a22fca5bd98dec611d18153740e304b"),
            concat!("xdoo", "_v1_a21fa407efd029ec296a7e39b9c8deb1a22fca5bd98dec611d18153740e304b5"),
            concat!("doo", "_v1_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "databricks_token",
        label: "DATABRICKS",
        about: "Personal access token of Databricks",
        shape: r"dapi[0-9a-f]{32}(?:-\d{1,2})?",
        bytes_max: 39,
        source: "https://docs.databricks.com/aws/en/dev-tools/auth/pat",
        found: &[
            concat!("export TOKEN=⟦da", "pic45547ee9cc1f3c231777ca1c07fa690⟧"),
            concat!("{\"key\":\"⟦da", "pib75971ebfdb6c8cb39585d42748bbb05-2⟧\"}"),
            concat!("密钥⟦da", "pice4249dcaa315bba76d66907c321cc84⟧。"),
        ],
        not_found: &[
            concat!("key=da", "pic45547ee9cc1f3c231777ca1c07f"),
            concat!("xda", "pic45547ee9cc1f3c231777ca1c07fa690"),
            concat!("da", "pixxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "grafana_token",
        label: "GRAFANA",
        about: "Service account token of Grafana",
        shape: r"glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}",
        bytes_max: 46,
        source: "https://grafana.com/docs/grafana/latest/administration/service-accounts/",
        found: &[
            concat!("export TOKEN=⟦gl", "sa_tB80hC2ZUTkyFWDoqVhqW7XT49PWlr94_e0694314⟧"),
            concat!("{\"key\":\"⟦gl", "sa_VaxsbMWEYnqQkRE6ClxbobGMUbqdpbrc_93424f7d⟧\"}"),
            concat!("密钥⟦gl", "sa_E3hEIOeKdonn3Tn49061XcMJygFqJmyE_d3bc50da⟧。"),
        ],
        not_found: &[
            concat!("key=gl", "sa_tB80hC2ZUTkyFWDoqVhqW7XT49PWlr94_e069431"),
            concat!("xgl", "sa_tB80hC2ZUTkyFWDoqVhqW7XT49PWlr94_e0694314"),
            concat!("gl", "sa_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "vault_token",
        label: "VAULT",
        about: "Service, batch or recovery token of HashiCorp Vault",
        shape: r"hv[bsr]\.[A-Za-z0-9_-]{24,300}",
        bytes_max: 304,
        source: "https://developer.hashicorp.com/vault/docs/concepts/tokens",
        found: &[
            concat!("export TOKEN=⟦hv", "s.SJFWP1DgSvhOmcQp6cO_I6UO⟧"),
            concat!(
                "{\"key\":\"⟦hv",
                "b.3KI6BKpox947GrcOaoiMV1RNzo-tEx160LjMycDuv_kM_kkOaltsB4X9E_-5xpa61F7--oxts-A4gI_DDnTo-Pmduqb3stN⟧\"}"
            ),
            concat!(
                "密钥⟦hv",
                "r.dcxiMtJcnjJEv3cX4Dsjax3rBJSogkUrTMKvHDAt-t2PfjYTJQvyrhrIKFx8KL0ykTYagqsKw7zPnn1oW46j2z7Pp1hz3qYJYfLHjT_Gp0Kv18fwX-bjcc1lOsCXbVn752-IDK2FIb⟧。"
            ),
        ],
        not_found: &[
            concat!("key=hv", "s."),
            concat!("xhv", "s.SJFWP1DgSvhOmcQp6cO_I6UO"),
            concat!("hv", "s.xxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "docker_token",
        label: "DOCKER",
        about: "Access token of Docker Hub",
        shape: r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{27,32}",
        bytes_max: 41,
        source: "https://docs.docker.com/security/access-tokens/",
        found: &[
            concat!("export TOKEN=⟦dckr", "_pat_VP2w7i-bEoQaNakuOvWdyxmxxa4⟧"),
            concat!("{\"key\":\"⟦dckr", "_oat_s3sPeZb0ESGrwR7jfnarP1_Qn78JO_jC⟧\"}"),
            concat!("密钥⟦dckr", "_pat_JdNu7aJlRGLa_yuNoOhSukLCyfP⟧。"),
        ],
        not_found: &[
            concat!("key=dckr", "_pat_VP2w7i-bEoQaNakuOvWdy"),
            concat!("xdckr", "_pat_VP2w7i-bEoQaNakuOvWdyxmxxa4"),
            concat!("dckr", "_pat_xxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "pulumi_token",
        label: "PULUMI",
        about: "Access token of Pulumi",
        shape: r"pul-[0-9a-f]{40}",
        bytes_max: 44,
        source: "https://www.pulumi.com/docs/administration/access-identity/access-tokens/",
        found: &[
            concat!("export TOKEN=⟦pu", "l-1e1188e400a3d7d8646e1b91a4b4360b133d9fef⟧"),
            concat!("{\"key\":\"⟦pu", "l-71791085b186682f578ba78e890319975663d76c⟧\"}"),
            concat!("密钥⟦pu", "l-354c52c9c69b5fe88f4c6c4751373d086390733f⟧。"),
        ],
        not_found: &[
            concat!("key=pu", "l-1e1188e400a3d7d8646e1b91a4b4360b133d9fe"),
            concat!("xpu", "l-1e1188e400a3d7d8646e1b91a4b4360b133d9fef"),
            concat!("pu", "l-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
];

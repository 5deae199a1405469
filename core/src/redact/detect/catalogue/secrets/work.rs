//! Keys of what people work with: notes, designs, customers, code in the making.

use super::{Detector, SECRET};

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "notion_token",
        label: "NOTION",
        about: "Token of an integration of Notion",
        shape: r"ntn_\d{11}[A-Za-z0-9]{35}|secret_[A-Za-z0-9]{43}",
        bytes_max: 50,
        source: "https://developers.notion.com/reference/authentication",
        found: &[
            concat!("export TOKEN=⟦ntn_", "40360326960Fk6BX7uFFswaP6aUy3jINq6hZVch6rRSInF⟧"),
            concat!("{\"key\":\"⟦secr", "et_qSC8x7B0xPUhKkN8SUrGgI5ZCK8R9GkpBepf6hrKVZm⟧\"}"),
            concat!("密钥⟦secr", "et_xS6gjCsPtryDbMHR4FIrV4AFknLLAnIdSHK41Ntswr8⟧。"),
        ],
        not_found: &[
            concat!("key=n", "tn_40360326960Fk6BX7uFFswaP6aUy3jINq6hZVch6rRSIn"),
            concat!("xntn_", "40360326960Fk6BX7uFFswaP6aUy3jINq6hZVch6rRSInF"),
            concat!("ntn_x", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "figma_token",
        label: "FIGMA",
        about: "Personal access token of Figma",
        shape: r"fig[dou][rh]?_[A-Za-z0-9_-]{40,60}",
        bytes_max: 66,
        source: "https://developers.figma.com/docs/rest-api/authentication/",
        found: &[
            concat!("export TOKEN=⟦figd", "_qxWMLR-Qr_HACDjARuvKNyzcfYNT1ugu90ijADnn⟧"),
            concat!("{\"key\":\"⟦figd", "_8A2_H2il7GrOJnodaPuiz8SiY-svSUEBT0XDsbVb⟧\"}"),
            concat!("密钥⟦figd", "_4HqWbyE-JlcS0-fjYyVFDZVw0LwbufLDsBBic-58⟧。"),
        ],
        not_found: &[
            concat!("key=f", "igd_qxWMLR-Qr_HACDjARuvKNyzcfYNT1ugu90ijADn"),
            concat!("xfigd", "_qxWMLR-Qr_HACDjARuvKNyzcfYNT1ugu90ijADnn"),
            concat!("figd_", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "airtable_token",
        label: "AIRTABLE",
        about: "Personal access token of Airtable",
        shape: r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}",
        bytes_max: 82,
        source: "https://airtable.com/developers/web/guides/personal-access-tokens",
        found: &[
            concat!(
                "export TOKEN=⟦patL",
                "1OB5pfugpGeJr.c5984ba8531bbdd8b89715d5605caa6903c2e13e4876e2f3640eb3b3b49bd649⟧"
            ),
            concat!(
                "{\"key\":\"⟦pat7",
                "MhmnFKmPw0VGZ.ac68b72f646f6305fc5c9aa7d4ce40a7db26e80828b58010271839cba0a73a23⟧\"}"
            ),
            concat!("密钥⟦patw", "3z2oyqbiECoZ3.719684f5adc19c9a524a4019d7643cb7f6f73be59e534f51fd9e3dae144f9d4e⟧。"),
        ],
        not_found: &[
            concat!("key=p", "atL1OB5pfugpGeJr.c5984ba8531bbdd8b89715d5605caa6903c2e13e4876e2f3640eb3b3b49bd64"),
            concat!("xpatL", "1OB5pfugpGeJr.c5984ba8531bbdd8b89715d5605caa6903c2e13e4876e2f3640eb3b3b49bd649"),
            concat!("patL1", "OB5pfugpGeJr.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "hubspot_token",
        label: "HUBSPOT",
        about: "Access token of a private app of HubSpot",
        shape: r"pat-(?:na|eu|ap)\d-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        bytes_max: 44,
        source: "https://developers.hubspot.com/docs/apps/legacy-apps/private-apps/overview",
        found: &[
            concat!("export TOKEN=⟦pat-", "na1-0438b02a-373d-c84b-e6b3-0da4cde6cfc7⟧"),
            concat!("{\"key\":\"⟦pat-", "na1-10ce52cf-ce00-d520-333e-0a5118dae81d⟧\"}"),
            concat!("密钥⟦pat-", "na1-6a066fa0-ccc7-b9d7-8ebc-015eb55b3764⟧。"),
        ],
        not_found: &[
            concat!("key=p", "at-na1-0438b02a-373d-c84b-e6b3-0da4cde6cfc"),
            concat!("xpat-", "na1-0438b02a-373d-c84b-e6b3-0da4cde6cfc7"),
            concat!("pat-n", "a1-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "dropbox_token",
        label: "DROPBOX",
        about: "Short-lived access token of Dropbox",
        shape: r"sl\.(?:u\.)?[A-Za-z0-9_-]{130,1500}",
        bytes_max: 1505,
        source: "https://www.dropbox.com/developers/documentation/http/documentation",
        found: &[
            concat!(
                "export TOKEN=⟦sl.u",
                ".zYMvPIpa_CsuxlA1rYz_CPDHpWLGWSnOlhhdkd6KsqPYLwWbBqhKeqFO3BIXCH5kPFMiNNtL3BcgGHw0OeRAiWIhnJwkZvzc2DUbTb482DdC8rIxL-6Ed5h5Cz1ntNDy4hKHikLxb7E4JXAP-h6BSt⟧"
            ),
            concat!(
                "{\"key\":\"⟦sl.u",
                ".o6Oi5t41T96pRTytsEL69UjztmM7tKPbwns4rFdANsVn1T1OSnT-EQayyV2S80T9Z5P7sPfKetoBHIgRi7kguxwp2gSvHQxBQAqXA0K2TLCJEPCyvMYshjBADqMnzYK51adCI7jU36fYWMX_Z_TQJW⟧\"}"
            ),
            concat!(
                "密钥⟦sl.u",
                ".xTqfUWivlL9Y7frBLuLQjn8JWznq4DV4D6YcN56SoQc-jJtfKwxFcyc4BSYdkMbZGFPN8wMiNw4AGSIWs3Kwtd5bjXhIAaFaY4SDG-SvuuarU5gJTEGvIsXT1Kpu0k_DfgBtny2LpTN8ZPaTDgDNuB⟧。"
            ),
        ],
        not_found: &[
            concat!(
                "key=s",
                "l.u.zYMvPIpa_CsuxlA1rYz_CPDHpWLGWSnOlhhdkd6KsqPYLwWbBqhKeqFO3BIXCH5kPFMiNNtL3BcgGHw0OeRAiWIhnJwkZvzc2DUbTb482DdC8rIxL-6Ed5h5Cz1ntNDy4"
            ),
            concat!(
                "xsl.u",
                ".zYMvPIpa_CsuxlA1rYz_CPDHpWLGWSnOlhhdkd6KsqPYLwWbBqhKeqFO3BIXCH5kPFMiNNtL3BcgGHw0OeRAiWIhnJwkZvzc2DUbTb482DdC8rIxL-6Ed5h5Cz1ntNDy4hKHikLxb7E4JXAP-h6BSt"
            ),
            concat!(
                "sl.u.",
                "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
            ),
        ],
        ..SECRET
    },
    Detector {
        entity: "onepassword_token",
        label: "ONEPASSWORD",
        about: "Token of a service account of 1Password",
        shape: r"ops_eyJ[A-Za-z0-9+/_-]{250,1200}={0,3}",
        bytes_max: 1210,
        source: "https://developer.1password.com/docs/service-accounts/security/",
        found: &[
            concat!(
                "export TOKEN=⟦ops_",
                "eyJHsv46SV28icKKAOdO7FuUiDiFyzEyoqvZpJbZOBJNrv2uyoPKZhcWQ5DH19lJclbipGz9iAory61I5LasPaKiAhK6j4i0Sn4GfS1Bx3iJic7NtMjgYGgjDkcD5utGphihmjhDSVzVSO2nbkjMlrEEVpKKzZkEStzQjskeIzqnKid3wfSbCKDWwIfVbthJazlwzJzl3st23RjVwTYdWZNHffKCbqViC0l2slCk1h1a23pveBg3Wk39KchmIAQqN2a0OlvJTlp7PAurjHP4HWGndhON9opSz6OSINx00Zsf04n⟧"
            ),
            concat!(
                "{\"key\":\"⟦ops_",
                "eyJWeWL7KErC7nL17Qdo74SEB4nIgjQUwXEbQbeJncZNE6ZBsJ4HS7b4bvdHAo1lwWoYyfamREOWNGE54dPwQensAWSOKsDdGfsr09NozFBqfLQYY0UA069uz3ZtFgIna1Hhwi8tPxQxp55G9aIy3iFgD9EjOKhE1ewn1MGjY6sIjujQYD3Z1bFnhTWJk5usky46xwVfgRSjgs1jyQGanE1j8JZDeJMTfbf4IwGYHHDeUmVpSBb1ussqHdXyzsFI7PnngQDy87qHCAtBA0Hglb5tztKHhgcIL0QyCRItPD8c7Bw⟧\"}"
            ),
            concat!(
                "密钥⟦ops_",
                "eyJe6jp3lA1oc7E1rdc9T8UuGWzu6clZF06IdVLUI8kiVwSTBIP7ZhDdWSCKqwSfQEQmPLwsxiL8U3PSDiaNpwO5sqCgEa84w7cWULPZuIOynLMDY9GlKq9hP0JRedT6bdgvNtMEYzTBOiii5kSWLklBr9oY24LqofGLeSHrx4FUmnatuNAvH2tcVGCoglKL7CjND3C4Lin5njhLEMtTXENxvo6YQ33Y2JWQfuj27ezGkOrWL10MMisPyhczndux738PB79S4Nxv2sXNuW9Mr5L3fdakBONlPbfzMf7PcL2ePXW⟧。"
            ),
        ],
        not_found: &[
            concat!(
                "key=o",
                "ps_eyJHsv46SV28icKKAOdO7FuUiDiFyzEyoqvZpJbZOBJNrv2uyoPKZhcWQ5DH19lJclbipGz9iAory61I5LasPaKiAhK6j4i0Sn4GfS1Bx3iJic7NtMjgYGgjDkcD5utGphihmjhDSVzVSO2nbkjMlrEEVpKKzZkEStzQjskeIzqnKid3wfSbCKDWwIfVbthJazlwzJzl3st23RjVwTYdWZNHffKCbqViC0l2slCk1h1a23pveBg3Wk39Kchm"
            ),
            concat!(
                "xops_",
                "eyJHsv46SV28icKKAOdO7FuUiDiFyzEyoqvZpJbZOBJNrv2uyoPKZhcWQ5DH19lJclbipGz9iAory61I5LasPaKiAhK6j4i0Sn4GfS1Bx3iJic7NtMjgYGgjDkcD5utGphihmjhDSVzVSO2nbkjMlrEEVpKKzZkEStzQjskeIzqnKid3wfSbCKDWwIfVbthJazlwzJzl3st23RjVwTYdWZNHffKCbqViC0l2slCk1h1a23pveBg3Wk39KchmIAQqN2a0OlvJTlp7PAurjHP4HWGndhON9opSz6OSINx00Zsf04n"
            ),
            concat!(
                "ops_e",
                "yJxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
            ),
        ],
        ..SECRET
    },
    Detector {
        entity: "sonar_token",
        label: "SONAR",
        about: "Token of SonarQube",
        shape: r"sq[uap]_[0-9a-f]{40}",
        bytes_max: 44,
        source: "https://docs.sonarsource.com/sonarqube-server/latest/user-guide/managing-tokens/",
        found: &[
            concat!("export TOKEN=⟦squ_", "859e117c74925dc70c0644b529362b6e861a46a6⟧"),
            concat!("{\"key\":\"⟦squ_", "11ee067e48d529f2a32b34f36e6bcb54100a7042⟧\"}"),
            concat!("密钥⟦squ_", "c807b7fb92501c750cbfd310031fbe158eeb39f6⟧。"),
        ],
        not_found: &[
            concat!("key=s", "qu_859e117c74925dc70c0644b529362b6e861a46a"),
            concat!("xsqu_", "859e117c74925dc70c0644b529362b6e861a46a6"),
            concat!("squ_x", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "circleci_token",
        label: "CIRCLECI",
        about: "Personal or project token of CircleCI",
        shape: r"CCI(?:PAT|PRJ)_[A-Za-z0-9]{22}_[0-9a-f]{40}",
        bytes_max: 70,
        source: "https://circleci.com/docs/managing-api-tokens/",
        found: &[
            concat!("export TOKEN=⟦CCIP", "AT_FSKshbP409xdsKqPP1ufFo_a5f7a4eda1496d36a511440c6c0b1fb038c0e562⟧"),
            concat!("{\"key\":\"⟦CCIP", "AT_rNxr1BW8GoAcEB70y2YQor_1cbf9e4963c387cdf73684ea6b8378240a2a2355⟧\"}"),
            concat!("密钥⟦CCIP", "AT_2AQ3T91YLWkqiwDupMrjh6_ac2a9a17bef502a3ed49f9eb3056265bdaae2127⟧。"),
        ],
        not_found: &[
            concat!("key=C", "CIPAT_FSKshbP409xdsKqPP1ufFo_a5f7a4eda1496d36a511440c6c0b1fb038c0e56"),
            concat!("xCCIP", "AT_FSKshbP409xdsKqPP1ufFo_a5f7a4eda1496d36a511440c6c0b1fb038c0e562"),
            concat!("CCIPA", "T_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "buildkite_token",
        label: "BUILDKITE",
        about: "User or agent token of Buildkite",
        shape: r"bk(?:ua|at|ct|pt)_[A-Za-z0-9]{40,64}",
        bytes_max: 69,
        source: "https://buildkite.com/docs/apis/managing-api-tokens",
        found: &[
            concat!("export TOKEN=⟦bkua", "_127e80477de846d70b689d71236e7940b1f1e59c⟧"),
            concat!("{\"key\":\"⟦bkua", "_d74bccb0adc9ce9ed94ff8f59c42454674329b40⟧\"}"),
            concat!("密钥⟦bkua", "_4fb9d1d28e4fc2c79f2d6ea334374765a0f7073d⟧。"),
        ],
        not_found: &[
            concat!("key=b", "kua_127e80477de846d70b689d71236e7940b1f1e59"),
            concat!("xbkua", "_127e80477de846d70b689d71236e7940b1f1e59c"),
            concat!("bkua_", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "nuget_api_key",
        label: "NUGET",
        about: "API key of NuGet",
        shape: r"oy2[a-z0-9]{43}",
        bytes_max: 46,
        source: "https://learn.microsoft.com/en-us/nuget/nuget-org/publish-a-package",
        found: &[
            concat!("export TOKEN=⟦oy28", "dcyneakyxjqq4u0k8tdj3hpp3xjf0k42orgwxdl732⟧"),
            concat!("{\"key\":\"⟦oy20", "gd5c4mtyl15xpmx4bcm46r0mg50e6z1lhrr0vcq70l⟧\"}"),
            concat!("密钥⟦oy2l", "lfz67gad6qobaueldwvuu3x6y0hcrzgq6lf8pg74yg⟧。"),
        ],
        not_found: &[
            concat!("key=o", "y28dcyneakyxjqq4u0k8tdj3hpp3xjf0k42orgwxdl73"),
            concat!("xoy28", "dcyneakyxjqq4u0k8tdj3hpp3xjf0k42orgwxdl732"),
            concat!("oy2xx", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "bitbucket_app_password",
        label: "BITBUCKET",
        about: "App password of Bitbucket",
        shape: r"ATBB[A-Za-z0-9]{32}",
        bytes_max: 36,
        source: "https://support.atlassian.com/bitbucket-cloud/docs/app-passwords/",
        found: &[
            concat!("export TOKEN=⟦ATBB", "uCuY7tvKbt2ETAtsDWuhBhf4abchQ02u⟧"),
            concat!("{\"key\":\"⟦ATBB", "YSiubdq3145aNdxUljf7hfnKFBG2iEjn⟧\"}"),
            concat!("密钥⟦ATBB", "FQw1YQ3kDk444E7uwPBUcTV4Wy2mKX53⟧。"),
        ],
        not_found: &[
            concat!("key=A", "TBBuCuY7tvKbt2ETAtsDWuhBhf4abchQ02"),
            concat!("xATBB", "uCuY7tvKbt2ETAtsDWuhBhf4abchQ02u"),
            concat!("ATBBx", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "age_secret_key",
        label: "AGEKEY",
        about: "Secret key of age",
        shape: r"AGE-SECRET-KEY-1[AC-HJ-NP-Z02-9]{58}",
        bytes_max: 74,
        source: "https://github.com/C2SP/C2SP/blob/main/age.md",
        found: &[
            concat!("export TOKEN=⟦AGE-", "SECRET-KEY-1DEM3DJU8HNGX63CLL95TVFLA8MU6LVYWKAU70VN5NL88FD60JRYJJ86M2V⟧"),
            concat!("{\"key\":\"⟦AGE-", "SECRET-KEY-1V2W2TZUYW0PPTGWKGLAGN57HJZCUWTPQVGPTLGDR88JGZA4DT4N38WXQHU⟧\"}"),
            concat!("密钥⟦AGE-", "SECRET-KEY-1NTHHFUG5AMDXTXLWSGQFTZG8J4ZKFUZW29MHX2EYCQYR0VCUUEVNR88YFH⟧。"),
        ],
        not_found: &[
            concat!("key=A", "GE-SECRET-KEY-1DEM3DJU8HNGX63CLL95TVFLA8MU6LVYWKAU70VN5NL88FD60JRYJJ86M2"),
            concat!("xAGE-", "SECRET-KEY-1DEM3DJU8HNGX63CLL95TVFLA8MU6LVYWKAU70VN5NL88FD60JRYJJ86M2V"),
            concat!("AGE-S", "ECRET-KEY-1xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
];

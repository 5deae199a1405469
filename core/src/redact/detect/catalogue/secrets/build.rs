//! Keys of where code lives and is built, and of package registries.

use super::{Detector, SECRET};

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "github_token",
        label: "GITHUBTOKEN",
        about: "Token of GitHub: personal, OAuth, user, server, refresh",
        shape: r"gh[pousr]_[A-Za-z0-9]{36,251}",
        bytes_max: 255,
        source: "https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github",
        found: &[
            concat!("export TOKEN=⟦gh", "p_ULhHjzPMtnAJx8Ya0ImlS8EURiXgujrnfTqn⟧"),
            concat!("{\"key\":\"⟦gh", "o_PH54CZ4Sjj9mLUatha2qUx8JmSHXAdrUxqOf⟧\"}"),
            concat!("密钥⟦gh", "s_R2cjY4ZrhoQ6LjECpjD7ClOlHaNxva2v3oSW⟧。"),
        ],
        not_found: &[
            concat!("key=gh", "p_ULhHjzPMtnAJx8Ya0ImlS8EURiXgujrnfTq"),
            concat!("xgh", "p_ULhHjzPMtnAJx8Ya0ImlS8EURiXgujrnfTqn"),
            concat!("gh", "p_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "github_fine_grained_token",
        label: "GITHUBPAT",
        about: "Fine-grained personal access token of GitHub",
        shape: r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}",
        bytes_max: 93,
        source: "https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github",
        found: &[
            concat!(
                "export TOKEN=⟦githu",
                "b_pat_c5TZjs1QUcHIPB1z0jA4Su_A3MQiCE1j9wSlHn70n5LUCu2z7ha3UNuAAOiO1cdegtOP4KRa48IlFRhS4l⟧"
            ),
            concat!(
                "{\"key\":\"⟦githu",
                "b_pat_o2saB99L7R7ojDtHaS1sqe_WCN6bdvcdmKjs8tmxonnznibP53uybERtJR4G331kJ10AfNFpI5dScGR3zK⟧\"}"
            ),
            concat!(
                "密钥⟦githu",
                "b_pat_72Q0q2kQQ8BHBYC7SaKK28_ha9OxK8tgHwVJknUUnVNjXVTDnsoZdEAbu0v2uT81DMJyIFegyJ8jlNV4b0⟧。"
            ),
        ],
        not_found: &[
            concat!(
                "key=githu",
                "b_pat_c5TZjs1QUcHIPB1z0jA4Su_A3MQiCE1j9wSlHn70n5LUCu2z7ha3UNuAAOiO1cdegtOP4KRa48IlFRhS4"
            ),
            concat!(
                "xgithu",
                "b_pat_c5TZjs1QUcHIPB1z0jA4Su_A3MQiCE1j9wSlHn70n5LUCu2z7ha3UNuAAOiO1cdegtOP4KRa48IlFRhS4l"
            ),
            concat!(
                "githu",
                "b_pat_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
            ),
        ],
        ..SECRET
    },
    Detector {
        entity: "gitlab_token",
        label: "GITLABTOKEN",
        about: "Token of GitLab: personal, deploy, runner, trigger, job, feed, mail, agent, SCIM, OAuth",
        shape: r"gl(?:pat|dt|rt|rtr|ptt|cbt|ft|imt|agent|soat|ffct|wt|oas)-[A-Za-z0-9_-]{20,300}(?:\.[0-9a-z]{2}\.?[0-9a-z]{7,9})?",
        bytes_max: 321,
        source: "https://docs.gitlab.com/security/tokens/#token-prefixes",
        found: &[
            concat!("export TOKEN=⟦glp", "at-D4oZ-FA0wIBd-A1jVwPB⟧"),
            concat!("{\"key\":\"⟦gl", "rt-CAUwF6qvMkK6pKJT-KYl⟧\"}"),
            concat!("密钥⟦glp", "at-nIYWiZ_9xiMVedPfP7U11zOVshzJ0TDfk_i6z13TDtHKYsO5rtF.01.8jrl3xggj⟧。"),
        ],
        not_found: &[
            concat!("key=glp", "at-D4oZ-FA0wIBd-A1jVwP"),
            concat!("xglp", "at-D4oZ-FA0wIBd-A1jVwPB"),
            concat!("glp", "at-xxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "npm_token",
        label: "NPMTOKEN",
        about: "Access token of npm",
        shape: r"npm_[A-Za-z0-9]{36}",
        bytes_max: 40,
        source: "https://docs.npmjs.com/about-access-tokens",
        found: &[
            concat!("export TOKEN=⟦np", "m_IHGdAswg9qUgTKXJDqUNvmb2dKaKUS4erZLK⟧"),
            concat!("{\"key\":\"⟦np", "m_saHzCzOLfMj7STQ5Wq9tajazXpavgOswW2HP⟧\"}"),
            concat!("密钥⟦np", "m_96Q4r6xGg8qD7FHCRh2CrOsjJIYeGwZtMiIG⟧。"),
        ],
        not_found: &[
            concat!("key=np", "m_IHGdAswg9qUgTKXJDqUNvmb2dKaKUS4erZL"),
            concat!("xnp", "m_IHGdAswg9qUgTKXJDqUNvmb2dKaKUS4erZLK"),
            concat!("np", "m_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "pypi_token",
        label: "PYPITOKEN",
        about: "API token of PyPI or its test site",
        shape: r"pypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZw)[A-Za-z0-9_-]{50,500}",
        bytes_max: 530,
        source: "https://pypi.org/help/#apitoken",
        found: &[
            concat!(
                "export TOKEN=⟦pypi-AgEIc",
                "HlwaS5vcmcMLEtnOPpYrSqyghXL9dCx8kfR2O7QYfoPJe9KbAWXcForyymf_vEmn9Z7tJFh5C1pdBlkcW3RCGchXOKBr69n7jbreXrYrhmSXiageMqLRJcQwD8EVoHixWObkDHn31TBQSwvbxALR3A⟧"
            ),
            concat!(
                "{\"key\":\"⟦pypi-AgEIc",
                "HlwaS5vcmck0CWVSHkH4wqRTQrfMFVR_qNu0RFH8I2JxM3sg3n_iBbpVCFlBXp5HGiN1XXSXIaPJNc9oGh7R0R0GH6oZdsfK0qX72ht9iu7eX_VJ5Idl4JnAjpPX5DrQ4C88LIrTELOzckI6hfys3d3⟧\"}"
            ),
            concat!(
                "密钥⟦pypi-AgENdGVz",
                "dC5weXBpLm9yZwIdmzPam54QZNyfmR7ewsDdLws1gGdvpPEoF5RaZ6OysVtu0yxa4gx6Tdhdq4gURWaM7OAc_n10pOg7NavuMM_0lh-xfR0xaO7mRIO3z6U1VFmfxitwYL4iapwE3SpclyAulEVEUlPGZGLk⟧。"
            ),
        ],
        not_found: &[
            concat!("key=pypi-AgEIc", "HlwaS5vcmcMLEtnOPpYrSqyghXL9dCx8kfR2O7QYfoPJe9KbAW"),
            concat!(
                "xpypi-AgEIc",
                "HlwaS5vcmcMLEtnOPpYrSqyghXL9dCx8kfR2O7QYfoPJe9KbAWXcForyymf_vEmn9Z7tJFh5C1pdBlkcW3RCGchXOKBr69n7jbreXrYrhmSXiageMqLRJcQwD8EVoHixWObkDHn31TBQSwvbxALR3A"
            ),
            concat!(
                "pypi-AgEIc",
                "HlwaS5vcmcxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
            ),
        ],
        ..SECRET
    },
    Detector {
        entity: "rubygems_token",
        label: "RUBYGEMS",
        about: "API key of RubyGems",
        shape: r"rubygems_[0-9a-f]{48}",
        bytes_max: 57,
        source: "https://guides.rubygems.org/api-key-scopes/",
        found: &[
            concat!("export TOKEN=⟦ruby", "gems_db294c6f72f131723916dbd7fcd68269f421443159dcc5b6⟧"),
            concat!("{\"key\":\"⟦ruby", "gems_f20a9fd12c8d73065a0c302b7628aaf411b7af184d91326f⟧\"}"),
            concat!("密钥⟦ruby", "gems_78044fd1d66cc13ebfac44d49264ff1552d4c36123c05a7c⟧。"),
        ],
        not_found: &[
            concat!("key=ruby", "gems_db294c6f72f131723916dbd7fcd68269f421443159dcc5b"),
            concat!("xruby", "gems_db294c6f72f131723916dbd7fcd68269f421443159dcc5b6"),
            concat!("ruby", "gems_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "crates_io_token",
        label: "CRATESIO",
        about: "API token of crates.io",
        shape: r"cio[A-Za-z0-9]{32}",
        bytes_max: 35,
        source: "https://doc.rust-lang.org/cargo/reference/publishing.html",
        found: &[
            concat!("export TOKEN=⟦c", "ioydICQy3dzOYR0hFo7vmlwwSwjaRI9GNC⟧"),
            concat!("{\"key\":\"⟦c", "ioONjBNLwm8YDzJXgTFSla88dGjq4YBX9T⟧\"}"),
            concat!("密钥⟦c", "ioL0UUKuIrgGIlhK3gDwMFBMaGBeVK2YV4⟧。"),
        ],
        not_found: &[
            concat!("key=c", "ioydICQy3dzOYR0hFo7vmlwwSwjaRI9GN"),
            concat!("xc", "ioydICQy3dzOYR0hFo7vmlwwSwjaRI9GNC"),
            concat!("c", "ioxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "atlassian_token",
        label: "ATLASSIAN",
        about: "API token of Atlassian",
        shape: r"ATATT3[A-Za-z0-9_-]{150,250}(?:=[0-9A-F]{8})?",
        bytes_max: 266,
        source: "https://support.atlassian.com/atlassian-account/docs/manage-api-tokens-for-your-atlassian-account/",
        found: &[
            concat!(
                "export TOKEN=⟦ATA",
                "TT3wpifPlmBgFNrZTOZtYur1Uq8IMu-ETr2cz8yBoaB--JU_cIien0O8clEFv7mHRHVwumSxl5-MNGIPL5uEbev_fc6wwqX8Qy62-lUkRqvfRy7q8XPfecEqaBD48HNiya2q1s6pXiWDP45lVlhPpBDHFMqmbQC0wJAcQtbl0GMolamchlZa=604A205A⟧"
            ),
            concat!(
                "{\"key\":\"⟦ATA",
                "TT3LFjjaKdzhVmlRVgo3MbwkbFi6YXFKTT2_NjDIYDqKbavJL9mEleBlTWpg4pEz6coEBpoQbvXcmo_-5hOb3QxcL8Zkzg9iE4HXEYHK5Vtk_4XFF7mVGC-qJAkR8jGdXMpiKYb0Cl07ohYAYTWEbZKCkAbG9dCw3RorDtmSyGuP6j2oEvky=5FAAC481⟧\"}"
            ),
            concat!(
                "密钥⟦ATA",
                "TT3QXqT3l30j85jZUmOGYTEAIT3Vz2zp_0ZrAae-eeJkDjRPdx1AOe8_NfjCOCfMrBk9kd6LHNkEYHwl1Yedm3P2V2b_9qqDo4uu_Dwj-klnxqfPjCN281X6jSoyq0cJ19hEEulZESRwe0eYH7m8yEIB8pNydSAi8J8hEMgoieTYtC-d_oXs=5D318AFF⟧。"
            ),
        ],
        not_found: &[
            concat!(
                "key=ATA",
                "TT3wpifPlmBgFNrZTOZtYur1Uq8IMu-ETr2cz8yBoaB--JU_cIien0O8clEFv7mHRHVwumSxl5-MNGIPL5uEbev_fc6wwqX8Qy62-lUkRqvfRy7q8XPfecEqaBD48HNiy"
            ),
            concat!(
                "xATA",
                "TT3wpifPlmBgFNrZTOZtYur1Uq8IMu-ETr2cz8yBoaB--JU_cIien0O8clEFv7mHRHVwumSxl5-MNGIPL5uEbev_fc6wwqX8Qy62-lUkRqvfRy7q8XPfecEqaBD48HNiya2q1s6pXiWDP45lVlhPpBDHFMqmbQC0wJAcQtbl0GMolamchlZa=604A205A"
            ),
            concat!(
                "ATA",
                "TT3xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
            ),
        ],
        ..SECRET
    },
    Detector {
        entity: "postman_api_key",
        label: "POSTMAN",
        about: "API key of Postman",
        shape: r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}",
        bytes_max: 64,
        source: "https://learning.postman.com/docs/reference/postman-api/authentication/",
        found: &[
            concat!("export TOKEN=⟦PM", "AK-a4f584e5add1654170cf4c9e-d6a0c762129503cd9fa92973afdf764d0d⟧"),
            concat!("{\"key\":\"⟦PM", "AK-13cf1a21d8d5bf3be6075ebe-40d4fd1c047375bf076811eb91de0ff57d⟧\"}"),
            concat!("密钥⟦PM", "AK-c37a4652a9d6c807c791bdec-b725f886d27b2f20cf8a574b80d0c25276⟧。"),
        ],
        not_found: &[
            concat!("key=PM", "AK-a4f584e5add1654170cf4c9e-d6a0c762129503cd9fa92973afdf764d0"),
            concat!("xPM", "AK-a4f584e5add1654170cf4c9e-d6a0c762129503cd9fa92973afdf764d0d"),
            concat!("PM", "AK-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "linear_api_key",
        label: "LINEAR",
        about: "API key of Linear",
        shape: r"lin_api_[A-Za-z0-9]{40}",
        bytes_max: 48,
        source: "https://linear.app/developers/graphql",
        found: &[
            concat!("export TOKEN=⟦lin_", "api_yfVkANR2q0mvoniWcgnjfaldzTY05oqD2NA3l2jx⟧"),
            concat!("{\"key\":\"⟦lin_", "api_OuiYkOPHTAJMIEw9RFP9yRKKeRkOMLmRVEHFKpof⟧\"}"),
            concat!("密钥⟦lin_", "api_XpsXiVvymQkgxD8CNiV0aeODtVlfEReHP8b3xVGV⟧。"),
        ],
        not_found: &[
            concat!("key=lin_", "api_yfVkANR2q0mvoniWcgnjfaldzTY05oqD2NA3l2j"),
            concat!("xlin_", "api_yfVkANR2q0mvoniWcgnjfaldzTY05oqD2NA3l2jx"),
            concat!("lin_", "api_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
];

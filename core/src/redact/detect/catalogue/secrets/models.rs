//! Keys of those who serve models.

use super::{Detector, SECRET};

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "openai_api_key",
        label: "OPENAIKEY",
        about: "API key of OpenAI: of a project, a service account, an administrator, or from before projects",
        shape: r"sk-(?:(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,200}|[A-Za-z0-9]{48})",
        bytes_max: 211,
        source: "https://platform.openai.com/docs/api-reference/authentication",
        found: &[
            concat!(
                "export TOKEN=⟦sk-p",
                "roj-Swnd4VBmyP2A1YtKF8ZUQ6K98QscGsJbifgX7OHvR10OH16Nts4brGpWshHoThaddPxv8_QPwpIQ_5NavqJl6cytgdH_qi-mSegVJj8zjC47flvWzvcbURXgypcO2w82tj0LGGjISQduasa2qG4Qb8Ecj8ep⟧"
            ),
            concat!(
                "{\"key\":\"⟦sk-sv",
                "cacct-O7v42ZaF9-A2vgcfhbXpiJ3i4yzDHBpzgckdUrjt8byLcHxbjOoGLBOwioCGHEbWj-XXF7KCoX0x315rn6UHp5iZNrswzGPIyVAsyd0KIcOE_ZFefefRk7P7⟧\"}"
            ),
            concat!("密钥⟦s", "k-ILTz5V6mpSx7dTdBZaMWT3BlbkFJeo9J7gGdtG52vpGEOlT8⟧。"),
        ],
        not_found: &[
            concat!("key=sk-p", "roj-Swnd4VBmyP2A1YtKF8ZUQ6K98QscGsJbifgX"),
            concat!(
                "xsk-p",
                "roj-Swnd4VBmyP2A1YtKF8ZUQ6K98QscGsJbifgX7OHvR10OH16Nts4brGpWshHoThaddPxv8_QPwpIQ_5NavqJl6cytgdH_qi-mSegVJj8zjC47flvWzvcbURXgypcO2w82tj0LGGjISQduasa2qG4Qb8Ecj8ep"
            ),
            concat!(
                "sk-p",
                "roj-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
            ),
        ],
        ..SECRET
    },
    Detector {
        entity: "anthropic_api_key",
        label: "ANTHROPICKEY",
        about: "API key, administrator's key or OAuth token of Anthropic",
        shape: r"sk-ant-(?:api|admin|oat|ort|sid)\d{2}-[A-Za-z0-9_-]{80,150}",
        bytes_max: 164,
        source: "https://docs.anthropic.com/en/api/getting-started",
        found: &[
            concat!(
                "export TOKEN=⟦sk-ant",
                "-api03-8XG3-BlJiuBMwiUmgkgrvWoi3UQTsQAkbdFNQppNbduj9-zpqPu986V3b0wAKM3Y8wSZZ4nQ6dFn_uSzVlr5EpGVlNRAjAA⟧"
            ),
            concat!(
                "{\"key\":\"⟦sk-ant-",
                "admin01-LVg2SASyjCGsyYMrTZd-70Xf0uwVMZJ4qHyB2Xc3SzXHkZPNGg1HzpD6R4HzNEbJ_BjrQTvD9AxxS6FQAaxu182-A-YRbAA⟧\"}"
            ),
            concat!(
                "密钥⟦sk-ant",
                "-oat01-icd0cKO97oSHp-8F7P0GLQvp1ilM5qWvQAFSiaIuPlFeETzayrTDJS7dnDb8Ppg0CQk5mIvOIQCtyOCmHc4KIcFdkvEmdAA⟧。"
            ),
        ],
        not_found: &[
            concat!("key=sk-ant", "-api03-8XG3-BlJiuBMwiUmgkgrvWoi3UQTsQAkbdFNQppNbduj9-zpqPu986V3b0wAKM3Y8wSZZ4nQ6dF"),
            concat!(
                "xsk-ant",
                "-api03-8XG3-BlJiuBMwiUmgkgrvWoi3UQTsQAkbdFNQppNbduj9-zpqPu986V3b0wAKM3Y8wSZZ4nQ6dFn_uSzVlr5EpGVlNRAjAA"
            ),
            concat!(
                "sk-ant",
                "-api03-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
            ),
        ],
        ..SECRET
    },
    Detector {
        entity: "openrouter_api_key",
        label: "OPENROUTERKEY",
        about: "API key of OpenRouter",
        shape: r"sk-or-v1-[0-9a-f]{64}",
        bytes_max: 73,
        source: "https://openrouter.ai/docs/api-reference/authentication",
        found: &[
            concat!("export TOKEN=⟦sk-o", "r-v1-ae6006ba0ca98572223bced4f03cce30a3911caa5f98ebc592fd694029416667⟧"),
            concat!("{\"key\":\"⟦sk-o", "r-v1-ad3ea54157c321cafa354d86d16c9949af89a7b5de734f2edf738a53cd5f00ee⟧\"}"),
            concat!("密钥⟦sk-o", "r-v1-3d2b475a2915402f30ca38bd982a1097238b05189e7e6199a4afd7fe50a2780b⟧。"),
        ],
        not_found: &[
            concat!("key=sk-o", "r-v1-ae6006ba0ca98572223bced4f03cce30a3911caa5f98ebc592fd69402941666"),
            concat!("xsk-o", "r-v1-ae6006ba0ca98572223bced4f03cce30a3911caa5f98ebc592fd694029416667"),
            concat!("sk-o", "r-v1-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "deepseek_api_key",
        label: "DEEPSEEKKEY",
        about: "API key of DeepSeek, and of others with the same shape",
        shape: r"sk-[0-9a-f]{32}",
        bytes_max: 35,
        source: "https://api-docs.deepseek.com/",
        found: &[
            concat!("export TOKEN=⟦s", "k-5ce70103da0233e68b59e2c57b2f96a5⟧"),
            concat!("{\"key\":\"⟦s", "k-79983801db2c3089358ed7fc1bb294c9⟧\"}"),
            concat!("密钥⟦s", "k-062ce353014f8ee0672eef75d99bd244⟧。"),
        ],
        not_found: &[
            concat!("key=s", "k-5ce70103da0233e68b59e2c57b2f96a"),
            concat!("xs", "k-5ce70103da0233e68b59e2c57b2f96a5"),
            concat!("s", "k-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "huggingface_token",
        label: "HFTOKEN",
        about: "Token of Hugging Face, of a person or an organisation",
        shape: r"(?:hf_|api_org_)[A-Za-z0-9]{34}",
        bytes_max: 42,
        source: "https://huggingface.co/docs/hub/security-tokens",
        found: &[
            concat!("export TOKEN=⟦h", "f_ZybmGOXWGEnqqFQEdKSbxznTSegyRIJxjH⟧"),
            concat!("{\"key\":\"⟦h", "f_foaEvytifHfkzQLFWXlquEfEFzOyVfjQEY⟧\"}"),
            concat!("密钥⟦api_", "org_AXtBgkFeOtWgQZZrtBwXjftzNMLNukiMTv⟧。"),
        ],
        not_found: &[
            concat!("key=h", "f_ZybmGOXWGEnqqFQEdKSbxznTSegyRIJxj"),
            concat!("xh", "f_ZybmGOXWGEnqqFQEdKSbxznTSegyRIJxjH"),
            concat!("h", "f_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "groq_api_key",
        label: "GROQKEY",
        about: "API key of Groq",
        shape: r"gsk_[A-Za-z0-9]{52}",
        bytes_max: 56,
        source: "https://console.groq.com/docs/quickstart",
        found: &[
            concat!("export TOKEN=⟦gs", "k_4rGzuwKmnTIKBp0PS9T3WGdyb3FYs9pkbaRRJG4os5zqxGPb7vKC⟧"),
            concat!("{\"key\":\"⟦gs", "k_2yUmnvwo0l6B82VgGQMDWGdyb3FYiDOAok64ceH0q7JcIvi1Qpdv⟧\"}"),
            concat!("密钥⟦gs", "k_QnC8GsVoJMvIv089PmlcWGdyb3FYxHtQEhFWMOoQ1M9xPUqnEBI8⟧。"),
        ],
        not_found: &[
            concat!("key=gs", "k_4rGzuwKmnTIKBp0PS9T3WGdyb3FYs9pkbaRRJG4os5zqxGPb7vK"),
            concat!("xgs", "k_4rGzuwKmnTIKBp0PS9T3WGdyb3FYs9pkbaRRJG4os5zqxGPb7vKC"),
            concat!("gs", "k_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "xai_api_key",
        label: "XAIKEY",
        about: "API key of xAI",
        shape: r"xai-[A-Za-z0-9]{80}",
        bytes_max: 84,
        source: "https://docs.x.ai/docs/overview",
        found: &[
            concat!(
                "export TOKEN=⟦xa",
                "i-0MiY05L1Wh1VAA76r5sWCvJXAvt1NJLd4ceFZc12ivNtMZvwuP6aBNA7BXL1TotOqkZyBA15aLWdB0Mv⟧"
            ),
            concat!(
                "{\"key\":\"⟦xa",
                "i-1PWxT47lGPNrJJfcEvH6vs8hX3Rbi0JziSUyMNxedtMKwD06nBssz1sBkWoAyeBlw7T5feNVkhog1snn⟧\"}"
            ),
            concat!("密钥⟦xa", "i-Y3HHzWDtMzdktSgQzz1FU8jrLhNUqnxhbpUNdfOhNjDA1jk2Vj0eaiFTSf2oBzDcKgUcoSlBdTZDslvo⟧。"),
        ],
        not_found: &[
            concat!("key=xa", "i-0MiY05L1Wh1VAA76r5sWCvJXAvt1NJLd4ceFZc12ivNtMZvwuP6aBNA7BXL1TotOqkZyBA15aLWdB0M"),
            concat!("xxa", "i-0MiY05L1Wh1VAA76r5sWCvJXAvt1NJLd4ceFZc12ivNtMZvwuP6aBNA7BXL1TotOqkZyBA15aLWdB0Mv"),
            concat!("xa", "i-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "perplexity_api_key",
        label: "PPLXKEY",
        about: "API key of Perplexity",
        shape: r"pplx-[A-Za-z0-9]{48}",
        bytes_max: 53,
        source: "https://docs.perplexity.ai/guides/getting-started",
        found: &[
            concat!("export TOKEN=⟦pp", "lx-dCV3bzZRY8M0bJRxvCvKogDSqJw6NDSuDbtuEriUcgYrGd9Z⟧"),
            concat!("{\"key\":\"⟦pp", "lx-awmGabXNmPttUMAfaXjY6poA1v90W4hjtZZenr9fYNKpF2IK⟧\"}"),
            concat!("密钥⟦pp", "lx-xZDWHKoxnJvj14LXO2XR9SNZRtUR9MXLHbQIckXMGDGIq9uu⟧。"),
        ],
        not_found: &[
            concat!("key=pp", "lx-dCV3bzZRY8M0bJRxvCvKogDSqJw6NDSuDbtuEriUcgYrGd9"),
            concat!("xpp", "lx-dCV3bzZRY8M0bJRxvCvKogDSqJw6NDSuDbtuEriUcgYrGd9Z"),
            concat!("pp", "lx-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "replicate_token",
        label: "REPLICATE",
        about: "API token of Replicate",
        shape: r"r8_[A-Za-z0-9]{37}",
        bytes_max: 40,
        source: "https://replicate.com/docs/topics/security/api-tokens",
        found: &[
            concat!("export TOKEN=⟦r", "8_305MeErZ11pMGdLhl0hxNmIT6RS1idNyeJmIj⟧"),
            concat!("{\"key\":\"⟦r", "8_LIy90yAtAIj5KpksntBNTB7938KcfBAZtETlb⟧\"}"),
            concat!("密钥⟦r", "8_hSTfAryBd97xQSpHf0fdGjm4phGCOLjuVhJUL⟧。"),
        ],
        not_found: &[
            concat!("key=r", "8_305MeErZ11pMGdLhl0hxNmIT6RS1idNyeJmI"),
            concat!("xr", "8_305MeErZ11pMGdLhl0hxNmIT6RS1idNyeJmIj"),
            concat!("r", "8_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "nvidia_api_key",
        label: "NVIDIAKEY",
        about: "API key of NVIDIA's model catalogue",
        shape: r"nvapi-[A-Za-z0-9_-]{60,70}",
        bytes_max: 76,
        source: "https://docs.api.nvidia.com/nim/docs/api-quickstart",
        found: &[
            concat!("export TOKEN=⟦nva", "pi-EkyYBII_DvLt2BN2kN5l1GeK5W7i-wwmr3k8FvZodKLWgxarktH2Iig5QFPJOCge⟧"),
            concat!("{\"key\":\"⟦nva", "pi-9yGrWYW5FC6vNBUlFIuiSZPpHt0YFd6hdQVZBw4DdKLvQYZThZx0IqAiqSsCRIv9⟧\"}"),
            concat!("密钥⟦nva", "pi-qLLxsIu81sWMZ_hsv8a1kgQyFzLKqbp_-8m7lu3V7GoqA4sTGPfG0rj6r5Uv3L1D⟧。"),
        ],
        not_found: &[
            concat!("key=nva", "pi-EkyYBII_DvLt2BN2kN5l1GeK5W7i-wwmr3k8FvZodKLWgxarktH2Iig5Q"),
            concat!("xnva", "pi-EkyYBII_DvLt2BN2kN5l1GeK5W7i-wwmr3k8FvZodKLWgxarktH2Iig5QFPJOCge"),
            concat!("nva", "pi-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "langsmith_api_key",
        label: "LANGSMITH",
        about: "API key of LangSmith",
        shape: r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}",
        bytes_max: 51,
        source: "https://docs.smith.langchain.com/administration/how_to_guides/organization_management/create_account_api_key",
        found: &[
            concat!("export TOKEN=⟦lsv2", "_pt_0a9a67b7b49ebdd459ad002b9ec2ad82_c0dab4a4c6⟧"),
            concat!("{\"key\":\"⟦lsv2", "_sk_726e34e5815776489113c4e7123f319d_ba3f8cf259⟧\"}"),
            concat!("密钥⟦lsv2", "_pt_b407d73b2ac7704834c64e7e2289b430_a238f5e41d⟧。"),
        ],
        not_found: &[
            concat!("key=lsv2", "_pt_0a9a67b7b49ebdd459ad002b9ec2ad82_c0dab4a4c"),
            concat!("xlsv2", "_pt_0a9a67b7b49ebdd459ad002b9ec2ad82_c0dab4a4c6"),
            concat!("lsv2", "_pt_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
];

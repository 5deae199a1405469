//! Keys of more providers of models, and of what agents call.

use super::{Detector, SECRET, mixed};

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "cerebras_api_key",
        label: "CEREBRAS",
        about: "API key of Cerebras",
        shape: r"csk-[a-z0-9]{48}",
        bytes_max: 52,
        source: "https://inference-docs.cerebras.ai/quickstart",
        found: &[
            concat!("export TOKEN=⟦csk-", "l1k2gu3q5btukz3bjygpmcietc16ozt6c3z57m1gy7bwdjyl⟧"),
            concat!("{\"key\":\"⟦csk-", "bk0u9dyyflzs151ly0fwsxk3s0fx97a3zkajvdfmaxyj7zrt⟧\"}"),
            concat!("密钥⟦csk-", "8pjb8exoixuirm5jpotzkfw2njosd1s3tx1xqzhwuhahbqd5⟧。"),
        ],
        not_found: &[
            concat!("key=c", "sk-l1k2gu3q5btukz3bjygpmcietc16ozt6c3z57m1gy7bwdjy"),
            concat!("xcsk-", "l1k2gu3q5btukz3bjygpmcietc16ozt6c3z57m1gy7bwdjyl"),
            concat!("csk-x", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "fireworks_api_key",
        label: "FIREWORKS",
        about: "API key of Fireworks",
        shape: r"fw_[A-Za-z0-9]{22,26}",
        bytes_max: 29,
        check: mixed,
        source: "https://docs.fireworks.ai/getting-started/quickstart",
        found: &[
            concat!("export TOKEN=⟦fw_Y", "8zJ8iqgXfxYSGLorSpYo5⟧"),
            concat!("{\"key\":\"⟦fw_3", "GGOAphvp4JQXmk03knCFd⟧\"}"),
            concat!("密钥⟦fw_h", "mDo837Re6el6unvY0l9UO⟧。"),
        ],
        not_found: &[
            concat!("key=f", "w_Y8zJ8iqgXfxYSGLorSpYo"),
            concat!("xfw_Y", "8zJ8iqgXfxYSGLorSpYo5"),
            concat!("fw_xx", "xxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "together_api_key",
        label: "TOGETHER",
        about: "API key of Together",
        shape: r"tgp_v1_[A-Za-z0-9_-]{43}",
        bytes_max: 50,
        source: "https://docs.together.ai/docs/quickstart",
        found: &[
            concat!("export TOKEN=⟦tgp_", "v1_16JzP_9cEWAZ_2fxJB0P1BXklSvPmlQygCESBEz83Ax⟧"),
            concat!("{\"key\":\"⟦tgp_", "v1_j0Xmy5gtSbGVWHlBIetLqf594b3bu7AQ9eXyXQwZQXZ⟧\"}"),
            concat!("密钥⟦tgp_", "v1_XbN7wpOG-2wtDtM7c9qhjK_GeirrUA2msorikXEZ_kB⟧。"),
        ],
        not_found: &[
            concat!("key=t", "gp_v1_16JzP_9cEWAZ_2fxJB0P1BXklSvPmlQygCESBEz83A"),
            concat!("xtgp_", "v1_16JzP_9cEWAZ_2fxJB0P1BXklSvPmlQygCESBEz83Ax"),
            concat!("tgp_v", "1_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "voyage_api_key",
        label: "VOYAGE",
        about: "API key of Voyage AI",
        shape: r"pa-[A-Za-z0-9_-]{43}",
        bytes_max: 46,
        check: mixed,
        source: "https://docs.voyageai.com/docs/api-key-and-installation",
        found: &[
            concat!("export TOKEN=⟦pa-U", "LiR43jHW48rgOiXIJ1vbFOj83pyG3UE35cJ106NdWn⟧"),
            concat!("{\"key\":\"⟦pa-b", "FjpAKBVkG529jhrmjfuqeVU5rWKa-Te14qFWKTYRqF⟧\"}"),
            concat!("密钥⟦pa-k", "CPqOtBHl4uD2mIZ89nVtoNoh8ep6-FxiRBq23yMP96⟧。"),
        ],
        not_found: &[
            concat!("key=p", "a-ULiR43jHW48rgOiXIJ1vbFOj83pyG3UE35cJ106NdW"),
            concat!("xpa-U", "LiR43jHW48rgOiXIJ1vbFOj83pyG3UE35cJ106NdWn"),
            concat!("pa-xx", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "jina_api_key",
        label: "JINA",
        about: "API key of Jina AI",
        shape: r"jina_[A-Za-z0-9_-]{60}",
        bytes_max: 65,
        check: mixed,
        source: "https://jina.ai/embeddings/",
        found: &[
            concat!("export TOKEN=⟦jina", "_af8omMgdNwy9MIFA1IrqyClcUaFQ1GEbRwetpW_irkLWDyIZVyiyOH_WsrnI⟧"),
            concat!("{\"key\":\"⟦jina", "_Sr_UzcpXf0uudrti-jcbNa9NDAFb4-W4XdEUSzReTjRbJ18ZRt-tCAixMyX9⟧\"}"),
            concat!("密钥⟦jina", "_gn5X3kdbK3CtQwoOXsQLkWC0y_X0ybpsD0-kuAjKRyVRFHl2P7-ceerCQB2W⟧。"),
        ],
        not_found: &[
            concat!("key=j", "ina_af8omMgdNwy9MIFA1IrqyClcUaFQ1GEbRwetpW_irkLWDyIZVyiyOH_Wsrn"),
            concat!("xjina", "_af8omMgdNwy9MIFA1IrqyClcUaFQ1GEbRwetpW_irkLWDyIZVyiyOH_WsrnI"),
            concat!("jina_", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "elevenlabs_api_key",
        label: "ELEVENLABS",
        about: "API key of ElevenLabs",
        shape: r"sk_[0-9a-f]{48}",
        bytes_max: 51,
        source: "https://elevenlabs.io/docs/api-reference/authentication",
        found: &[
            concat!("export TOKEN=⟦sk_e", "984812fb6ae9d830682517bea787eb821331cf751b30c71⟧"),
            concat!("{\"key\":\"⟦sk_2", "305eec78b2023930c8106ec460024d721390e0afb1e2593⟧\"}"),
            concat!("密钥⟦sk_7", "922910424c7e19ed8fb982fe14c5b4a0b60da22ed9276a2⟧。"),
        ],
        not_found: &[
            concat!("key=s", "k_e984812fb6ae9d830682517bea787eb821331cf751b30c7"),
            concat!("xsk_e", "984812fb6ae9d830682517bea787eb821331cf751b30c71"),
            concat!("sk_xx", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "langfuse_secret_key",
        label: "LANGFUSE",
        about: "Secret key of Langfuse",
        shape: r"sk-lf-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        bytes_max: 42,
        source: "https://langfuse.com/docs/api-and-data-platform/features/public-api",
        found: &[
            concat!("export TOKEN=⟦sk-l", "f-111f512a-6024-6d51-e103-2f58bc862120⟧"),
            concat!("{\"key\":\"⟦sk-l", "f-01738b0f-0abc-d9bb-8690-aaaf6d593c5f⟧\"}"),
            concat!("密钥⟦sk-l", "f-7e0c0d1b-34ab-6297-b267-80cbf8b6be05⟧。"),
        ],
        not_found: &[
            concat!("key=s", "k-lf-111f512a-6024-6d51-e103-2f58bc86212"),
            concat!("xsk-l", "f-111f512a-6024-6d51-e103-2f58bc862120"),
            concat!("sk-lf", "-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "pinecone_api_key",
        label: "PINECONE",
        about: "API key of Pinecone",
        shape: r"pcsk_[A-Za-z0-9]{5,6}_[A-Za-z0-9]{60,70}",
        bytes_max: 82,
        source: "https://docs.pinecone.io/guides/projects/manage-api-keys",
        found: &[
            concat!("export TOKEN=⟦pcsk", "_JzOL6_mGsWWk09ZvCMF0T9ujYJktmUDorF33jxgaGvmJh2L4ZgOuTaCIL2jDSIBxmbOLx⟧"),
            concat!("{\"key\":\"⟦pcsk", "_sH16F_zrfhcIlj6c6qYSBgTnspM5mTTPI29TXhVNBTxYOFLAmCKfTqln93Ocf4gzcuhoi⟧\"}"),
            concat!("密钥⟦pcsk", "_KFUVt_QjgtpfBuco8UJJpaXq2kgu51M6vuTNIA9OpfelTpQum3pEkZbDTnsn2RjTAig9w⟧。"),
        ],
        not_found: &[
            concat!("key=p", "csk_JzOL6_mGsWWk09ZvCMF0T9ujYJktmUDorF33jxgaGvmJh2L4ZgOuTaCIL2jDSIBxm"),
            concat!("xpcsk", "_JzOL6_mGsWWk09ZvCMF0T9ujYJktmUDorF33jxgaGvmJh2L4ZgOuTaCIL2jDSIBxmbOLx"),
            concat!("pcsk_", "JzOL6_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "tavily_api_key",
        label: "TAVILY",
        about: "API key of Tavily",
        shape: r"tvly-(?:dev-|prod-)?[A-Za-z0-9]{32}",
        bytes_max: 42,
        source: "https://docs.tavily.com/documentation/api-reference/introduction",
        found: &[
            concat!("export TOKEN=⟦tvly", "-9Nq9foOA0SySzaoNCLCIPkr00cIHwl9j⟧"),
            concat!("{\"key\":\"⟦tvly", "-dev-6oljPKTOMTu569al23yhjnKeA9Vn35y7⟧\"}"),
            concat!("密钥⟦tvly", "-dev-HoZPNEnAd3twZm3xuG2uaNjMD6DTkvL4⟧。"),
        ],
        not_found: &[
            concat!("key=t", "vly-9Nq9foOA0SySzaoNCLCIPkr00cIHwl9"),
            concat!("xtvly", "-9Nq9foOA0SySzaoNCLCIPkr00cIHwl9j"),
            concat!("tvly-", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "firecrawl_api_key",
        label: "FIRECRAWL",
        about: "API key of Firecrawl",
        shape: r"fc-[0-9a-f]{32}",
        bytes_max: 35,
        source: "https://docs.firecrawl.dev/api-reference/introduction",
        found: &[
            concat!("export TOKEN=⟦fc-e", "9144540288ec6498d71c1cd58c4256a⟧"),
            concat!("{\"key\":\"⟦fc-8", "02c945d9b4c5622bf087dabf70e8d9e⟧\"}"),
            concat!("密钥⟦fc-d", "f7b97dd8ab210889730b7cbf2968aef⟧。"),
        ],
        not_found: &[
            concat!("key=f", "c-e9144540288ec6498d71c1cd58c4256"),
            concat!("xfc-e", "9144540288ec6498d71c1cd58c4256a"),
            concat!("fc-xx", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "e2b_api_key",
        label: "ETWOB",
        about: "API key or access token of E2B",
        shape: r"(?:e2b|sk_e2b)_[0-9a-f]{40}",
        bytes_max: 47,
        source: "https://e2b.dev/docs/api-key",
        found: &[
            concat!("export TOKEN=⟦e2b_", "931483968c1953860158576c02332e128d3a2996⟧"),
            concat!("{\"key\":\"⟦e2b_", "9e434b53a95691c910debdf0a47de10f2a0add21⟧\"}"),
            concat!("密钥⟦e2b_", "7a5b4776068b286867a2f549138734d5a7dfc4ed⟧。"),
        ],
        not_found: &[
            concat!("key=e", "2b_931483968c1953860158576c02332e128d3a299"),
            concat!("xe2b_", "931483968c1953860158576c02332e128d3a2996"),
            concat!("e2b_x", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
    Detector {
        entity: "brave_search_key",
        label: "BRAVEKEY",
        about: "API key of Brave Search",
        shape: r"BSA[A-Za-z0-9_-]{28}",
        bytes_max: 31,
        check: mixed,
        source: "https://api-dashboard.search.brave.com/app/documentation",
        found: &[
            concat!("export TOKEN=⟦BSA4", "OnpsBUkuIYAzjAMSxcg0Wr6CHtw⟧"),
            concat!("{\"key\":\"⟦BSAw", "eEkHIEQqUuEdbtQsntX1hzJLwOE⟧\"}"),
            concat!("密钥⟦BSAV", "8mqU1tKSb2wl65cI23rubgMrhHB⟧。"),
        ],
        not_found: &[
            concat!("key=B", "SA4OnpsBUkuIYAzjAMSxcg0Wr6CHt"),
            concat!("xBSA4", "OnpsBUkuIYAzjAMSxcg0Wr6CHtw"),
            concat!("BSAxx", "xxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ],
        ..SECRET
    },
];

//! Secrets known by the name of the field in which they stand; the name stays.

use super::{Detector, SECRET, drawn};
use std::ops::Range;

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "aws_secret_access_key",
        label: "AWSSECRET",
        about: "Secret access key of AWS, behind its name",
        shape: r#"(?i:aws_?secret_?access_?key|secretaccesskey)["']?[ ]{0,3}[:=][ ]{0,3}["']?[A-Za-z0-9/+]{40}"#,
        bytes_max: 72,
        check: last_40,
        source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html",
        found: &[
            concat!("aws_secret_access_key = ⟦wJalrXUtnFEMI", "/K7MDENG/bPxRfiCYEXAMPLEKEY⟧"),
            concat!("AWS_SECRET_ACCESS_KEY=⟦je7MtGbClwBF", "/2Zp9Utk/h3yCo8nvbEXAMPLEKEY⟧"),
            concat!(r#"{"SecretAccessKey": "⟦9drTJvcXLB89"#, r#"EXAMPLELB8923FB892xMFIqxEXAM⟧"}"#),
        ],
        not_found: &[
            "aws_secret_access_key = short",
            "AWS_SECRET_ACCESS_KEY=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "secret access key: da39a3ee5e6b4b0d3255bfef95601890afd80709",
        ],
        ..SECRET
    },
    Detector {
        entity: "azure_account_key",
        label: "AZUREKEY",
        about: "Key in a connection string of Azure: storage, Cosmos DB, Service Bus, Event Hubs",
        shape: r"(?:AccountKey|SharedAccessKey)=(?:[A-Za-z0-9+/]{86}==|[A-Za-z0-9+/]{43}=)",
        bytes_max: 104,
        check: behind_equals,
        source: "https://learn.microsoft.com/en-us/azure/storage/common/storage-configure-connection-string",
        found: &[
            concat!(
                "AccountName=a;AccountKey=⟦Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6",
                "tq/K1SZFPTOtr/KBHBeksoGMGw==⟧;"
            ),
            concat!("SharedAccessKeyName=Root;SharedAccessKey=⟦SAS0EXAMPLEa1b2c3d4e5f6g7h8", "i9j0k1l2m3n4o5p6=⟧"),
            concat!("连接:SharedAccessKey=⟦Zx9EXAMPLE+/Yw8Xv7Ut6Sr5Qp4", "On3Ml2Kj1Ih0Gf9E=⟧"),
        ],
        not_found: &[
            "AccountKey=<your key>==;",
            "SharedAccessKey=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "AccountKeys=SAS0EXAMPLEa1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6=",
        ],
        ..SECRET
    },
];

fn last_40(candidate: &str) -> Option<Range<usize>> {
    let start = candidate.len().checked_sub(40)?;
    drawn(candidate.get(start..)?).map(|_| start..candidate.len())
}

fn behind_equals(candidate: &str) -> Option<Range<usize>> {
    let start = candidate.find('=')? + 1;
    drawn(candidate.get(start..)?).map(|_| start..candidate.len())
}

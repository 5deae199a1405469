//! Attaché's own protobuf contracts, as Rust types that also speak JSON with the contracts' field names.
//!
//! The contracts themselves, with their documentation, are the `.proto` files beside this crate.

/// `attache.usage`: what each exchange used.
pub mod usage {
    /// Version 1: [`UsageRecord`](v1::UsageRecord), one per exchange.
    pub mod v1 {
        #![allow(missing_docs, reason = "generated from usage.proto, which documents every field")]
        include!(concat!(env!("OUT_DIR"), "/attache.usage.v1.rs"));
    }
}

/// `attache.guard`: who is asked whether a request or an answer may pass.
pub mod guard {
    /// Version 1: [`CheckRequest`](v1::CheckRequest) and what is answered.
    pub mod v1 {
        #![allow(missing_docs, reason = "generated from guard.proto, which documents every field")]
        include!(concat!(env!("OUT_DIR"), "/attache.guard.v1.rs"));
    }
}

#[cfg(test)]
mod tests {
    use super::usage::v1::{Attempt, UsageRecord};

    #[test]
    fn records_are_json_with_the_contract_s_names() {
        let record = UsageRecord {
            request_id: "r1".into(),
            attempts: vec![Attempt {
                provider: "openai".into(),
                model: "gpt-4o-mini".into(),
                outcome: "served".into(),
            }],
            status: 200,
            ..UsageRecord::default()
        };
        let json = r#"{"request_id":"r1","started_unix_ms":0,"duration_ms":0,"front":"","stream":false,"model":"","attempts":[{"provider":"openai","model":"gpt-4o-mini","outcome":"served"}],"status":200,"ending":"","losses":[]}"#;
        assert_eq!(to_json(&record), json);
    }

    fn to_json(record: &UsageRecord) -> String {
        serde_json::to_string(record).unwrap()
    }
}

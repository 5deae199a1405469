//! Amazon Bedrock: Converse and ConverseStream, and InvokeModel for Anthropic's bodies; signatures of version 4, and API keys.
//!
//! Source: the API's model in botocore (`bedrock-runtime/2023-09-30`) and its reference,
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html>.

pub(crate) mod answer;
pub(crate) mod call;
mod content;
mod conversation;
pub(crate) mod error;
pub(crate) mod framing;
pub(crate) mod invoke;
pub(crate) mod keys;
pub(crate) mod request;
mod sigv4;
pub(crate) mod stream;
mod tools;

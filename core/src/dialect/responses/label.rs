//! Kinds of items and tools that only this API's own servers can do something with, and the names of their loss.

use crate::loss::Losses;

/// Every kind that the reference knows, with its loss where it comes in.
macro_rules! hosted {
    ($function:ident, $within:literal, [$($kind:literal),* $(,)?]) => {
        /// The name of the loss for this kind; `None` for one that the reference does not know.
        pub(super) fn $function(kind: &str) -> Option<&'static str> {
            match kind {
                $($kind => Some(concat!($within, ".", $kind)),)*
                _ => None,
            }
        }
    };
}

hosted!(
    input,
    "input",
    [
        "additional_tools",
        "apply_patch_call",
        "apply_patch_call_output",
        "code_interpreter_call",
        "compaction",
        "compaction_trigger",
        "computer_call",
        "computer_call_output",
        "configuration_update",
        "file_search_call",
        "image_generation_call",
        "item_reference",
        "local_shell_call",
        "local_shell_call_output",
        "mcp_approval_request",
        "mcp_approval_response",
        "mcp_call",
        "mcp_list_tools",
        "program",
        "program_output",
        "shell_call",
        "shell_call_output",
        "tool_search_call",
        "tool_search_output",
        "web_search_call",
    ]
);

hosted!(
    output,
    "output",
    [
        "additional_tools",
        "apply_patch_call",
        "apply_patch_call_output",
        "code_interpreter_call",
        "compaction",
        "computer_call",
        "computer_call_output",
        "file_search_call",
        "function_call_output",
        "image_generation_call",
        "local_shell_call",
        "local_shell_call_output",
        "mcp_approval_request",
        "mcp_approval_response",
        "mcp_call",
        "mcp_list_tools",
        "program",
        "program_output",
        "shell_call",
        "shell_call_output",
        "tool_search_call",
        "tool_search_output",
        "web_search_call",
    ]
);

hosted!(
    tool,
    "tools",
    [
        "apply_patch",
        "code_interpreter",
        "computer",
        "computer_use_preview",
        "file_search",
        "image_generation",
        "local_shell",
        "mcp",
        "programmatic_tool_calling",
        "shell",
        "tool_search",
        "web_search",
        "web_search_preview",
    ]
);

/// Notes the loss of a kind that stands `within`, under its own name where the reference knows it.
pub(super) fn lose(known: Option<&'static str>, within: &str, kind: &str, losses: &mut Losses) {
    match known {
        Some(name) => losses.add(name),
        None => losses.add_unknown(within, kind),
    }
}

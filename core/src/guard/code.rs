//! Code in a text: fenced blocks that say their language, and lines that only code has. Pieces of code in the middle of
//! a sentence are not found.

use super::config::Code as Written;
use super::finding::Hit;
use super::piece::Piece;

/// So many different signs make code.
const SIGNS_MIN: usize = 2;

/// A language: its name, how fences call it, and what its lines begin with or hold, in small letters.
struct Known {
    name: &'static str,
    fences: &'static [&'static str],
    /// Lines begin with these.
    begins: &'static [&'static str],
    /// Lines hold these.
    holds: &'static [&'static str],
}

const KNOWN: &[Known] = &[
    Known {
        name: "python",
        fences: &["python", "py", "python3"],
        begins: &[
            "def ",
            "elif ",
            "import numpy",
            "import os",
            "import sys",
            "from __future__",
            "if __name__",
            "@staticmethod",
            "async def ",
        ],
        holds: &["self.", "print(", "):\n", " lambda ", "none:", " in range("],
    },
    Known {
        name: "javascript",
        fences: &["javascript", "js", "jsx", "node"],
        begins: &["const ", "let ", "function ", "export default", "module.exports"],
        holds: &["=> {", "console.log(", "document.", "require('", "require(\"", "===", "async function"],
    },
    Known {
        name: "typescript",
        fences: &["typescript", "ts", "tsx"],
        begins: &["interface ", "export type", "export interface", "import {"],
        holds: &[": string", ": number", "<t>", "readonly ", " as const", "): promise<"],
    },
    Known {
        name: "java",
        fences: &["java"],
        begins: &["public class ", "import java", "package ", "private final", "@override"],
        holds: &["public static void", "system.out.print", "new arraylist", "throws "],
    },
    Known {
        name: "c",
        fences: &["c", "h"],
        begins: &["#include <st", "#include \"", "#define ", "int main("],
        holds: &["printf(", "malloc(", "sizeof(", "struct "],
    },
    Known {
        name: "cpp",
        fences: &["cpp", "c++", "cc", "cxx"],
        begins: &["#include <iostream", "#include <vector", "using namespace", "template <", "template<"],
        holds: &["std::", "cout <<", "nullptr"],
    },
    Known {
        name: "csharp",
        fences: &["csharp", "cs", "c#"],
        begins: &["using system", "namespace ", "public class "],
        holds: &["console.writeline", "async task", "{ get; set; }", "var "],
    },
    Known {
        name: "go",
        fences: &["go", "golang"],
        begins: &["package main", "func ", "import (", "defer "],
        holds: &[":= ", "fmt.print", "err != nil", "chan "],
    },
    Known {
        name: "rust",
        fences: &["rust", "rs"],
        begins: &["fn ", "pub fn ", "use std::", "impl ", "#[derive", "let mut "],
        holds: &["println!(", "&mut ", ".unwrap()", "-> result<", "vec!["],
    },
    Known {
        name: "php",
        fences: &["php"],
        begins: &["<?php", "echo $", "function "],
        holds: &["$this->", "$_get", "$_post", "array(", " = $"],
    },
    Known {
        name: "ruby",
        fences: &["ruby", "rb"],
        begins: &["def ", "require '", "puts ", "attr_accessor"],
        holds: &[".each do |", "end\n", " unless ", "do |"],
    },
    Known {
        name: "shell",
        fences: &["sh", "bash", "shell", "zsh", "console", "shellscript"],
        begins: &[
            "#!/bin/",
            "#!/usr/bin/env bash",
            "sudo ",
            "export ",
            "$ ",
            "apt-get ",
            "chmod ",
            "rm -rf ",
            "curl -",
            "fi",
            "esac",
        ],
        holds: &[" | grep ", " && ", "; then", "; do", "2>&1", "| sh", "| bash", "$(", "/dev/null"],
    },
    Known {
        name: "powershell",
        fences: &["powershell", "ps1", "pwsh"],
        begins: &["get-", "set-", "invoke-", "new-object", "write-host", "param("],
        holds: &["-erroraction", "$_.", "| where-object", "| foreach-object", "$env:", "invoke-webrequest"],
    },
    Known {
        name: "sql",
        fences: &["sql", "mysql", "postgresql", "plsql", "tsql", "sqlite"],
        begins: &["select ", "insert into ", "create table ", "drop table ", "alter table ", "delete from ", "update "],
        holds: &[
            "select * from",
            " = ",
            ";\n",
            " inner join ",
            " group by ",
            " values (",
            " primary key",
            "varchar(",
            "count(",
            " order by ",
        ],
    },
    Known {
        name: "html",
        fences: &["html", "htm", "xhtml"],
        begins: &["<!doctype html", "<html", "<head", "<body", "<script", "<div", "<style"],
        holds: &["</div>", "</script>", "</html>", "<a href=", "</body>"],
    },
];

/// The languages that may not be.
#[derive(Debug)]
pub(super) struct Code {
    /// By their places among those that are known.
    deny: Vec<usize>,
}

impl Code {
    pub(super) fn new(written: &Written) -> Result<Self, String> {
        if written.deny.is_empty() {
            return Err("code.deny: no language is named".to_owned());
        }
        let mut deny = Vec::new();
        for name in &written.deny {
            let places =
                KNOWN.iter().enumerate().filter(|(_, known)| name == "any" || known.name == name).map(|(i, _)| i);
            let before = deny.len();
            deny.extend(places);
            if deny.len() == before {
                let names: Vec<_> = KNOWN.iter().map(|known| known.name).collect();
                return Err(format!("code.deny: {name} is not known; known are any, {}", names.join(", ")));
            }
        }
        deny.sort_unstable();
        deny.dedup();
        Ok(Self { deny })
    }

    pub(super) fn look(&self, piece: &Piece<'_>) -> Vec<Hit> {
        let mut text = piece.raw.to_ascii_lowercase();
        if !piece.open {
            text.push('\n');
        }
        // A line that may go on is not looked at: what it is, its end says.
        let whole =
            if piece.open { text.rfind('\n').and_then(|end| text.get(..=end)).unwrap_or_default() } else { &text };
        // Nor is one whose beginning is no longer known.
        let whole = if piece.cut { whole.split_once('\n').map_or("", |(_, rest)| rest) } else { whole };
        // Split once, for all signs: a megabyte may be nothing but short lines.
        let lines: Vec<&str> = whole.lines().map(str::trim_start).collect();
        let denied = self.deny.iter().filter_map(|&i| KNOWN.get(i));
        let found = denied.filter(|known| known.fenced(&lines) || known.signed(whole, &lines));
        found.map(|known| Hit::of(known.name)).collect()
    }
}

impl Known {
    fn fenced(&self, lines: &[&str]) -> bool {
        lines.iter().any(|line| {
            let tag = line.strip_prefix("```").or_else(|| line.strip_prefix("~~~")).unwrap_or_default();
            let tag = tag.trim_start_matches(['`', '~']).trim().split([' ', '{', ',', ':']).next().unwrap_or_default();
            !tag.is_empty() && self.fences.contains(&tag)
        })
    }

    /// A line begins as only code does, and there are other signs.
    fn signed(&self, text: &str, lines: &[&str]) -> bool {
        let begins = |sign: &&&str| lines.iter().any(|line| line.starts_with(**sign));
        let begun = self.begins.iter().filter(begins).count();
        begun > 0 && begun + self.holds.iter().filter(|sign| text.contains(**sign)).count() > SIGNS_MIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::Scope;

    fn found(deny: &str, text: &str) -> Vec<String> {
        let code = Code::new(&Written { deny: vec![deny.to_owned()] }).expect("known");
        code.look(&Piece::new(text, false, Scope::Assistant)).iter().map(|hit| hit.rule.to_string()).collect()
    }

    #[test]
    fn fences_and_lines_are_found() {
        for (deny, text) in [
            ("python", "Here:\n```python\nprint(1)\n```"),
            ("python", "def f(self):\n    for i in range(3):\n        print(i)\n"),
            ("sql", "SELECT name FROM users WHERE id = 1;"),
            ("shell", "```bash\nls\n```"),
            ("shell", "#!/bin/sh\nif true; then\n  echo $(date)\nfi\n"),
            ("rust", "fn main() {\n    let mut x = vec![1];\n    println!(\"{x:?}\");\n}"),
            ("go", "package main\nfunc main() { x := 1; fmt.Println(x) }"),
            ("html", "<!DOCTYPE html>\n<html><body><div>hi</div></body></html>"),
        ] {
            assert_eq!(found(deny, text), [deny], "{text}");
            assert!(found("any", text).contains(&deny.to_owned()), "{text}");
        }
    }

    #[test]
    fn prose_is_not() {
        for text in [
            "Select a seat from the list and let me know where you are going.",
            "I need to import a car; what do I do?",
            "The function of the heart is to pump blood.",
            "```\nplain block\n```",
            "Let us define the class of problems.",
            "Use the shell of an egg.",
            "Update your address, then sign.",
            "",
        ] {
            assert_eq!(found("any", text), [""; 0], "{text}");
        }
    }
}

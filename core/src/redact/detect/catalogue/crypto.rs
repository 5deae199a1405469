//! Addresses and keys of blockchains, by the checksums inside them.

use super::{Detector, PERSONAL, all_if};
use crate::redact::detect::{
    Tier,
    checksum::{base58check, keccak256, segwit},
};
use std::ops::Range;

pub(super) const ROWS: &[Detector] = &[
    Detector {
        entity: "bitcoin_address",
        label: "BITCOIN",
        about: "Address of Bitcoin in base 58",
        shape: "[13][1-9A-HJ-NP-Za-km-z]{25,34}",
        bytes_max: 35,
        check: bitcoin,
        source: "https://en.bitcoin.it/wiki/Base58Check_encoding",
        found: &[
            "to ⟦1N9MHeENoUigTjAHeNbB23jayhPTr4yneg⟧.",
            "地址⟦3AaStfUp9YhcC5MjbCQnYiPfSf7CLa9c93⟧",
            "bitcoin:⟦1N9MHeENoUigTjAHeNbB23jayhPTr4yneg⟧?amount=1",
        ],
        not_found: &[
            "1N9MHeENoUigTjAHeNbB23jayhPTr4ynef",
            "x1N9MHeENoUigTjAHeNbB23jayhPTr4yneg",
            "3AaStfUp9YhcC5MjbCQnYiPfSf7CLa9c9",
        ],
        ..CHAIN
    },
    Detector {
        entity: "bitcoin_address",
        label: "BITCOIN",
        about: "Address of Bitcoin for segregated witnesses",
        shape: "bc1[ac-hj-np-z02-9]{14,74}",
        bytes_max: 77,
        check: witness,
        source: "https://github.com/bitcoin/bips/blob/master/bip-0350.mediawiki",
        found: &[
            "⟦bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4⟧",
            "pay ⟦bc1qapssezrefqvrhephhsnk2ehnsddstugjgnf8sy⟧, thanks",
            "地址⟦bc1ptdechv23e9eze5kxgtnwseqrczh7mfmgxglk6lx89j02fpsgkg4quf5hyl⟧。",
        ],
        not_found: &[
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",
            "tbc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
            "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
        ],
        ..CHAIN
    },
    Detector {
        entity: "ethereum_address",
        label: "ETHEREUM",
        about: "Address of Ethereum in the mixed case of EIP-55",
        shape: "0x[0-9A-Fa-f]{40}",
        bytes_max: 42,
        check: ethereum,
        source: "https://eips.ethereum.org/EIPS/eip-55",
        found: &[
            "⟦0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed⟧",
            "to=⟦0x13E1AFD78Cf90E6f20dB1158Ab47f04cE1fc2c71⟧;",
            "地址⟦0xE09454839fc36a9b488BFe66D23A02c10E16CD3e⟧",
        ],
        not_found: &[
            "0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed00",
        ],
        ..CHAIN
    },
    Detector {
        entity: "ethereum_address",
        label: "ETHEREUM",
        about: "The same in one case, which any twenty bytes have",
        tier: Tier::Likely,
        shape: "0x(?:[0-9a-f]{40}|[0-9A-F]{40})",
        bytes_max: 42,
        source: "https://eips.ethereum.org/EIPS/eip-55",
        found: &[
            "⟦0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed⟧",
            "⟦0x13E1AFD78CF90E6F20DB1158AB47F04CE1FC2C71⟧",
            "地址⟦0xe09454839fc36a9b488bfe66d23a02c10e16cd3e⟧",
        ],
        not_found: &[
            "0x5aaeb6053f3e94c9b9a09f33669435e7ef1bea",
            "5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
            "0xdead_beef",
        ],
        ..CHAIN
    },
    Detector {
        entity: "tron_address",
        label: "TRON",
        about: "Address of TRON",
        shape: "T[1-9A-HJ-NP-Za-km-z]{33}",
        bytes_max: 34,
        check: tron,
        source: "https://developers.tron.network/docs/account",
        found: &[
            "⟦TBMFKvZUu8L6eFqpeUxZvRdix4oLRdJG8d⟧",
            "USDT: ⟦TRfagZYyBeGPMReAo7wxijgANQZvJspKDi⟧.",
            "地址⟦TTro56vtWDkB1YUhytPGC9mDTyK37iAMDi⟧",
        ],
        not_found: &[
            "TBMFKvZUu8L6eFqpeUxZvRdix4oLRdJG8e",
            "TheQuickBrownFoxJumpsoverTheLazyDg",
            "TBMFKvZUu8L6eFqpeUxZvRdix4oLRdJG8dd",
        ],
        ..CHAIN
    },
    Detector {
        entity: "bitcoin_private_key",
        label: "BITCOINKEY",
        about: "Private key of Bitcoin in the wallet import format",
        shape: "5[1-9A-HJ-NP-Za-km-z]{50}|[KL][1-9A-HJ-NP-Za-km-z]{51}",
        bytes_max: 52,
        check: wallet,
        source: "https://en.bitcoin.it/wiki/Wallet_import_format",
        found: &[
            concat!("⟦5Jy8Lxj6W8qWpjVxZrVavnci", "6oYVw1n7FojrmyMX2QmRGzGYZjB⟧"),
            concat!("key=⟦L1LPK4rWbg1xk7apDN7ojCma", "vTcmn2Yj1qzUzbWu3yxuzGyEXJvh⟧"),
            concat!("私钥⟦KybrYRED7K1Z38zuprd9NQqU", "ZfoATye9gVms1TcyopP6quS8q6an⟧"),
        ],
        not_found: &[
            concat!("5Jy8Lxj6W8qWpjVxZrVavnci", "6oYVw1n7FojrmyMX2QmRGzGYZjC"),
            concat!("L1LPK4rWbg1xk7apDN7ojCma", "vTcmn2Yj1qzUzbWu3yxuzGyEXJv"),
            concat!("xKybrYRED7K1Z38zuprd9NQqU", "ZfoATye9gVms1TcyopP6quS8q6an"),
        ],
        ..CHAIN
    },
];

const CHAIN: Detector = Detector { group: "crypto", ..PERSONAL };

/// Payment to a key (0) or to a script (5).
fn bitcoin(candidate: &str) -> Option<Range<usize>> {
    all_if(candidate, matches!(base58check(candidate, 25), Some(0 | 5)))
}

fn witness(candidate: &str) -> Option<Range<usize>> {
    all_if(candidate, segwit(candidate))
}

fn tron(candidate: &str) -> Option<Range<usize>> {
    all_if(candidate, base58check(candidate, 25) == Some(0x41))
}

/// A key alone, or with a byte that says that its public key is compressed.
fn wallet(candidate: &str) -> Option<Range<usize>> {
    let length = if candidate.starts_with('5') { 37 } else { 38 };
    all_if(candidate, base58check(candidate, length) == Some(0x80))
}

/// A letter is large where the digit of the lower-case address's hash is 8 or more; at least one is, and one is not.
fn ethereum(candidate: &str) -> Option<Range<usize>> {
    let address = candidate.strip_prefix("0x")?;
    let hash = keccak256(address.to_ascii_lowercase().as_bytes());
    let digits = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let holds = address
        .bytes()
        .zip(digits)
        .all(|(byte, digit)| byte.is_ascii_digit() || byte.is_ascii_uppercase() == (digit > 7));
    let mixed = address.bytes().any(|b| b.is_ascii_uppercase()) && address.bytes().any(|b| b.is_ascii_lowercase());
    all_if(candidate, holds && mixed)
}

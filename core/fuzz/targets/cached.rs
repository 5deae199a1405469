//! Any bytes that lie in a shared cache: an entry or none, a line of the journal or none; what is read is written and read
//! again as the same.
#![no_main]
#![allow(dead_code)]

// The modules of the service, which is a program and no library, where they find each other.
#[path = "../../../ext-proc/src/cache/entry.rs"]
mod entry;
#[path = "../../../ext-proc/src/cache/purge.rs"]
mod purge;
#[path = "."]
mod shelf {
    #[path = "../../../ext-proc/src/cache/shelf/envelope.rs"]
    pub mod envelope;
}
#[path = "."]
mod journal {
    #[path = "../../../ext-proc/src/cache/journal/record.rs"]
    pub mod record;
}

use bytes::Bytes;
use entry::Entry;
use journal::record::Record;
use libfuzzer_sys::fuzz_target;
use shelf::envelope::{Head, pack};

const ENTRY_BYTES_MAX: usize = 1 << 20;

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    match choice % 3 {
        0 => {
            let Some((head, packed)) = Head::read(bytes) else { return };
            let Some(entry) = head.unpack(packed, ENTRY_BYTES_MAX) else { return };
            assert!(entry.len() <= ENTRY_BYTES_MAX);
            let again = pack(head.epoch, &head.tags, &entry).expect("it is short");
            let (head, packed) = Head::read(&again).expect("it was written");
            assert_eq!(head.unpack(packed, ENTRY_BYTES_MAX), Some(entry));
        }
        1 => {
            let Some(entry) = Entry::read(&Bytes::copy_from_slice(bytes)) else { return };
            let again = Entry::read(&entry.write().into()).expect("it was written");
            assert_eq!(again, entry);
            assert!(entry.bytes() >= entry.body.len());
            let _ = (entry.tags(), entry.lives(0), format!("{entry:?}"));
        }
        _ => {
            let Ok(record) = Record::read(bytes) else { return };
            let written = record.write();
            assert_eq!(Record::read(&written).expect("it was written").write(), written);
        }
    }
});

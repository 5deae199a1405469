#!/bin/sh
# Runs every fuzz target for FUZZ_SECONDS (60), seeded with the fixtures. Needs only the stable compiler: the coverage
# instruments are compiler flags, and libFuzzer itself comes with its crate.
set -eu
cd "$(dirname "$0")/../core/fuzz"
seconds=${FUZZ_SECONDS:-60}
target=$(rustc -vV | sed -n 's/^host: //p')
CARGO_TARGET_DIR=$PWD/target
export CARGO_TARGET_DIR
RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1" \
	cargo build --release --target "$target"

# A fixture becomes a seed behind the byte or two with which a target chooses what to do.
seed() { # target, folder of fixtures, bytes of choice
	mkdir -p "corpus/$1"
	for choice in $3; do
		for file in ../fixtures/*/"$2"/*; do
			case $file in *.snap | *.snap.new) continue ;; esac
			[ -f "$file" ] || continue
			{ printf "$choice" && cat "$file"; } >"corpus/$1/$(echo "$choice-$file" | cksum | cut -d' ' -f1)"
		done
	done
}
seed requests requests '\000 \001 \002 \003'
seed answers responses '\000 \001 \002 \003 \006'
seed answers errors '\001 \002'
seed streams streams '\000\007 \001\007 \002\007 \003\007'
seed texts requests '\000 \001 \002 \003 \004 \005 \006'
seed texts responses '\007 \010 \011 \012 \013 \014 \015'
seed guard streams '\000\003 \002\003 \005\003 \006\003'
seed redact_veil streams '\000\007 \001\007 \003\007 \004\007 \006\007'
seed filters requests '\000\000\000\377 \001\000\000\377 \002\000\000\377 \004\000\002\377 \007\000\002\377 \011\000\000\377'
seed filters streams '\000\001\100\000 \001\001\000\000'
seed events streams '\005'
seed event_stream streams '\005'
seed edits requests ''
seed tokens requests '\000 \001 \002 \003'
for choice in '\000' '\001' '\002' '\003'; do
	for file in ../fixtures/tokens/*; do
		{ printf "$choice" && cat "$file"; } >"corpus/tokens/$(echo "$choice-$file" | cksum | cut -d' ' -f1)"
	done
done
seed redact_detect ordinary '\007 \100'
grep -o '`[^`]*⟦[^`]*`' ../../docs/redaction-entities.md | sed 's/⟦//g; s/⟧//g; s/`//g' | while read -r example; do
	mkdir -p corpus/redact_detect && printf '\011%s' "$example" >"corpus/redact_detect/$(echo "$example" | cksum | cut -d' ' -f1)"
done
mkdir -p corpus/edits corpus/prices corpus/forms artifacts
cp ../data/prices.json corpus/prices/list
cp ../fixtures/forms/* corpus/forms/
seed embeddings requests '\000 \003 \014 \041'
seed embeddings answers '\100 \103 \110'
seed cache_keys requests '\000 \001 \002 \003 \004 \005 \006'
# What the journal says of a purge; what an entry begins with.
mkdir -p corpus/cached corpus/encoder
printf '\002\003{"rule":7,"key":"ab"}' >corpus/cached/purge
printf '\001ATC\001\002\000\000\000{}{"answer":1}' >corpus/cached/entry

failed=0
for name in requests answers streams events event_stream edits prices tokens forms embeddings texts redact_detect redact_veil guard filters \
	cache_keys cached encoder; do
	echo "fuzz: $name for $seconds s"
	"$CARGO_TARGET_DIR/$target/release/$name" -max_total_time="$seconds" -max_len=8192 -timeout=10 -rss_limit_mb=2048 \
		-print_final_stats=1 -artifact_prefix="artifacts/$name-" "corpus/$name" >"artifacts/$name.log" 2>&1 || failed=1
	grep -E "^stat::number_of_executed_units|SUMMARY|panicked" "artifacts/$name.log" || true
done
[ $failed = 0 ] || { echo "fuzz: a finding lies in core/fuzz/artifacts" >&2 && exit 1; }

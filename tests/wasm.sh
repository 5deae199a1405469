#!/bin/sh
# Builds the WASM filters, all of wasm-filters/* that are one or those that are named: wasm-filters/NAME.wasm in the target
# folder, with their SHA-256 sums; says their sizes, also gzipped. That they build proves that core needs no operating
# system. Uses rustup's target where rustup can fetch it; otherwise builds the target's standard library from Debian's Rust
# source.
set -eu
cd "$(dirname "$0")/.."
target=wasm32-unknown-unknown
folder=${CARGO_TARGET_DIR:-$PWD/target}
filters=${*:-$(grep -l cdylib wasm-filters/*/Cargo.toml | xargs -n 1 dirname | xargs -n 1 basename)}
# The same sources give the same bytes, wherever they are built.
CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo --remap-path-prefix=$PWD=/attache"
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS

build() {
	packages=$(for filter in $filters; do printf ' -p attache-wasm-%s' "$filter"; done)
	# shellcheck disable=SC2086 # the names are words of their own
	cargo build "$@" --profile wasm --target "$target" $packages
	mkdir -p "$folder/wasm-filters"
	for filter in $filters; do
		built=$(echo "attache_wasm_$filter" | tr - _)
		optimised "$folder/$target/wasm/$built.wasm" "$folder/wasm-filters/$filter.wasm"
	done
	cd "$folder/wasm-filters"
	sha256sum -- *.wasm >SHA256SUMS
	echo "   bytes  gzipped  SHA-256"
	while read -r sum name; do
		printf '%8d %8d  %s  %s\n' "$(wc -c <"$name")" "$(gzip -9c "$name" | wc -c)" "$sum" "$name"
	done <SHA256SUMS
}

# wasm-opt makes them smaller where it is installed.
optimised() {
	if command -v wasm-opt >/dev/null; then wasm-opt -Os --enable-bulk-memory -o "$2" "$1"; else cp "$1" "$2"; fi
}

if rustup target list --installed 2>/dev/null | grep -qx "$target" ||
	timeout 60 rustup target add "$target" >/dev/null 2>&1; then
	build
	exit
fi

# Debian's compiler and its source have the same version as each other, which -Zbuild-std needs.
rustc=/usr/bin/rustc
if [ ! -x "$rustc" ] || [ ! -d /usr/lib/rustlib/src/rust/library ]; then
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		apt-get update -qq && apt-get install -y -qq rustc-web rust-web-src >/dev/null
	else
		echo "wasm: rustup cannot fetch $target; install Debian's rustc-web and rust-web-src" >&2
		exit 1
	fi
fi
lld=$(dirname "$(rustup which rustc)")/../lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin/rust-lld
export RUSTC="$rustc" RUSTC_BOOTSTRAP=1 CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER="$lld"
build -Zbuild-std=std,panic_abort

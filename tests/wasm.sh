#!/bin/sh
# Builds core for wasm32: the proof that it needs no operating system. Uses rustup's target where rustup can fetch it;
# otherwise builds the target's standard library from Debian's Rust source.
set -eu
cd "$(dirname "$0")/.."
target=wasm32-unknown-unknown

if rustup target list --installed 2>/dev/null | grep -qx "$target" ||
	timeout 60 rustup target add "$target" >/dev/null 2>&1; then
	exec cargo build --target "$target" -p attache-core
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
RUSTC=$rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$lld \
	exec cargo build -Zbuild-std=std,panic_abort --target "$target" -p attache-core

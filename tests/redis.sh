#!/bin/sh
# Prints the path of a redis-server for the tests: REDIS_SERVER, else one on PATH, else Debian's, unpacked into the target
# folder without being installed. Fails with a reason where none of that is possible.
set -eu
cd "$(dirname "$0")/.."

if [ -n "${REDIS_SERVER:-}" ]; then
	echo "$REDIS_SERVER"
	exit
fi
if command -v redis-server; then
	exit
fi

home=${CARGO_TARGET_DIR:-$PWD/target}/redis
mkdir -p "$home"
# Several tests may ask at once.
exec 9>"$home/lock"
flock 9
if [ ! -x "$home/redis-server" ]; then
	if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
		echo "redis: install redis-server, or set REDIS_SERVER to one" >&2
		exit 1
	fi
	missing() { apt-get -s install --no-install-recommends redis-server 2>/dev/null | awk '/^Inst/ { print $2 }'; }
	packages=$(missing)
	if [ -z "$packages" ] && [ "$(id -u)" = 0 ]; then
		apt-get update -qq >&2
		packages=$(missing)
	fi
	if [ -z "$packages" ]; then
		echo "redis: apt-get knows no redis-server; install one, or set REDIS_SERVER to one" >&2
		exit 1
	fi
	rm -rf "$home/debs" "$home/root"
	mkdir -p "$home/debs" "$home/root"
	# shellcheck disable=SC2086 # they are words
	(cd "$home/debs" && apt-get download -qq $packages >&2)
	for deb in "$home"/debs/*.deb; do dpkg -x "$deb" "$home/root"; done
	libraries=$(find "$home/root" -name '*.so*' -exec dirname {} + | sort -u | paste -sd:)
	printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s/root/usr/bin/redis-server "$@"\n' "$libraries" "$home" >"$home/new"
	chmod +x "$home/new"
	"$home/new" --version >&2
	mv "$home/new" "$home/redis-server"
fi
echo "$home/redis-server"

#!/bin/sh
# How often answers that are found by meaning are wrong: precision, recall and false hits by threshold, without the guard
# and with it. Any CSV with the columns a, b, same; by default the pairs that are checked in. Without --model a made-up model
# judges that knows few words and no meaning: then only the lower table, for the guard, says something.
#   tests/quality.sh [--model FOLDER] [PAIRS.CSV …]
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
model=$here/examples/semantic-cache/words.txt
if [ "${1:-}" = --model ]; then
    model=$2
    shift 2
fi
[ $# -gt 0 ] || set -- "$here"/core/tests/alike/edits.csv "$here"/core/tests/alike/held_out.csv "$here"/core/tests/alike/paraphrases.csv
exec "${CARGO_TARGET_DIR:-$here/target}/${ATTACHE_PROFILE:-debug}/attache" cache calibrate --model "$model" "$@"

#!/usr/bin/env bash
# tools/measure-platform: the table of operations under mutual TLS, from servers and certificates of its own.
set -euo pipefail

fail() {
  printf 'FAILED: %s\n%s\n' "$1" "$table" >&2
  exit 1
}

table=$("$CAUSEWAY_SOURCE_DIR/tools/measure-platform" --bin "$CAUSEWAY_BIN_DIR" operations --operations 20 2>&1) ||
  fail "it ended with status $?"
grep -q '^https://127.0.0.1:' <<< "$table" || fail "the bbs was not called with TLS"
for operation in 'desire LRP' claim start heart-beat 'desired LRP by guid' 'LRPs of a cell' 'desire task' 'delete task'; do
  grep -q "^  $operation .* x [0-9]" <<< "$table" || fail "no multiple of the original's rate for: $operation"
done
if grep -q ' failed, for example' <<< "$table"; then fail "an operation failed"; fi
echo passed

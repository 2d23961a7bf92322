#!/bin/sh
# bench/compare used well and badly: it measures, keeps what it has, and says what is wrong. Peers that are not installed
# are left out. Loopback only.
set -u
here=$CAUSEWAY_SOURCE_DIR/bench/compare
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failures=0

# expect STATUS TEXT COMMAND...: the exit status, and a text in what it prints
expect() {
  status=$1 text=$2
  shift 2
  if [ -f "$folder/out" ]; then mv "$folder/out" "$folder/said"; fi  # by the one before
  "$@" >"$folder/out" 2>&1
  got=$?
  if [ $got -ne "$status" ] || ! grep -qF -e "$text" "$folder/out"; then
    echo "FAILED ($got, expected $status and \"$text\"): $*"
    cat "$folder/out"
    failures=$((failures + 1))
  fi
}

# value FILE EXPRESSION: of the JSON as `it`
value() { python3 -c "import json, sys; it = json.load(open(sys.argv[1])); print($2)" "$1"; }

proxies=router,floor
for peer in haproxy nginx; do
  if command -v $peer >/dev/null; then proxies=$proxies,$peer; fi
done
compare() { "$here/run" --bin "$CAUSEWAY_BIN_DIR" --rounds 1 --seconds 0.2 "$@"; }

expect 0 "router / floor" compare --only $proxies --modes keep-alive-64,half-rate --json "$folder/a.json" --html "$folder/a"
expect 0 "['keep-alive-64', 'half-rate'] True" value "$folder/a.json" \
  "[one['name'] for one in it['modes']], all(one['medians']['router']['cpu_us'] > 0 for one in it['modes'])"
expect 0 "keep-alive-64: 64 keep-alive" cat "$folder/a/index.html"
expect 0 "router" cat "$folder/a/keep-alive-64.html"
expect 0 "memory measured at 200" compare --only router --modes idle --idle 200
expect 0 "two workers / one" compare --only router --modes workers
expect 0 "B/slow conn" compare --only router --modes slow

expect 2 "expected one argument" compare --modes
expect 2 "'tls-9' is not one of keep-alive-64" compare --modes tls-9
expect 2 "'gorouter' is not one of" compare --only gorouter
expect 2 "0 is not within 1" compare --rounds 0
expect 2 "'fast' is no number" compare --seconds fast
expect 1 "no causeway-bench in $folder" "$here/run" --bin "$folder"
expect 1 "no folder $folder/none" compare --json "$folder/none/x.json"
expect 1 "missing: taskset" env PATH="$folder" "$(python3 -c 'import sys; print(sys.executable)')" "$here/run" --bin "$CAUSEWAY_BIN_DIR"

# The disk is full: the table has been shown.
expect 1 "router / floor" compare --only router,floor --modes keep-alive-64 --json /dev/full
expect 0 "cannot write /dev/full: No space left on device" cat "$folder/said"

# Cut short: what there is has been kept, marked.
"$here/run" --bin "$CAUSEWAY_BIN_DIR" --rounds 1000 --seconds 0.2 --only floor --modes keep-alive-64,keep-alive-1 \
  --json "$folder/part.json" >"$folder/cut" 2>&1 &
run=$!
tries=0
until grep -q "rounds of" "$folder/cut" || [ $tries -gt 300 ]; do tries=$((tries + 1)); sleep 0.1; done
sleep 2
kill -TERM $run
wait $run
[ $? -eq 1 ] || { echo "FAILED: the status of a run that was cut short"; cat "$folder/cut"; failures=$((failures + 1)); }
expect 0 "interrupted " value "$folder/part.json" "it['partial']"
exit $((failures > 0))

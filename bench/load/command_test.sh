#!/bin/sh
# What causeway-bench says and answers when it is used well and badly. Loopback only; about a second.
set -u
bench=$CAUSEWAY_BIN_DIR/causeway-bench
folder=$(mktemp -d)
backend=
secure=
trap 'for server in $backend $secure; do kill "$server" 2>/dev/null; done; rm -rf "$folder"' EXIT
failures=0

# expect STATUS TEXT COMMAND...: the exit status, and a text in what it prints
expect() {
  status=$1 text=$2
  shift 2
  "$@" >"$folder/out" 2>&1
  got=$?
  if [ $got -ne "$status" ] || { [ -n "$text" ] && ! grep -qF -e "$text" "$folder/out"; }; then
    echo "FAILED ($got, expected $status and \"$text\"): $*"
    cat "$folder/out"
    failures=$((failures + 1))
  fi
}

"$bench" backend >"$folder/address" 2>"$folder/end" &
backend=$!
tries=0
until grep -q "^listening on " "$folder/address" || [ $tries -gt 300 ]; do tries=$((tries + 1)); sleep 0.1; done
url=http://$(sed 's/listening on //' "$folder/address")

expect 0 "open loop" "$bench" http --help
expect 0 "causeway-bench 0" "$bench" --version
expect 2 "--no-such-option" "$bench" http "$url" --no-such-option
expect 2 "subcommand" "$bench"
expect 2 "--rate (open loop) or --closed or --hold" "$bench" http "$url"
expect 2 "a rate of 0 sends nothing" "$bench" http "$url" --rate 0
expect 2 "--duration: not a duration" "$bench" http "$url" --rate 10 -d soon
expect 2 "expected http://" "$bench" http ftp://a/ --rate 10
expect 1 "Connection refused" "$bench" http http://127.0.0.1:1/ --rate 10
expect 2 "cannot write $folder/none/x" "$bench" http "$url" --rate 10 --json "$folder/none/x"
expect 1 "No space left on device" "$bench" http "$url" --rate 50 -d 100ms --json /dev/full
expect 1 "not one of the requests was answered" "$bench" http "$url/cut/1" --rate 50 -d 100ms
expect 0 "200: 10" "$bench" http "$url" --rate 100 -d 100ms --json "$folder/a.json" --html "$folder/a.html" --watch $backend
address=${url#http://}
expect 0 "10 meant, 10 answered" "$bench" websocket "ws://$address/" --rate 100 -d 100ms -c 4 --json "$folder/w.json"
expect 0 "8 connections of 4 streams" "$bench" http "$url" --http2 --streams 4 -c 8 --rate 100 -d 100ms
expect 2 "only with --http2" "$bench" http "$url" --streams 4 --closed
expect 0 "connections only held" "$bench" websocket "ws://$address/" --hold -d 100ms -c 20
expect 0 "10 meant, 10 answered" "$bench" tcp "$address" --rate 100 -d 100ms --json "$folder/t.json"
expect 0 "that read 1.02 kB/s each" "$bench" http "$url" --closed --read-speed 1k --send-speed 1k -d 300ms -c 2
expect 2 "above 0" "$bench" http "$url" --closed --read-speed none
expect 2 "at most 16M" "$bench" websocket "ws://$address/" --rate 1 --message-bytes 17M
expect 2 "expected host:port" "$bench" tcp nowhere --rate 1
expect 1 "Connection refused" "$bench" tcp 127.0.0.1:1 --rate 1
: >"$folder/tls-address"
"$bench" backend --tls >"$folder/tls-address" 2>/dev/null &
secure=$!
tries=0
until grep -q "^listening on " "$folder/tls-address" || [ $tries -gt 300 ]; do tries=$((tries + 1)); sleep 0.1; done
secure_address=$(sed 's/listening on //' "$folder/tls-address")
expect 0 "2 full" "$bench" http "https://$secure_address/" --insecure --rate 100 -d 100ms -c 2
expect 1 "CERTIFICATE_VERIFY_FAILED" "$bench" http "https://$secure_address/" --rate 100 -d 100ms -c 2
expect 0 "over TLSv1.2" "$bench" websocket "wss://$secure_address/" --insecure --tls-max 1.2 --rate 100 -d 100ms -c 2
expect 0 "resumed" "$bench" tcp "$secure_address" --tls --insecure --resume --rate 100 -d 100ms
expect 2 "belong together" "$bench" http "https://$secure_address/" --key "$folder/address" --closed
expect 0 "HTTP/2 over TLSv1.3" "$bench" http "https://$secure_address/" --insecure --http2 --streams 4 --rate 100 -d 100ms -c 2
if command -v curl >/dev/null && curl --version | grep -q HTTP2; then
  expect 0 "HTTP/2 200" curl -s -k -i "https://$secure_address/bytes/5"
  expect 0 "x-bytes: 5" curl -s -k -v "https://$secure_address/trailers/5"
  expect 0 "hello" curl -s --http2-prior-knowledge -d hello "$url/echo"
fi
kill $secure
expect 0 "" "$bench" report "$folder/w.json" "$folder/t.json" --html "$folder/b.html"
expect 0 "" "$bench" report "$folder/a.json" "$folder/a.json" --html "$folder/b.html"
expect 0 "Latency by percentile" cat "$folder/b.html"
expect 1 "line 1" "$bench" report "$folder/b.html" --html "$folder/c.html"
expect 1 "in use" "$bench" relay --listen "${url#http://}" --to 127.0.0.1:1

# Interrupted: what was measured is there, marked. A machine that is slow to begin gets more time.
for seconds in 0.5 2 8 30; do
  "$bench" http "$url" --rate 100 -d 10m --json "$folder/part.json" >"$folder/table" 2>&1 &
  run=$!
  sleep $seconds
  kill -INT $run
  wait $run
  status=$?
  [ $status -eq 130 ] && [ -s "$folder/part.json" ] && break
done
[ $status -eq 130 ] || { echo "FAILED ($status): an interrupted run must end with 130"; failures=$((failures + 1)); }
expect 0 '"partial":"interrupted by SIGINT"' cat "$folder/part.json"

kill -TERM $backend
wait $backend || { echo "FAILED: the backend's end"; failures=$((failures + 1)); }
backend=
expect 0 "requests" cat "$folder/end"
exit $((failures > 0))

#!/bin/sh
# bench/micro/run: shows what it measured, and says what is wrong.
set -u
run=$CAUSEWAY_SOURCE_DIR/bench/micro/run
programs=$CAUSEWAY_BIN_DIR/../bench
failures=0

# expect STATUS TEXT COMMAND...: the exit status, and a text in what it prints
expect() {
  status=$1 text=$2
  shift 2
  said=$("$@" 2>&1)
  got=$?
  case $said in *"$text"*) ;; *) got="$got without \"$text\"" ;; esac
  [ "$got" = "$status" ] || { echo "FAILED ($got, expected $status): $*"; echo "$said"; failures=1; }
}

expect 0 "json bare_parse" "$run" --bin "$programs" --only '^json_bench$' --seconds 0.001 --repetitions 1
expect 1 "cannot write /dev/full: No space left on device" \
  "$run" --bin "$programs" --only '^json_bench$' --seconds 0.001 --repetitions 1 --json /dev/full
expect 1 "no benchmark in $programs fits" "$run" --bin "$programs" --only nothing_of_that_name
expect 1 "build first" "$run" --bin /none
expect 2 "are above 0" "$run" --repetitions 0
expect 2 "--only: " "$run" --bin "$programs" --only '('
exit $failures

#!/usr/bin/env bash
# tests/run_beside_load.sh N: N whole runs of `make test` beside two processes that compute all the time, then the tests
# that judge time ten times more beside them. Slower is fine; a failure is not. Prints one line at its end.
set -euo pipefail
cd "$(dirname "$0")/.."
wanted=${1:?usage: tests/run_beside_load.sh N}
[[ $wanted =~ ^[0-9]+$ ]] || { echo "usage: tests/run_beside_load.sh N" >&2; exit 2; }
TIMES=10

make setup
busy=()
trap 'kill "${busy[@]}" 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM
for _ in 1 2; do
  .venv/bin/python -c 'while True: pass' &
  busy+=($!)
done

runs=0 failures=0
run() {
  echo && echo "== $* (beside two busy processes, after $SECONDS s)"
  runs=$((runs + 1))
  "$@" || { failures=$((failures + 1)); echo "run $runs failed"; }
  kill -0 "${busy[@]}" || { echo "a busy process has ended: the run was not beside two" >&2; exit 1; }
}

for ((number = 0; number < wanted; number++)); do run make test; done
for ((number = 0; number < TIMES; number++)); do run make test TEST_ARGS=--timed; done
echo && echo "$runs runs beside two busy processes, $failures failed, in $((SECONDS / 60)) minutes"
exit $((failures > 0))

#!/usr/bin/env bash
# Runs all tests, or those that the arguments name to vitest.
#
# Those that need nothing but their process compute, and share one process, where every module is loaded and compiled once. The
# others mostly wait for servers and programs, and run beside them, each file in a process of its own.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ $# -gt 0 ]; then exec bun --bun vitest run "$@"; fi

log=$(mktemp)
unit_pid=
finish() {
  if [ -n "$unit_pid" ]; then
    kill "$unit_pid" 2>/dev/null || true
    cat "$log"
  fi
  rm -f "$log"
}
trap finish EXIT

bun --bun vitest run --project unit --no-isolate --poolOptions.forks.maxForks=1 >"$log" 2>&1 &
unit_pid=$!
failed=0
bun --bun vitest run --project server --project cluster --project processes --poolOptions.forks.maxForks=3 || failed=1
wait "$unit_pid" || failed=1
unit_pid=
cat "$log"
exit "$failed"

#!/usr/bin/env bash
# Checks the section "Install" of the README from the packed package alone, in empty folders, as its readers do. `bun run build`
# comes first. Needs redis-server, and a registry for the package managers.
#
# The commands are the lines of the README, with the tarball in the place of the package's name. By each package manager the
# tutorial's program is installed, type-checked with the declarations of all packages, and run against a server.
set -euo pipefail
cd "$(dirname "$0")/.."
repository=$PWD
export PATH=$repository/node_modules/.bin:$PATH
# the lines stay as they are: what a reader sees on a terminal, and a second download, are left out
export npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false npm_config_prefer_offline=true

workdir=$(mktemp -d)
redis_pid=
# shellcheck disable=SC2317 # the trap calls it
finish() {
  local status=$?
  # the checks that run beside each other, with what they have started
  for job in $(jobs -p); do kill -- "$job" 2>/dev/null || true; done
  if [ -n "$redis_pid" ]; then kill "$redis_pid" 2>/dev/null || true; fi
  rm -rf "$workdir"
  exit "$status"
}
trap finish EXIT

fail() {
  echo "$*" >&2
  exit 1
}

bun pm pack --ignore-scripts --destination "$workdir" --quiet >/dev/null
tarball=$(echo "$workdir"/*.tgz)
echo "the package: $(du -k "$tarball" | cut -f1) kB packed"

# The commands of the README.
section=$(awk '/^## Install$/ { on = 1; next } /^## / { on = 0 } on' README.md)
# the one line of a package manager
line_of() {
  local lines
  lines=$(grep -E "^$1 " <<<"$section") && [ "$(wc -l <<<"$lines")" -eq 1 ] || fail "the README has not one line for $1: $lines"
  echo "${lines/effect-cache-toolkit/$tarball}"
}
# what the rows of the table add, one row a line
added=$(grep -oE '`npm install [^`]+`' <<<"$section" | tr -d '`' | sed 's/^npm install //')
[ "$(wc -l <<<"$added")" -ge 6 ] || fail "the table of the README has fewer rows than entry points"

# the lines call the package managers by their names
pnpm() { npx -y pnpm@10 "$@"; }
yarn() { npx -y yarn@1 "$@"; }

# The runtimes.
node_of() {
  if [ "$(node -p 'process.versions.node.split(".")[0]')" = "$1" ]; then command -v node; else npx -y -p "node@$1" which node; fi
}
node20=$(node_of 20)
node22=$(node_of 22)
echo "Node $("$node20" --version), Node $("$node22" --version), Bun $(bun --version)"

port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
redis-server --port "$port" --bind 127.0.0.1 --save '' --dir "$workdir" >"$workdir/redis.log" &
redis_pid=$!
disown "$redis_pid"
for _ in $(seq 100); do
  if [ "$(redis-cli -p "$port" ping 2>/dev/null)" = PONG ]; then break; fi
  sleep 0.1
done

# Makes an empty project and enters it.
project() {
  mkdir -p "$workdir/$1"
  cd "$workdir/$1"
  echo '{ "type": "module" }' >package.json
}

# Type-checks the files with no option that leaves out a declaration. Takes the types of the runtime, and more options of tsc.
typecheck() {
  local types=$1 resolution=$2 module=$2
  shift 2
  if [ "$resolution" = bundler ]; then module=preserve; fi
  tsc --strict --exactOptionalPropertyTypes --target es2023 --lib es2024 --module "$module" --moduleResolution "$resolution" \
    --typeRoots "$repository/node_modules/@types" --types "$types" "$@"
}

# Runs the tutorial against a database of the server, by the given command.
tutorial() {
  local database=$1 output line
  shift
  output=$(REDIS_URL=redis://127.0.0.1:$port/$database "$@" 2>&1) || fail "the tutorial fails under $*:" "$output"
  for line in "1,000 readers of a cold article: 1 query" "after a change: Snow, by a Lookup" "an article that there is not"; do
    grep -qF "$line" <<<"$output" || fail "the tutorial under $* does not print \"$line\":" "$output"
  done
  redis-cli -n "$database" -p "$port" --scan | grep -q article || fail "the tutorial under $* has stored nothing on the server"
}

# By one package manager: the tutorial and every entry point that needs no peer are type-checked under the given resolutions,
# and run by the given commands.
by_manager() {
  local manager=$1 database=$2 types=$3 resolutions=$4 line resolution runtime
  shift 4
  line=$(line_of "$manager")
  project "$manager"
  eval "$line" >install.log 2>&1 || fail "$line" "$(cat install.log)"
  if grep -iE 'unmet|incorrect peer|ERESOLVE' install.log; then fail "$line: its peers do not fit"; fi
  cp "$repository/examples/tutorial.ts" "$repository/scripts/consumer/effectOnly.ts" .
  for resolution in $resolutions; do typecheck "$types" "$resolution" --noEmit tutorial.ts effectOnly.ts; done
  esbuild --log-level=error tutorial.ts effectOnly.ts --outdir=.
  for runtime in "$@"; do
    tutorial "$database" "$runtime" tutorial.js
    "$runtime" effectOnly.js >/dev/null
  done
  if [ "$manager" = bun ]; then tutorial "$database" bun tutorial.ts; fi
  echo "${line//"$tarball"/effect-cache-toolkit}: type-checked under ${resolutions:-nothing}, and run"
}

# Every package of the table at once, and each entry point with every peer. The native part of sql-sqlite-node would be
# compiled where its release cannot be downloaded, so that the client itself is not run here.
every_peer() {
  project every-peer
  # shellcheck disable=SC2086 # each word is a package
  npm install --ignore-scripts "$tarball" $(line_of npm | grep -o 'effect@[^ ]*') $added @effect/platform-bun@0.91 >install.log 2>&1 ||
    fail "the packages of the table:" "$(cat install.log)"
  if grep -i ERESOLVE install.log; then fail "the packages of the table do not fit together"; fi
  cp "$repository/scripts/consumer/everyPeer.ts" "$repository/scripts/consumer/rows.ts" .
  cat >nodeSqlite.ts <<'END'
import { SqliteClient } from "@effect/sql-sqlite-node"
import { Layer } from "effect"
import * as SqlDatabase from "effect-cache-toolkit/game/SqlDatabase"
export const layer = Layer.provide(SqlDatabase.layerClient(), SqliteClient.layer({ filename: "toolkit.db" }))
END
  local resolution
  for resolution in bundler nodenext; do typecheck bun "$resolution" --noEmit everyPeer.ts rows.ts nodeSqlite.ts; done
  bun everyPeer.ts >/dev/null
  local failure
  if failure=$("$node20" --input-type=module -e 'import "effect-cache-toolkit/BunRedis"' 2>&1); then fail "/BunRedis loads under Node"; fi
  grep -q "effect-cache-toolkit/IoRedis, which run on Node" <<<"$failure" || fail "/BunRedis under Node does not name /IoRedis:" "$failure"
  echo "npm install of every package of the table: type-checked under bundler and nodenext, and run"
}

# Each row of the table beside the main entry point alone: what it names is enough, on both runtimes.
rows() {
  local row number=0 runtime
  while read -r row; do
    number=$((number + 1))
    project "rows/$number"
    # bun runs the scripts of some packages, which would compile the native part of sql-sqlite-node
    eval "$(line_of bun) $row --ignore-scripts" >install.log 2>&1 || fail "$row" "$(cat install.log)"
    cp "$repository/scripts/consumer/rows.ts" .
    esbuild --log-level=error rows.ts --outfile=rows.js
    for runtime in "$node22" bun; do
      # shellcheck disable=SC2086 # each word is a package
      REDIS_URL=redis://127.0.0.1:$port/9 "$runtime" rows.js $row >run.log 2>&1 ||
        fail "with $row the package fails under $runtime:" "$(cat run.log)"
    done
    echo "with $row: $(tail -1 run.log)"
  done <<<"$added"
}

# Beside another Effect each entry point says which one it needs and which was found, and nothing else.
other_effect() {
  local version=$1 entry runtime output expected
  project "effect-$version"
  bun add "$tarball" "effect@$version" ioredis >install.log 2>&1 || fail "effect@$version" "$(cat install.log)"
  expected="effect-cache-toolkit needs effect $(node -p 'require("./node_modules/effect-cache-toolkit/package.json").peerDependencies.effect'), and found effect $version. Install it: npm install effect@"
  for entry in "" /BunRedis /SocketRedis /IoRedis /driver /testing /game; do
    echo "import 'effect-cache-toolkit$entry'" >main.js
    for runtime in "$node20" "$node22" bun; do
      if output=$("$runtime" main.js 2>&1) || ! grep -qF "$expected" <<<"$output"; then
        fail "effect-cache-toolkit$entry beside effect $version under $runtime:" "$output"
      fi
    done
  done
  echo "beside effect $version: $expected…"
}

# examples/node as its README says: installed by npm, compiled by its own tsc, and run while the server stops and starts.
example() {
  cp -r "$repository/examples/node" "$workdir/example"
  rm -rf "$workdir/example/node_modules" "$workdir/example/dist"
  cd "$workdir/example"
  npm install "$tarball" >install.log 2>&1 || fail "npm install in examples/node" "$(cat install.log)"
  npm run --silent build
  bun "$repository/scripts/runNodeExample.ts" "$workdir/example"
}

# Two lanes, since a part of the time is waiting for the network.
first() {
  by_manager npm 1 node "bundler nodenext" "$node20" "$node22"
  every_peer
  other_effect 4.1.0
  other_effect 3.16.0
}
second() {
  by_manager bun 2 bun bundler bun
  by_manager pnpm 3 node nodenext "$node22"
  by_manager yarn 4 node "" "$node20"
  rows
  example
}
set -m
(first) >"$workdir/first.log" 2>&1 &
first_pid=$!
(second) >"$workdir/second.log" 2>&1 &
second_pid=$!
status=0
for lane in first second; do
  pid=${lane}_pid
  wait "${!pid}" || status=$?
  cat "$workdir/$lane.log"
done
[ "$status" -eq 0 ]

#!/usr/bin/env bash
# Checks the manifest and the command of the package as its users get it. Packs `dist`, so `bun run build` comes first.
#
# publint reads the manifest, attw resolves the types of each entry point, the source maps have to find the packed sources, and
# the command runs from the tarball alone. scripts/checkInstall.sh installs the package, type-checks and runs it.
set -euo pipefail
cd "$(dirname "$0")/.."

workdir=$(mktemp -d)
trap 'rm -rf "$workdir"' EXIT

npx bun pm pack --ignore-scripts --destination "$workdir" --quiet
tarball=$(echo "$workdir"/*.tgz)

echo "publint"
npx publint "$tarball" --strict

echo "attw"
npx attw "$tarball" --profile esm-only --format ascii --no-emoji

own=$(node -p 'Object.keys(require("./package.json").dependencies ?? {}).join(" ")')
bun=$PWD/node_modules/.bin/bun
mkdir -p "$workdir/command/node_modules/effect-cache-toolkit"
tar -xzf "$tarball" -C "$workdir/command/node_modules/effect-cache-toolkit" --strip-components=1
echo '{ "type": "module" }' >"$workdir/command/package.json"

echo "source maps"
"$bun" scripts/sourceMaps.ts "$workdir/command/node_modules/effect-cache-toolkit"

echo "effect-cache: the command from the tarball alone"
command=$workdir/command/node_modules/effect-cache-toolkit/$(node -p 'require("./package.json").bin["effect-cache"]')
(
  cd "$workdir/command"
  export REDIS_URL=redis://127.0.0.1:1
  # takes the expected exit code and words, and the command line
  expect() {
    local code=$1 words=$2 output status=0
    shift 2
    output=$("$@" 2>&1) || status=$?
    if [ "$status" -ne "$code" ] || ! grep -q "$words" <<<"$output"; then
      echo "$*: exit code $status instead of $code, or no \"$words\" in:" "$output" >&2
      exit 1
    fi
  }
  expect 0 "effect-cache" "$bun" "$command" --help
  expect 1 "nothing accepts connections there" "$bun" "$command" doctor
  expect 0 "effect-cache" node "$command" --help
  expect 1 "nothing accepts connections there" node "$command" doctor
  # what concerns a module runs on the program's own Effect and library
  cat >caches.js <<'END'
import { Effect, Schema } from "effect"
import { TypedCache } from "effect-cache-toolkit"
const text = { key: Schema.String, value: Schema.String }
export default TypedCache.make({ ...text, name: "own", timeToLive: "1 minute", lookup: Effect.succeed })
END
  for name in effect $own; do ln -s "$OLDPWD/node_modules/$name" "node_modules/$name"; done
  for runtime in "$bun" node; do
    expect 1 "the options of the cache own fit together" "$runtime" "$command" doctor --module ./caches.js
    expect 3 "nothing accepts connections there" "$runtime" "$command" warm --module ./caches.js key
  done
)

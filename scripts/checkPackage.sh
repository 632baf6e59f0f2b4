#!/usr/bin/env bash
# Checks the package as its users get it. Packs `dist`, so `bun run build` comes first.
#
# publint reads the manifest, attw resolves the types of each entry point. Then two programs of a user are type-checked
# against the packed files under each module resolution, and run: one that has `effect` alone, and one with every peer.
set -euo pipefail
cd "$(dirname "$0")/.."

workdir=$(mktemp -d)
trap 'rm -rf "$workdir"' EXIT

npx bun pm pack --destination "$workdir" --quiet
tarball=$(echo "$workdir"/*.tgz)

echo "publint"
npx publint "$tarball" --strict

echo "attw"
npx attw "$tarball" --profile esm-only --format ascii --no-emoji

# unpacks the package into a new folder, and links the named packages beside it
install() {
  local folder=$1
  shift
  mkdir -p "$folder/node_modules/effect-cache-toolkit"
  tar -xzf "$tarball" -C "$folder/node_modules/effect-cache-toolkit" --strip-components=1
  echo '{ "type": "module" }' >"$folder/package.json"
  local name
  for name in "$@"; do
    mkdir -p "$(dirname "$folder/node_modules/$name")"
    ln -s "$PWD/node_modules/$name" "$folder/node_modules/$name"
  done
}

own=$(node -p 'Object.keys(require("./package.json").dependencies ?? {}).join(" ")')
peers=$(node -p 'Object.keys(require("./package.json").peerDependencies).join(" ")')

# shellcheck disable=SC2086 # each word is a package
install "$workdir/effect-only" effect $own
cp scripts/consumer/effectOnly.ts "$workdir/effect-only/"

# shellcheck disable=SC2086
install "$workdir/every-peer" $own $peers
cp scripts/consumer/everyPeer.ts "$workdir/every-peer/"

# without skipLibCheck: a declaration of the package that needs a missing peer is an error, not `any`
for resolution in bundler node16 nodenext; do
  echo "tsc: the programs of scripts/consumer with moduleResolution $resolution"
  module=$resolution
  if [ "$resolution" = bundler ]; then module=preserve; fi
  npx tsc --noEmit --strict --exactOptionalPropertyTypes --target es2023 --lib es2024 \
    --module "$module" --moduleResolution "$resolution" --typeRoots "$PWD/node_modules/@types" --types bun \
    "$workdir/effect-only/effectOnly.ts" "$workdir/every-peer/everyPeer.ts"
done

bun=$PWD/node_modules/.bin/bun
(cd "$workdir/effect-only" && "$bun" effectOnly.ts)
npx esbuild --log-level=error scripts/consumer/effectOnly.ts --outfile="$workdir/effect-only/effectOnly.js"
echo "Node $(node --version):"
(cd "$workdir/effect-only" && node effectOnly.js)
(cd "$workdir/every-peer" && "$bun" everyPeer.ts)
(
  cd "$workdir/every-peer"
  node --input-type=module -e 'await import("effect-cache-toolkit/IoRedis"); await import("effect-cache-toolkit/SocketRedis")'
  if failure=$(node --input-type=module -e 'await import("effect-cache-toolkit/BunRedis")' 2>&1); then
    echo "/BunRedis loads under Node" >&2
    exit 1
  fi
  grep -q "effect-cache-toolkit/IoRedis, which run on Node" <<<"$failure" || {
    echo "/BunRedis under Node does not name /IoRedis:" "$failure" >&2
    exit 1
  }
)

echo "effect-cache: the command from the tarball alone"
install "$workdir/command"
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

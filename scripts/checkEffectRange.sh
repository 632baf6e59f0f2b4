#!/usr/bin/env bash
# Runs the tests of Callback, the one module that uses Effect's internals, on the oldest and the newest Effect of the peer range.
set -euo pipefail
cd "$(dirname "$0")/.."
repository=$PWD
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

mkdir -p "$folder/src/internal/effect" "$folder/test/internal/effect" "$folder/test/support"
cp src/internal/effect/*.ts "$folder/src/internal/effect/"
cp test/internal/effect/Callback*.test.ts "$folder/test/internal/effect/"
cp test/support/until.ts "$folder/test/support/"
echo '{ "private": true, "type": "module" }' >"$folder/package.json"

range=$(node -p 'require("./package.json").peerDependencies.effect')
test_tools=$(node -p 'Object.entries(require("./package.json").devDependencies).filter(([name]) => /vitest$/.test(name)).map((pair) => pair.join("@")).join(" ")')
cd "$folder"
for version in "${range#^}" "$range"; do
  # shellcheck disable=SC2086 # two packages
  npm install --silent --no-audit --no-fund --legacy-peer-deps "effect@$version" $test_tools
  echo "Callback on Effect $(node -p 'require("./node_modules/effect/package.json").version')"
  "$repository/node_modules/.bin/bun" --bun node_modules/.bin/vitest run
done

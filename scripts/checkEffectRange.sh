#!/usr/bin/env bash
# Runs the tests of src/internal/effect, the one room that uses what Effect does not declare, on the oldest and the newest
# releases of the peer ranges.
set -euo pipefail
cd "$(dirname "$0")/.."
repository=$PWD
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

mkdir -p "$folder/src/internal" "$folder/test/internal" "$folder/test/support"
cp -r src/internal/effect "$folder/src/internal/"
cp -r test/internal/effect "$folder/test/internal/"
cp test/support/until.ts "$folder/test/support/"
echo '{ "private": true, "type": "module" }' >"$folder/package.json"

# Prints the ranges of packages as arguments of npm: the field of package.json, the packages.
ranges() {
  node -p 'const [field, ...names] = process.argv.slice(1); names.map((name) => `${name}@${require("./package.json")[field][name]}`).join(" ")' "$@"
}

peers=$(ranges peerDependencies effect @effect/platform @effect/sql)
test_tools=$(ranges devDependencies @effect/vitest vitest @effect/experimental)
cd "$folder"
# a range starts with a caret, and so its oldest release is the rest of it
for packages in "${peers//^/}" "$peers"; do
  rm -rf node_modules package-lock.json
  # shellcheck disable=SC2086 # several packages
  npm install --silent --no-audit --no-fund --no-save --legacy-peer-deps $packages $test_tools
  for package in effect @effect/platform @effect/sql; do
    node -p '`${process.argv[1]} ${require(`./node_modules/${process.argv[1]}/package.json`).version}`' "$package"
  done
  "$repository/node_modules/.bin/bun" --bun node_modules/.bin/vitest run
done

#!/usr/bin/env bash
# Checks the example on Node as its users run it: installed by npm from the packed `dist`, type-checked with the libraries'
# declarations, and run by node against a redis-server. `bun run build` comes first.
set -euo pipefail
cd "$(dirname "$0")/.."

workdir=$(mktemp -d)
trap 'rm -rf "$workdir"' EXIT

npx bun pm pack --destination "$workdir" --quiet
cp -r examples/node "$workdir/example"
rm -rf "$workdir/example/node_modules" "$workdir/example/dist"

echo "npm install"
(cd "$workdir/example" && npm install --silent --no-audit --no-fund "$workdir"/*.tgz)
echo "tsc"
(cd "$workdir/example" && npm run --silent build)

npx bun scripts/runNodeExample.ts "$workdir/example"

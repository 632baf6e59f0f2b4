#!/usr/bin/env bash
# Checks that the version of package.json may be published: all changesets are in it, and the changelog has its date.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(node -p 'require("./package.json").version')
waiting=$(find .changeset -name '*.md' ! -name README.md)
if [ -n "$waiting" ]; then
  echo "these changesets are not in $version: run 'bun run changeset version' and commit what it changes" "$waiting" >&2
  exit 1
fi
if ! grep -qE "^## ${version//./\\.} \([0-9]{4}-[0-9]{2}-[0-9]{2}\)$" CHANGELOG.md; then
  echo "CHANGELOG.md has no heading '## $version (YYYY-MM-DD)': give the section of this version its date" >&2
  exit 1
fi
echo "$version may be published"

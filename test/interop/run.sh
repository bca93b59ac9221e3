#!/usr/bin/env bash
# Checks by tools that nobody here wrote (README.md beside this file). Ends with a line `N passed, N failed, N skipped`.
set -uo pipefail
cd "$(dirname "$0")/../.."
skip() { echo "skipped: $1"; echo '0 passed, 0 failed, 1 skipped'; exit 0; }
command -v python3 >/dev/null || skip 'there is no python3'
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
{ python3 -m venv "$folder/python" && "$folder/python/bin/pip" install --quiet --disable-pip-version-check -r test/interop/requirements.txt; } \
  || skip 'the Python packages could not be installed'
export PATH="$folder/python/bin:$PWD/node_modules/.bin:$PATH" PYTHONDONTWRITEBYTECODE=1
timeout 1500 python -m pytest test/interop -p no:cacheprovider -ra --durations=5 --junitxml "$folder/report.xml"
status=$?
python - "$folder/report.xml" "$status" <<'COUNT'
import sys, xml.etree.ElementTree as tree
try:
    suite = tree.parse(sys.argv[1]).find('testsuite')
    failed, skipped = int(suite.get('failures')) + int(suite.get('errors')), int(suite.get('skipped'))
    passed = int(suite.get('tests')) - failed - skipped
except (OSError, tree.ParseError):
    passed, failed, skipped = 0, 1, 0
if sys.argv[2] != '0' and failed == 0:
    failed = 1
print(f'{passed} passed, {failed} failed, {skipped} skipped')
sys.exit(1 if failed else 0)
COUNT

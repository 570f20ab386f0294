#!/usr/bin/env bash
# Looks for known vulnerabilities in what the programs call (govulncheck), built with the
# release of Go that images are built with.
#
#   tools/vuln.sh                what is in cmd
#   tools/vuln.sh ./audit/...    what is in these packages
#
# Its database is vuln.go.dev. Where that cannot be reached it is the copy that the module
# golang.org/x/vulndb brings along, as new as the module proxy has it; where there is
# neither, nothing is looked for, and that is said. Exit code 0: nothing found, or there
# was no database; 3: found; anything else: it could not look.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/.."
[ "$#" -gt 0 ] || set -- ./cmd/...

database=https://vuln.go.dev
if ! curl --silent --fail --max-time 20 --output /dev/null "$database/index/modules.json"; then
	where=$(cd / && GOFLAGS=-mod=mod go mod download -json golang.org/x/vulndb@latest 2>/dev/null | sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p') || true
	if [ ! -d "$where/data/osv" ]; then
		echo 'vulnerabilities: neither vuln.go.dev nor golang.org/x/vulndb can be reached: NOT looked for' >&2
		exit 0
	fi
	echo "vulnerabilities: vuln.go.dev cannot be reached; asked is ${where##*/}" >&2
	database=file://$where/data/osv
fi
GOTOOLCHAIN=$(cat tools/image/toolchain)
export GOTOOLCHAIN
exec bin/govulncheck -db "$database" "$@"

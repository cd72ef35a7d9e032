# Everything a person or CI does here is a target; "make" lists them.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# The version of every tool that is not in go.mod.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
COMMIT   ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
LDFLAGS  := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)
FUZZTIME ?= 10m
E2E      := cmd/gannet/e2e
CONSOLE  := pusher/console/web

.DEFAULT_GOAL := help
.PHONY: help run cluster build console quick test setup fuzz autobahn lint bench loadtest cover clean

help: ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-8s %s\n", $$1, $$2 }'

run: ## Build and start a development server; needs Go alone
	@CGO_ENABLED=0 go build -ldflags "$(LDFLAGS)" -o bin/gannet ./cmd/gannet
	@exec bin/gannet serve --dev

cluster: ## Build and start three nodes of a cluster on this machine; Ctrl-C ends all
	@CGO_ENABLED=0 go build -ldflags "$(LDFLAGS)" -o bin/gannet ./cmd/gannet
	@exec .ci/cluster bin/gannet

build: ## Build the static binary bin/gannet
	CGO_ENABLED=0 go build -trimpath -ldflags "$(LDFLAGS)" -o bin/gannet ./cmd/gannet

console: ## Check, test and build the console, which is in git; needs Node
	.ci/packages $(CONSOLE)
	npm run --silent --prefix $(CONSOLE) types
	npm run --silent --prefix $(CONSOLE) test
	npm run --silent --prefix $(CONSOLE) build

quick: ## Vet and unit tests in seconds; needs Go alone
	go vet ./...
	go test -short ./...

setup: ## Install what the tests need and the machine lacks
	.ci/setup

test: setup ## Set up, then run every test: race, invariants, real SDKs
	npm run --silent --prefix $(CONSOLE) types
	npm run --silent --prefix $(CONSOLE) test
	npm run --silent --prefix $(CONSOLE) check # what is built is what is in git
	go test -shuffle=on ./... # as it is shipped; the race detector and the invariants allocate: what may not allocate is held here
	go test -race -shuffle=on -tags invariants -timeout 20m ./...
	go test -race -tags e2e -count=1 -parallel 3 -timeout 30m ./$(E2E)/... # most wait for leases and pages: more at once than there are processors
	GANNET_E2E_TRANSPORT=tls go test -tags e2e -count=1 -parallel 3 -timeout 30m ./$(E2E)/... # the same SDKs over TLS; races were looked for
	@echo "All tests passed."

fuzz: ## Fuzz for FUZZTIME in all (10m; 8h for a night); FUZZ="Reader|Hub" for some targets
	.ci/fuzz $(FUZZTIME) '$(FUZZ)'

autobahn: ## Run Autobahn|Testsuite (wstest) against gannet echo; CASES="1.* 7.*" for some
	CASES='$(CASES)' .ci/autobahn

lint: ## Formatting, vet, staticcheck, modules, other platforms, what may not be in git
	@unformatted=$$(git ls-files -z '*.go' | xargs -0 gofmt -l); \
		if [ -n "$$unformatted" ]; then echo "gofmt -w these:" $$unformatted; exit 1; fi
	go vet -tags e2e ./... # everything without tags, too
	go vet -tags invariants ./engine/... # the other side of the tag
	go run $(STATICCHECK) -tags e2e ./...
	go mod tidy -diff
	GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 go vet ./... # tests, too
	GOOS=linux GOARCH=arm64 CGO_ENABLED=0 go build ./...
	.ci/hosts

bench: ## Measure against the goals and a plain send loop; BENCH="--quick" and other flags
	go run ./bench $(BENCH)

loadtest: ## Build the load generator bin/loadtest
	go build -trimpath -o bin/loadtest ./loadtest
	@echo "Start a server (make run), then: bin/loadtest fanout; bin/loadtest --help has the rest, docs/loadtest.md the traps."

cover: ## Test coverage by function into coverage.out
	go test -coverprofile=coverage.out -coverpkg=./... ./...
	go tool cover -func=coverage.out | tail -n 1

clean: ## Remove what was built
	rm -rf bin coverage.out

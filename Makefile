GOLANGCI_LINT := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.12.2
GOVULNCHECK   := go run golang.org/x/vuln/cmd/govulncheck@v1.9.0
# A test waits while its server works, so that it takes twice as many packages as processors to keep
# those busy. Without debugging information a test is linked in half the time.
TEST          := go test -p $(shell expr 2 '*' $$(getconf _NPROCESSORS_ONLN)) -ldflags=-w
FUZZTIME      ?= 30s
HUNTTIME      ?= 10m
HUNTON        ?= sqlite
HUNTSEED      ?= 0
MUTATE        ?= core

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: setup
setup: ## install the programs that the tests start; make test does it by itself
	@bash .ci/setup

ifndef DOCKER
.PHONY: test
test: setup ## run every test, but for the soaks; with DOCKER=1 in a container
	$(TEST) -timeout 20m ./...
	@echo "PASS: every test of every package"
else
# The image is Debian with Go, make and a C compiler; make test installs the rest, in the container.
.PHONY: test
test:
	docker run --rm -e GOFLAGS=-buildvcs=false -v '$(CURDIR)':/src -w /src \
		-v gormtenant-modules:/go/pkg/mod -v gormtenant-cache:/root/.cache golang:1.26 make test
endif

.PHONY: soak
soak: setup ## run the soaks, which take minutes each
	GORMTENANT_SOAK=1 $(TEST) -run '(?i)soak' -count=1 -timeout 60m ./...
	@echo "PASS: every soak"

.PHONY: floor
floor: ## run the library's tests on the oldest GORM that it works with
	bash .ci/gorm floor

.PHONY: newest
newest: ## run the library's tests on the latest GORM and drivers
	bash .ci/gorm newest

.PHONY: race
race: ## run every test under the race detector
	@bash .ci/setup race
	CGO_ENABLED=1 $(TEST) -race -count=1 -timeout 40m ./...
	@echo "PASS: every test of every package, no data race seen"

.PHONY: lint
lint: ## run the linters, the import direction included
	$(GOLANGCI_LINT) run ./...

.PHONY: vuln
vuln: ## look for known vulnerabilities in what the library calls (needs the network)
	$(GOVULNCHECK) ./...

.PHONY: fmt
fmt: ## format the code and sort its imports
	$(GOLANGCI_LINT) fmt ./...

.PHONY: vet
vet: ## run go vet
	go vet ./...

.PHONY: build
build: ## compile every package without cgo
	CGO_ENABLED=0 go build ./...

.PHONY: example
example: ## run the example (embedded SQLite, no set-up)
	go run ./example

.PHONY: bench
bench: ## print how much scoping costs, as a table of ratios
	bash bench/run.sh

.PHONY: count
count: ## count the instructions of statements beside those scoped by hand (needs valgrind)
	bash bench/instructions.sh

.PHONY: fuzz
fuzz: ## fuzz every Fuzz function for FUZZTIME each (default 30s)
	@for package in $$(go list ./...); do \
		listed=$$(go test -list '^Fuzz' "$$package") || exit 1; \
		for target in $$(echo "$$listed" | grep '^Fuzz'); do \
			echo "== $$package $$target ($(FUZZTIME))"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime '$(FUZZTIME)' "$$package" || exit 1; \
		done; \
	done

.PHONY: hunt
hunt: ## look for a GORM program that can tell its tenant is not alone, for HUNTTIME on HUNTON (default 10m, sqlite)
	go test -run '^TestHunt$$' -v -count=1 -timeout 0 ./internal/testing/oracle \
		-oracle.hunt '$(HUNTTIME)' -oracle.database '$(HUNTON)' -oracle.seed '$(HUNTSEED)'

.PHONY: cover
cover: ## print what no test of the library gets to; fails below 95%, or where that refuses something
	bash .ci/cover

.PHONY: mutate
mutate: ## take out each guard of MUTATE (default core; .ci/mutate has the groups), and print those that no test misses
	bash .ci/mutate $(MUTATE)

.PHONY: gremlins
gremlins: ## turn each condition round with gremlins, which takes an hour or two
	bash .ci/gremlins ./models ./scopes ./callbacks

#!/usr/bin/env bash
#
# Runs the benchmarks and prints tables made by benchstat: for each operation the median when it is
# scoped by hand, and how unscoped GORM and GORM with the plugin compare with that; for row-level
# security and for schemas how the ways to tell the server the tenant compare with a plain pool. The last
# tables have the ratios alone.
#
#	bash bench/run.sh                               # two or three minutes
#	COUNT=6 BENCHTIME=50ms ONLY=Build bash bench/run.sh
#
# COUNT      how often everything runs, in turns (default 30; from 6 on benchstat knows its error)
# BENCHTIME  how long each benchmark runs each time (default 20ms: often and briefly, as it is the
#            median that counts, and a busy moment of the machine then spoils a few runs only)
# ONLY       which benchmarks run, as for go test -bench (default all)
# RESULTS    an absolute path, to keep there what was measured (default none)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

benchstat=golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da
scopings='/scoping@(byhand unscoped plugin)'
ways='/way@(plain begin_set_local set_at_checkout rls)'
schema_ways='/way@(plain begin_set_local rows schemas roles)'

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
results=${RESULTS:-$scratch/results}

go test -c -o "$scratch/bench.test" .
if ! "$scratch/bench.test" -test.run='^$' -test.bench="${ONLY:-.}" -passes="${COUNT:-30}" \
	-test.benchtime="${BENCHTIME:-20ms}" -test.timeout=60m >"$results"; then
	cat "$results" >&2
	exit 1
fi

plugin() {
	go run "$benchstat" -ignore /pass -filter '-.name:(RLS OR Schemas)' -table .name -row /op,/percpu -col "$scopings" "$@" "$results"
}

rls() {
	go run "$benchstat" -ignore /pass -filter '.name:RLS' -table .name -row /op,/net -col "$ways" "$@" "$results"
}

schemas() {
	go run "$benchstat" -ignore /pass -filter '.name:Schemas' -table .name -row /op,/net -col "$schema_ways" "$@" "$results"
}

# plugin_ratios makes one table of benchstat's, in which the columns 2, 4 and 8 are the medians.
plugin_ratios() {
	plugin -format csv 2>/dev/null | awk -F, '
		/^\.name: /       { name = substr($1, 8) }
		$2 ~ /\/op$/      { unit = $2; next }
		$1 == "" || $1 == "geomean" || NF < 8 { next }
		unit == "sec/op"  { row = name " " $1; rows[++n] = row; hand[row] = $8 / $2; none[row] = $8 / $4 }
		unit == "allocs/op" { allocs[name " " $1] = sprintf("%9d %9d %9d", $4, $2, $8) }
		END {
			print "                    time of plugin /                   allocations"
			print "                     byhand  unscoped    unscoped    byhand    plugin"
			for (i = 1; i <= n; i++)
				printf "%-20s %6.2f  %8.2f   %s\n", rows[i], hand[rows[i]], none[rows[i]], allocs[rows[i]]
		}'
}

# rls_ratios does the same; the medians are in the columns 2, 4, 8 and 12.
rls_ratios() {
	rls -format csv 2>/dev/null | awk -F, '
		$2 ~ /\/op$/      { unit = $2; next }
		$1 == "" || $1 == "geomean" || NF < 12 { next }
		unit == "sec/op"  { rows[++n] = $1; ratios[$1] = sprintf("%6.2f %15.2f %15.2f", $12 / $2, $12 / $4, $12 / $8) }
		unit == "allocs/op" { allocs[$1] = sprintf("%9d %9d", $2, $12) }
		END {
			print "                           time of rls /                        allocations"
			print "                      plain begin_set_local set_at_checkout     plain       rls"
			for (i = 1; i <= n; i++)
				printf "%-20s %s %s\n", rows[i], ratios[rows[i]], allocs[rows[i]]
		}'
}

# schemas_ratios does the same; the medians are in the columns 2, 4, 8, 12 and 16.
schemas_ratios() {
	schemas -format csv 2>/dev/null | awk -F, '
		$2 ~ /\/op$/      { unit = $2; next }
		$1 == "" || $1 == "geomean" || NF < 16 { next }
		unit == "sec/op"  { rows[++n] = $1; ratios[$1] = sprintf("%6.2f %15.2f %6.2f %15.2f", $12 / $2, $12 / $4, $12 / $8, $16 / $2) }
		unit == "allocs/op" { allocs[$1] = sprintf("%9d %9d", $2, $12) }
		END {
			print "                           time of schemas /             of roles /         allocations"
			print "                      plain begin_set_local   rows           plain     plain   schemas"
			for (i = 1; i <= n; i++)
				printf "%-20s %s %s\n", rows[i], ratios[rows[i]], allocs[rows[i]]
		}'
}

ran() { grep -q "^Benchmark.*$1" "$results"; }

! ran /scoping || plugin
! ran /way=rls || rls
! ran /way=schemas || schemas
echo
echo "Ratios of medians: below 1.00 the plugin, rls or schemas is faster."
! ran /scoping || plugin_ratios
! ran /way=rls || rls_ratios
! ran /way=schemas || schemas_ratios

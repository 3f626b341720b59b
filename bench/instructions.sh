#!/usr/bin/env bash
#
# Counts the instructions of one statement with valgrind, and prints a table: of the statement scoped
# by hand, of the same one with the plugin, and the ratio. Such a count does not depend on how busy the
# machine is. The garbage collector is off.
#
#	bash bench/instructions.sh                    # all, some minutes
#	ONLY='^(Find|Create)$' bash bench/instructions.sh
#
# Each operation runs on a server that is not there (stub_test.go), in two processes: a few times, and
# TIMES more (default 1000). The difference is what it costs once it has run before. GODEBUG keeps the
# runtime from an instruction that older valgrinds do not know.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

command -v valgrind >/dev/null || {
	echo "needs valgrind: apt-get install valgrind" >&2
	exit 1
}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
go test -c -o "$scratch/bench.test" .

# count prints the instructions of $2 runs of the operation $1.
count() {
	GODEBUG=cpu.rdtscp=off GOGC=off GOMAXPROCS=1 valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null \
		"$scratch/bench.test" -test.run '^TestInstructions$' -instructions "$1" -times "$2" 2>&1 |
		awk '/I +refs/ { gsub(",", "", $NF); print $NF; found = 1 } END { exit !found }'
}

printf '%-18s %12s %12s %8s\n' operation 'by hand' plugin ratio
for op in First Find Count Pluck Delete Save Update Create Create100 Create1000 Upsert \
	RawJoin RawJoinWithoutID RawShared; do
	[[ $op =~ ${ONLY:-.} ]] || continue
	times=${TIMES:-1000}
	case $op in
	Create100) times=$((times / 20)) ;;
	Create1000) times=$((times / 100)) ;;
	esac
	for way in byhand plugin; do
		few=$(count "$op/$way" $((times / 5)))
		more=$(count "$op/$way" $((times / 5 + times)))
		declare "$way=$(((more - few) / times))"
	done
	awk -v op="$op" -v hand="$byhand" -v plugin="$plugin" \
		'BEGIN { printf "%-18s %12d %12d %8.2f\n", op, hand, plugin, plugin / hand }'
done

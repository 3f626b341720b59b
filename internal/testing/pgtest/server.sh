# Makes a PostgreSQL cluster and runs it for as long as standard input stays open.
#
#   sh server.sh DIR BIN SETTINGS
#
# DIR has the file "password" and takes all that is made, BIN has the server binaries, SETTINGS are
# options for postgres. The script answers "ok" or "failed" on standard output, first for initdb,
# then for each line of standard input, which is a port to start the server on. DIR/log says why it
# failed.
#
# Standard input is a pipe of which only the test process holds the other end, so that the kernel
# closes it whichever way that process ends, SIGKILL included. initdb and the start run in the
# foreground: if the process dies meanwhile, this shell finishes the step before it meets the end of
# input, so that it never removes the files of a program that is still writing them.

# The shell has to outlive what ends the test process, and PIPE when it answers a dead one.
trap '' HUP INT PIPE TERM

dir=$1 bin=$2 settings=$3

answer() {
	if "$@" </dev/null >>"$dir/log" 2>&1; then echo ok; else echo failed; fi
}

answer "$bin/initdb" -D "$dir/data" -U postgres -A scram-sha-256 --pwfile="$dir/password" \
	-E UTF8 --locale=C --no-sync

while read -r port; do
	: >"$dir/log"
	answer "$bin/pg_ctl" start -w -t 60 -D "$dir/data" -l "$dir/log" -o "-p $port $settings"
done

"$bin/pg_ctl" stop -w -m immediate -D "$dir/data" </dev/null >/dev/null 2>&1
rm -rf "$dir"

# Makes the files of a MariaDB server and runs it for as long as standard input stays open.
#
#   sh server.sh DIR INSTALL SERVER SETTINGS
#
# DIR has the file "init.sql", which the server runs when it starts, and takes all that is made.
# INSTALL is mariadb-install-db, SERVER is mariadbd, SETTINGS are options for it. The script answers
# "ok" or "failed" on standard output, first for INSTALL, then for each line of standard input, which
# is a port to start the server on. DIR/log says why it failed.
#
# Standard input is a pipe of which only the test process holds the other end, so that the kernel
# closes it whichever way that process ends, SIGKILL included. What the script does in between it
# finishes before it meets the end of input, so that it never removes the files of a program that is
# still writing them.

# The shell has to outlive what ends the test process, and PIPE when it answers a dead one.
trap '' HUP INT PIPE TERM

dir=$1 install=$2 server=$3 settings=$4 pid=

answer() {
	if "$@" </dev/null >>"$dir/log" 2>&1; then echo ok; else echo failed; fi
}

# The socket is in the data directory, by a relative name: a whole one may exceed what a socket's name
# can hold.
start() {
	"$server" --no-defaults --datadir="$dir/data" --tmpdir="$dir" --init-file="$dir/init.sql" \
		--socket=socket --pid-file=pid --bind-address=127.0.0.1 --port="$1" $settings &
	pid=$!
	until grep -q 'ready for connections' "$dir/log"; do
		kill -0 "$pid" || return
		sleep 0.02
	done
}

answer "$install" --no-defaults --datadir="$dir/data" --tmpdir="$dir" \
	--auth-root-authentication-method=normal --skip-test-db --debug-no-sync \
	--innodb-doublewrite=0 --innodb-flush-method=nosync --innodb-flush-log-at-trx-commit=0

while read -r port; do
	: >"$dir/log"
	answer start "$port"
done

if [ -n "$pid" ]; then
	kill -KILL "$pid"
	wait "$pid"
fi 2>/dev/null
rm -rf "$dir"

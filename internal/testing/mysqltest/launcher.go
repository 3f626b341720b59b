package mysqltest

import (
	"crypto/rand"
	_ "embed" // for server.sh
	"errors"
	"fmt"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/gormtenant/gormtenant/internal/testing/server"
)

// fastSettings are options for mariadbd. Nothing of a throwaway server has to survive a crash.
var fastSettings = []string{
	"--debug-no-sync", // what DDL writes is synced besides
	"--innodb-flush-log-at-trx-commit=0",
	"--innodb-flush-method=nosync",
	"--innodb-doublewrite=0",
	"--innodb-file-per-table=0", // a table is made and dropped without a file of its own
	"--innodb-buffer-pool-size=64M",
	"--innodb-log-file-size=16M",
	"--innodb-stats-persistent=0", // the tables do not live long enough for it
	"--aria-pagecache-buffer-size=8M",
	"--key-buffer-size=1M",
	"--skip-log-bin",
	"--skip-name-resolve",
	"--max-connections=500",
	"--default-time-zone=+00:00",
	"--character-set-server=utf8mb4",
}

// serverScript runs the server, and clears it away when this process ends.
//
//go:embed server.sh
var serverScript string

// admin is the only account.
const admin = "gormtenant"

// initFile makes it. %s is its password.
const initFile = `DELETE FROM mysql.global_priv WHERE User <> 'mariadb.sys';
FLUSH PRIVILEGES;
CREATE USER ` + admin + `@'127.0.0.1' IDENTIFIED BY '%s';
GRANT ALL ON *.* TO ` + admin + `@'127.0.0.1' WITH GRANT OPTION;
`

// launcher starts private servers.
type launcher struct {
	places   []string            // see findBinary
	settings []string            // options for mariadbd, without spaces inside a value
	port     func() (int, error) // returns a port that is likely to be free
}

// start makes a server and runs it. It returns the DSN of its account, and what stops it. The error
// quotes the end of the server's log.
func (l launcher) start() (dsn string, _ *server.Server, err error) {
	user, err := server.FindAccount("mysql")
	if err != nil {
		return "", nil, fmt.Errorf("%w, or set %s to a DSN", err, envDSN)
	}
	program, err := findBinary("mariadbd", l.places)
	if err != nil {
		return "", nil, err
	}
	install, err := findBinary("mariadb-install-db", l.places)
	if err != nil {
		return "", nil, err
	}
	password := rand.Text()
	s, err := server.New(user, server.Script{
		Name: "mysqltest", Text: serverScript,
		Files: map[string]string{"init.sql": fmt.Sprintf(initFile, password)},
		Args:  []string{install, program, strings.Join(l.settings, " ")},
	})
	if err != nil {
		return "", nil, fmt.Errorf("start MariaDB: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop())
		}
	}()

	if !s.Answers() {
		return "", nil, fmt.Errorf("%s failed:\n%s", install, s.LogTail())
	}
	port, err := s.Start(l.port, "Bind on TCP/IP port")
	if err != nil {
		return "", nil, fmt.Errorf("%s %w", program, err)
	}
	config := mysql.NewConfig()
	config.User, config.Passwd = admin, password
	config.Net, config.Addr = "tcp", server.Address(port)
	return config.FormatDSN(), s, nil
}

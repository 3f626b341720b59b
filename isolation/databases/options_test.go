package databases_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/isolation/databases"
)

func TestNewPools_refuses(t *testing.T) {
	t.Parallel()
	file := databases.SQLite(t.TempDir())
	for _, refused := range []struct {
		text   string
		opener databases.Opener
		option databases.Option
	}{
		{"needs an opener", nil, databases.MaxPools(1)},
		{"needs a configuration", databases.Postgres(nil), databases.MaxPools(1)},
		{"needs a directory", databases.SQLite(""), databases.MaxPools(1)},
		{
			`registered as "none"`, databases.SQLite("x", databases.SQLiteDriver("none")),
			databases.MaxPools(1),
		},
		{
			"databases.SQLite: option 2 is nil",
			databases.SQLite("x", databases.CreateFiles(), nil),
			databases.MaxPools(1),
		},
		{"needs servers", databases.Servers(nil), databases.MaxPools(1)},
		{
			`the server "eu" has no opener`,
			databases.Servers(map[string]databases.Opener{"eu": nil}), databases.MaxPools(1),
		},
		{"databases.NewPools: option 1 is nil", file, nil},
		{"databases.MaxPools(0)", file, databases.MaxPools(0)},
		{"databases.MaxConnections(0)", file, databases.MaxConnections(0)},
		{"databases.Size(nil)", file, databases.Size(nil)},
		{"databases.IdleTime(0s)", file, databases.IdleTime(0)},
		{"databases.WaitLimit(0s)", file, databases.WaitLimit(0)},
		{"databases.ConnectTimeout(-1ns)", file, databases.ConnectTimeout(-1)},
		{"databases.Backoff(2ns, 1ns)", file, databases.Backoff(2, 1)},
		{"databases.OnFailed(nil)", file, databases.OnFailed(nil)},
	} {
		pools, err := databases.NewPools(refused.opener, refused.option)
		require.ErrorContains(t, err, "gormtenant: ")
		require.ErrorContains(t, err, refused.text)
		require.Nil(t, pools)
	}
}

package callbacks_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// attack is one use of GORM by tenant A. Whatever it does, the rows of B are the same afterwards,
// byte for byte, and so are A's where it must fail.
type attack struct {
	name string
	run  func(t *testing.T, e *Env) error
	want error // nil: it must not fail
	// onlyShared is for a right use that works across tenants or without one. It works in shared
	// tables without policies only: the other levels refuse that, or have nothing there.
	onlyShared bool
	// alone is for what must give what it gives in a database of A's own, an error too.
	alone bool
	// mysql is what comes of it on MySQL, where that is something else; errNone for no error.
	mysql error
	// returned is for what does not come to that where an upsert returns the keys of rows.
	returned bool
	// notMySQL says why MySQL cannot be attacked in this way.
	notMySQL string
	// shared is for what changes a shared table, as everyone may.
	shared bool
}

// returnsKeys is for an attack of which nothing comes on MariaDB: its upsert returns the keys of
// the rows that are there in the end, new ones or the tenant's own, and they replace those in
// memory.
func (a attack) returnsKeys() attack {
	a.returned = true
	return a
}

// notOnMySQL is for an attack that cannot be made there.
func (a attack) notOnMySQL(why string) attack {
	a.notMySQL = why
	return a
}

// attackList is attacks of one kind, and the options of the plugin that they are made against.
type attackList struct {
	name    string
	attacks []attack
	options []tenantplugin.Option
}

// try makes the attack and looks at the rows.
func (a attack) try(t *testing.T, e *Env) {
	t.Helper()
	if a.onlyShared && (e.Held || e.Own) {
		t.Skip("works in shared tables without policies only")
	}
	if e.Name == "mysql" {
		if a.notMySQL != "" {
			t.Skip("MySQL " + a.notMySQL)
		}
		if a.mysql != nil {
			a.want, a.alone = a.mysql, false
		}
		if a.returned && slices.Contains(e.DB.Callback().Create().Clauses, "RETURNING") {
			a.want = errNone
		}
	}
	if a.alone {
		a.compare(t, e)
		return
	}
	mine, err := e.Attack(t, func() error { return a.run(t, e) })
	if a.want == nil || errors.Is(a.want, errNone) {
		require.NoError(t, err)
		return
	}
	if errors.Is(a.want, errAny) || errors.Is(a.want, gormtenant.ErrOtherTenant) {
		if e.Held || e.Own {
			return // it named a key of B's, which is free there, or hidden
		}
	}
	if e.Held && errors.Is(err, gormtenant.ErrUnscopedDenied) {
		return
	}
	require.Error(t, err)
	switch {
	case errors.Is(a.want, errRefused):
		var failure *gormtenant.Error
		require.ErrorAs(t, err, &failure)
	case !errors.Is(a.want, errAny):
		require.ErrorIs(t, err, a.want)
	}
	require.Equal(t, mine.Before, mine.After, "the rows of A, after an error")
}

// compare makes the attack among B's rows and where A is alone, on new rows each so that new keys
// are the same. Any error is as good as another: each server has words of its own.
func (a attack) compare(t *testing.T, e *Env) {
	t.Helper()
	e.Seed(t)
	e.Alone.Seed(t)
	made := func(e *Env) (Outcome, error) {
		if a.shared {
			return e.AttackShared(t, func() error { return a.run(t, e) })
		}
		return e.Attack(t, func() error { return a.run(t, e) })
	}
	got, err := made(e)
	want, wantErr := made(e.Alone)
	if wantErr != nil {
		require.Error(t, err, "A alone gets %v", wantErr)
	} else {
		require.NoError(t, err)
		require.Equal(t, want.Read, got.Read, "what A reads")
	}
	require.Equal(t, WithoutTimes(want.After), WithoutTimes(got.After), "the rows of A")
}

func ptr[T any](value T) *T { return &value }

// keysOf returns the keys of projects, to see whose they are.
func keysOf(projects []Project) []uint {
	keys := make([]uint, 0, len(projects))
	for i := range projects {
		keys = append(keys, projects[i].ID)
	}
	return keys
}

// errRefused stands for any error of this library's. Which one may depend on the dialect.
var errRefused = errors.New("any refusal")

// errNone stands for no error.
var errNone = errors.New("no error")

// errAny stands for an error of the database, such as a key that is taken.
var errAny = errors.New("any error")

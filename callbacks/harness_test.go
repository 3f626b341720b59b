package callbacks_test

import (
	"errors"
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
	mine, err := e.Attack(t, func() error { return a.run(t, e) })
	if a.want == nil {
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
	if !errors.Is(a.want, errAny) {
		require.ErrorIs(t, err, a.want)
	}
	require.Equal(t, mine.Before, mine.After, "the rows of A, after an error")
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

// errAny stands for an error of the database, such as a key that is taken.
var errAny = errors.New("any error")

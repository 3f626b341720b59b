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
}

// attacks runs each attack on every database. TestLevels runs it at every level of isolation.
func attacks(t *testing.T, list []attack, options ...tenantplugin.Option) {
	t.Helper()
	addToLevels(t.Name(), list, options)
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		for _, a := range list {
			t.Run(a.name, func(t *testing.T) { a.try(t, e) })
		}
	}, options...)
}

// try makes the attack and looks at the rows.
func (a attack) try(t *testing.T, e *Env) {
	t.Helper()
	e.Seed(t)
	mine, theirs := e.Rows(t, A), e.Rows(t, B)
	err := a.run(t, e)
	require.Equal(t, theirs, e.Rows(t, B), "the rows of B")
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
	require.Equal(t, mine, e.Rows(t, A), "the rows of A, after an error")
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

package schemas_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/isolation/schemas"
)

func TestCheckLogin(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.schemas(t)
	temporary := "TEMPORARY ON DATABASE " + h.app.Database
	for _, c := range []struct{ makes, says, mends string }{
		{
			"GRANT " + temporary + " TO PUBLIC", "REVOKE " + temporary + " FROM PUBLIC",
			"REVOKE " + temporary + " FROM PUBLIC",
		},
		{
			"GRANT " + temporary + " TO " + h.app.User, "from it, and from the roles",
			"REVOKE " + temporary + " FROM " + h.app.User,
		},
		{
			"GRANT " + h.owner.User + " TO " + h.app.User + "; GRANT " + temporary + " TO " +
				h.owner.User, "from it, and from the roles",
			"REVOKE " + h.owner.User + " FROM " + h.app.User,
		},
		{
			"ALTER ROLE " + h.app.User + " SUPERUSER", "is a superuser",
			"ALTER ROLE " + h.app.User + " NOSUPERUSER",
		},
	} {
		h.do(t, c.makes)
		err := s.CheckLogin(t.Context())
		require.ErrorIs(t, err, schemas.ErrHole, c.makes)
		require.ErrorContains(t, err, c.says)
		h.do(t, c.mends)
		require.NoError(t, s.CheckLogin(t.Context()), c.mends)
	}
	none, err := schemas.NewProvisioner(openAs(t, h.owner))
	require.NoError(t, err)
	require.ErrorContains(t, none.CheckLogin(t.Context()), "needs Login")
	gone, err := schemas.NewProvisioner(openAs(t, h.owner), schemas.Login("nobody_at_all"))
	require.NoError(t, err)
	require.ErrorContains(t, gone.CheckLogin(t.Context()), "no such role")
}

package schemas_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/isolation/schemas"
	"github.com/gormtenant/gormtenant/tenants"
)

func splitLines(text string) []string { return strings.Split(text, "\n") }

var _ tenants.Lister = (*schemas.Provisioner)(nil)

func TestList_of_what_is_ours(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.schemas(t)
	list := func(after string) (all []string) {
		for tenant, err := range s.List(t.Context(), after) {
			require.NoError(t, err)
			require.Equal(t, tenants.Schema, tenant.Placement.Level)
			all = append(all, tenant.ID+"="+tenant.Placement.Name)
		}
		return all
	}
	require.Empty(t, list(""))
	for _, id := range []string{"b", "a", "c", "B"} {
		require.NoError(t, s.Provision(t.Context(), id))
	}
	upper := h.text(t, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'tenant\\_b.%'")
	h.do(t, "CREATE SCHEMA other; COMMENT ON SCHEMA other IS 'gormtenan'", "CREATE SCHEMA tenant_d",
		// What is left of tenant c after a move, and comes before its own by name.
		"CREATE SCHEMA left_over; COMMENT ON SCHEMA left_over IS 'gormtenant:c'")
	require.Equal(t, []string{"B=" + upper, "a=tenant_a", "b=tenant_b", "c=tenant_c"}, list(""))
	require.Equal(t, []string{"b=tenant_b", "c=tenant_c"}, list("a"))
	require.Empty(t, list("c"))
}

func TestList_of_more_than_a_page(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const n = 1201
	h.do(t, fmt.Sprintf(`DO $$ BEGIN FOR i IN 1..%d LOOP
		EXECUTE format('CREATE SCHEMA s%%s', i);
		EXECUTE format('COMMENT ON SCHEMA s%%s IS %%L', i, 'gormtenant:' || lpad(i::text, 5, '0'));
	END LOOP; END $$`, n))
	i := 0
	for tenant, err := range h.schemas(t).List(t.Context(), "") {
		i++
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("%05d", i), tenant.ID)
		require.Equal(t, fmt.Sprintf("s%d", i), tenant.Placement.Name)
	}
	require.Equal(t, n, i)
}

func TestList_ends_with_an_error(t *testing.T) {
	t.Parallel()
	s := newHouse(t).schemas(t)
	ctx, cancel := contextThatEnds(t)
	cancel()
	for tenant, err := range s.List(ctx, "") {
		require.Nil(t, tenant)
		require.ErrorContains(t, err, "gormtenant: list the schemas: ")
	}
}

package gormtenant_test

import (
	"context"
	"database/sql"
	"io"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
)

type orgID string

func TestWithTenant(t *testing.T) {
	id := uuid.MustParse("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
	text := "acme"
	for _, test := range []struct {
		name        string
		given, want any
	}{
		{"string", "acme", "acme"},
		{"integer", 42, 42},
		{"negative_integer", int64(-1), int64(-1)},
		{"uuid", id, id},
		{"own_string_type", orgID("acme"), orgID("acme")},
		{"pointer", &text, "acme"},
		{
			"valid_null_string",
			sql.NullString{String: "a", Valid: true},
			sql.NullString{String: "a", Valid: true},
		},
		{"string_of_spaces_is_one", " ", " "},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx := gormtenant.WithTenant(context.Background(), test.given)
			got, ok := gormtenant.FromContext(ctx)
			require.True(t, ok)
			require.Equal(t, test.want, got)
			got, err := gormtenant.Require(ctx)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
			_, ok, err = gormtenant.UnscopedReason(ctx)
			require.NoError(t, err)
			require.False(t, ok)
		})
	}
}

func TestWithTenant_of_what_names_nobody(t *testing.T) {
	var noText *string
	for _, test := range []struct {
		name string
		id   any
	}{
		{"nil", nil},
		{"empty_string", ""},
		{"zero", 0},
		{"nil_uuid", uuid.Nil},
		{"nil_pointer", noText},
		{"pointer_to_empty_string", new(string)},
		{"empty_own_type", orgID("")},
		{"null_string", sql.NullString{}},
		{"valid_empty_string", sql.NullString{Valid: true}},
		{"not_comparable", []string{"acme"}},
		{"holds_not_comparable", struct{ id any }{[]int{1}}},
		{"map", map[string]int{"a": 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			outer := gormtenant.WithTenant(context.Background(), "outer")
			ctx := gormtenant.WithTenant(outer, test.id)
			_, ok := gormtenant.FromContext(ctx)
			require.False(t, ok)
			_, err := gormtenant.Require(ctx)
			require.ErrorIs(t, err, gormtenant.ErrNoTenant)
		})
	}
}

func TestRequire_of_a_plain_context(t *testing.T) {
	_, ok := gormtenant.FromContext(context.Background())
	require.False(t, ok)
	_, err := gormtenant.Require(context.Background())
	require.ErrorIs(t, err, gormtenant.ErrNoTenant)
}

func TestContexts_the_innermost_decides(t *testing.T) {
	plain := context.Background()
	scoped := gormtenant.WithTenant(plain, "a")

	id, ok := gormtenant.FromContext(gormtenant.WithTenant(scoped, "b"))
	require.True(t, ok)
	require.Equal(t, "b", id)

	unscoped := gormtenant.Unscoped(scoped, "report")
	_, ok = gormtenant.FromContext(unscoped)
	require.False(t, ok)
	_, err := gormtenant.Require(unscoped)
	require.ErrorIs(t, err, gormtenant.ErrNoTenant)

	id, ok = gormtenant.FromContext(gormtenant.WithTenant(unscoped, "c"))
	require.True(t, ok)
	require.Equal(t, "c", id)

	_, ok, err = gormtenant.UnscopedReason(gormtenant.WithTenant(unscoped, ""))
	require.NoError(t, err)
	require.False(t, ok, "an empty tenant inside Unscoped is no tenant, not everyone")
}

func TestUnscoped(t *testing.T) {
	reason, ok, err := gormtenant.UnscopedReason(gormtenant.Unscoped(context.Background(),
		" monthly invoicing "))
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "monthly invoicing", reason)

	for _, blank := range []string{"", " ", "\t\n"} {
		_, ok, err = gormtenant.UnscopedReason(gormtenant.Unscoped(context.Background(), blank))
		require.True(t, ok)
		require.ErrorIs(t, err, gormtenant.ErrNoReason)
	}
	_, ok, err = gormtenant.UnscopedReason(context.Background())
	require.NoError(t, err)
	require.False(t, ok)
}

func TestFromContext_allocates_nothing(t *testing.T) {
	ctx := context.WithValue(gormtenant.WithTenant(context.Background(), "acme"), orgID("k"), 1)
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = gormtenant.FromContext(ctx) }))
}

func TestError(t *testing.T) {
	err := error(&gormtenant.Error{Op: "create", Table: "projects", Err: gormtenant.ErrNoTenant})
	require.ErrorIs(t, err, gormtenant.ErrNoTenant)
	require.EqualError(t, err, "gormtenant: create projects: "+
		strings.TrimPrefix(gormtenant.ErrNoTenant.Error(), "gormtenant: "))
	err = &gormtenant.Error{Op: "raw", Err: gormtenant.ErrRawSQL}
	require.EqualError(t, err, "gormtenant: raw: raw SQL is not scoped")
	err = &gormtenant.Error{Op: "query", Table: "projects", Err: io.EOF}
	require.EqualError(t, err, "gormtenant: query projects: EOF")
	err = &gormtenant.Error{Op: "create", Table: "tasks", Err: err}
	require.EqualError(t, err, "gormtenant: create tasks: query projects: EOF")
}

func TestDecided(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	require.False(t, gormtenant.Decided(ctx))
	for _, said := range []context.Context{
		gormtenant.WithTenant(ctx, "acme"), gormtenant.WithTenant(ctx, ""),
		gormtenant.Unscoped(ctx, "report"), gormtenant.Unscoped(ctx, ""),
	} {
		require.True(t, gormtenant.Decided(said))
	}
}

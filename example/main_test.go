package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCommand_prints_its_usage(t *testing.T) {
	t.Parallel()
	none := func(string) string { return "" }
	var out, errs bytes.Buffer
	require.Equal(t, 2, command([]string{"nonsense"}, none, &out, &errs))
	require.Contains(t, errs.String(), `"nonsense"`)
	require.Contains(t, errs.String(), "usage: example [serve|tenants]")
	errs.Reset()
	require.Equal(t, 1, command([]string{"serve", "now"}, none, &out, &errs))
	require.Contains(t, errs.String(), "no argument but flags")
	errs.Reset()
	require.Equal(t, 0, command([]string{"serve", "-h"}, none, &out, &errs))
	require.Contains(t, errs.String(), "-addr")
	require.Empty(t, out.String())
}

package prefix_test

import (
	"errors"
	"io"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/prefix"
)

func TestErrorf(t *testing.T) {
	own := errors.New("gormtenant: not found")
	tests := []struct {
		name string
		err  error
		text string
	}{
		{"of_another_module", prefix.Errorf("look up: %w", io.EOF), "gormtenant: look up: EOF"},
		{"of_this_module", prefix.Errorf("look up: %w", own), "gormtenant: look up: not found"},
		{"of_this_module_in_front", prefix.Errorf("%w: %d", own, 7), "gormtenant: not found: 7"},
		{"two", prefix.Errorf("%w: %w", own, own), "gormtenant: not found: not found"},
		{
			"wrapped_twice", prefix.Errorf("list: %w", prefix.Errorf("look up: %w", own)),
			"gormtenant: list: look up: not found",
		},
		{"text_is_kept", prefix.Errorf("%q", "gormtenant: x"), `gormtenant: "gormtenant: x"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { require.EqualError(t, test.err, test.text) })
	}
}

func TestErrorf_wraps(t *testing.T) {
	err := prefix.Errorf("%w: %w", io.EOF,
		&fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist})
	require.ErrorIs(t, err, io.EOF)
	require.ErrorIs(t, err, fs.ErrNotExist)
	var path *fs.PathError
	require.ErrorAs(t, err, &path)
}

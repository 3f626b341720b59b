package option_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/option"
)

// adding is an Option as the packages of this module define theirs.
type adding interface{ apply(sum *int) error }

type add int

func (a add) apply(sum *int) error {
	if a < 0 {
		return errTooSmall
	}
	*sum += int(a)
	return nil
}

var errTooSmall = errors.New("too small")

func TestApply(t *testing.T) {
	tests := []struct {
		name    string
		options []adding
		sum     int
		err     string
	}{
		{"none", nil, 0, ""},
		{"all_in_order", []adding{add(1), add(2)}, 3, ""},
		{"nil_alone", []adding{nil}, 0, "gormtenant: quota.New: option 1 is nil"},
		{
			"nil_behind_another",
			[]adding{add(1), nil, add(2)},
			1,
			"gormtenant: quota.New: option 2 is nil",
		},
		{"error_ends_it", []adding{add(1), add(-1), nil, add(2)}, 1, "too small"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sum := 0
			err := option.Apply("quota.New", test.options,
				func(o adding) error { return o.apply(&sum) })
			if test.err == "" {
				require.NoError(t, err)
			} else {
				require.EqualError(t, err, test.err)
			}
			require.Equal(t, test.sum, sum, "of the options applied")
		})
	}
}

func TestApply_returns_the_error_of_an_option(t *testing.T) {
	var sum int
	err := option.Apply("quota.New", []adding{add(-1)},
		func(o adding) error { return o.apply(&sum) })
	require.ErrorIs(t, err, errTooSmall)
}

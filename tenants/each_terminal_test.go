//go:build linux

package tenants_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/tenants"
)

// terminal returns a pseudo-terminal, and what is written to it, once it is closed.
func terminal(t *testing.T) (tty *os.File, written func() string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = master.Close() })
	control := func(request uintptr, argument *int32) {
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), request,
			uintptr(unsafe.Pointer(argument)))
		require.Zero(t, errno)
	}
	var unlocked, n int32
	control(syscall.TIOCSPTLCK, &unlocked)
	control(syscall.TIOCGPTN, &n)
	tty, err = os.OpenFile(fmt.Sprint("/dev/pts/", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	text := make(chan string, 1)
	go func() {
		var all strings.Builder
		_, _ = bufio.NewReader(master).WriteTo(&all) // ends with EIO when the last tty is closed
		text <- all.String()
	}()
	return tty, func() string {
		require.NoError(t, tty.Close())
		return <-text
	}
}

func TestEach_shows_a_bar_on_a_terminal(t *testing.T) {
	for _, test := range []struct {
		name    string
		term    string
		options []tenants.EachOption
		shows   []string
		not     string
	}{
		{
			"total", "xterm",
			[]tenants.EachOption{tenants.Total(10)},
			[]string{"100%", "(10/10", "█", "tenants (1 failed)"},
			"so far",
		},
		{"no_total", "xterm", nil, []string{"tenants", "(0/-"}, "%"},
		{"dumb_terminal", "dumb", []tenants.EachOption{tenants.Total(10)}, nil, "\r\x1b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("TERM", test.term)
			tty, written := terminal(t)
			_ = tenants.Each(t.Context(), list{n: 10},
				func(_ context.Context, tenant *tenants.Tenant) error {
					if tenant.ID == number(3) {
						return errDown
					}
					return nil
				}, append(test.options, tenants.Progress(tty))...)
			text := written()
			for _, want := range test.shows {
				require.Contains(t, text, want)
			}
			require.NotContains(t, text, test.not)
			require.Regexp(t, `gormtenant: 10( of 10)? tenants in all, 1 failed, after .*s\r\n$`,
				text)
		})
	}
}

// Without Progress, the bar goes to os.Stderr, and only if that is a terminal.
func TestEach_progress_by_default(t *testing.T) {
	t.Setenv("TERM", "xterm")
	stderr := os.Stderr
	t.Cleanup(func() { os.Stderr = stderr })
	job := func(context.Context, *tenants.Tenant) error { return nil }

	tty, written := terminal(t)
	os.Stderr = tty
	require.NoError(t, tenants.Each(t.Context(), list{n: 3}, job))
	require.NoError(t, tenants.Each(t.Context(), list{n: 5}, job, quiet))
	text := written()
	require.Contains(t, text, "gormtenant: 3 tenants in all")
	require.NotContains(t, text, "5 tenants")

	r, w, err := os.Pipe()
	require.NoError(t, err)
	os.Stderr = w
	require.NoError(t, tenants.Each(t.Context(), list{n: 3}, job))
	require.NoError(t, w.Close())
	n, _ := r.Read(make([]byte, 1))
	require.Zero(t, n)
}

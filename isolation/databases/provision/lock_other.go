//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package provision

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/gormtenant/gormtenant/isolation/databases/internal/private"
)

// lockInterval is how often a lock is tried that another holds.
const lockInterval = 10 * time.Millisecond

// lockedFile calls fn while nobody else holds the lock of the same path. A process that is killed
// leaves the file, which has to be removed by hand then.
func lockedFile(ctx context.Context, path string, fn func() error) error {
	for {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, private.File)
		if err == nil {
			defer func() { _ = os.Remove(path) }()
			return errors.Join(file.Close(), fn())
		}
		if !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("lock %s: %w", path, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf(
				"wait for the lock: %w; if no process has it, remove %s", ctx.Err(), path)
		case <-time.After(lockInterval):
		}
	}
}

//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package provision

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/gormtenant/gormtenant/isolation/databases/internal/private"
)

// lockInterval is how often a lock is tried that another holds: waiting for flock ignores contexts.
const lockInterval = 10 * time.Millisecond

// lockedFile calls fn while nobody else holds the lock of the same path. The system releases the
// lock of a process that is killed. The file is removed afterwards.
func lockedFile(ctx context.Context, path string, fn func() error) (err error) {
	for {
		file, err := lockFile(path)
		if err == nil {
			defer func() { _ = file.Close() }()
			defer func() { _ = os.Remove(path) }() // as long as it is locked, lest another's goes
			return fn()
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return fmt.Errorf("lock %s: %w", path, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the lock: %w", ctx.Err())
		case <-time.After(lockInterval):
		}
	}
}

// lockFile returns the locked file, or EWOULDBLOCK if another holds the lock.
func lockFile(path string) (_ *os.File, err error) {
	//nolint:gosec // in the application's own directory
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, private.File)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = file.Close()
		}
	}()
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, err
	}
	locked, err := file.Stat()
	if err != nil {
		return nil, err
	}
	// The previous holder may have removed the file between opening and locking.
	if there, err := os.Lstat(path); err != nil || !os.SameFile(locked, there) {
		return nil, syscall.EWOULDBLOCK
	}
	return file, nil
}

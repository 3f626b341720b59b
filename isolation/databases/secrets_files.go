package databases

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/gormtenant/gormtenant/internal/place"
)

const (
	privateFile = 0o600
	privateDir  = 0o700
	others      = 0o077 // the rights of all but the owner
)

// FileSecrets returns secrets that keep each in a file of mode 0600, in a directory of mode 0700, which is
// made if it is not there. A directory or a file that others can read is refused, as OpenSSH does with
// keys. A file is replaced in one piece: a crash leaves the old or the new.
//
// The passwords are in the files as they are: for where the disk is encrypted, or its reader may know
// them. Windows has no such modes; there the directory has to be protected otherwise.
func FileSecrets(dir string) (Secrets, error) {
	dir, err := makePrivate(dir)
	if err != nil {
		return nil, fmt.Errorf("gormtenant: databases.FileSecrets: %w", err)
	}
	return fileSecrets{dir}, nil
}

// makePrivate makes a directory that only its owner can enter, or checks one that is there, and returns
// where it is, whatever the working directory will be.
func makePrivate(dir string) (string, error) {
	if dir == "" {
		return "", errors.New("it needs the name of a directory")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, privateDir); err != nil {
		return "", err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return "", err
	}
	return dir, checkPrivate(dir, info, privateDir)
}

// checkPrivate says what is wrong with a file or a directory that others have rights to.
func checkPrivate(path string, info fs.FileInfo, mode fs.FileMode) error {
	if runtime.GOOS != "windows" && info.Mode().Perm()&others != 0 {
		return fmt.Errorf("%s has the mode %04o, so that others can get at it: make it %04o (chmod %o)",
			path, info.Mode().Perm(), mode, mode)
	}
	return nil
}

// fileSecrets are secrets in the files of a directory.
type fileSecrets struct{ dir string }

// secretFile is what a file says. It names the database so that a file under another's name is noticed.
type secretFile struct {
	Tenant   string `json:"tenant"`
	Name     string `json:"database"`
	Server   string `json:"server"`
	User     string `json:"user"`
	Password string `json:"password"`
}

// fileOf is the name of a database's file: one that nobody's ID can lead out of the directory, for no two
// databases the same.
func fileOf(d Database) (string, error) {
	name, err := place.Name(d.Tenant)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(d.Tenant + "\x00" + d.Name + "\x00" + d.Server))
	return name + "@" + hex.EncodeToString(sum[:16]) + ".json", nil
}

// within calls fn with the directory, which nothing that fn does can leave, and the file of a database.
func (f fileSecrets) within(d Database, what string, fn func(root *os.Root, name string) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("gormtenant: %s the credentials for the database %q: %w", what, d.Name, err)
		}
	}()
	name, err := fileOf(d)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(f.dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	info, err := root.Stat(".")
	if err != nil {
		return err
	}
	if err := checkPrivate(f.dir, info, privateDir); err != nil {
		return err
	}
	return fn(root, name)
}

func (f fileSecrets) Get(_ context.Context, d Database) (secret Secret, err error) {
	err = f.within(d, "read", func(root *os.Root, name string) error {
		file, err := root.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return ErrNoSecret
		}
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		info, err := file.Stat()
		if err != nil {
			return err
		}
		if err := checkPrivate(filepath.Join(f.dir, name), info, privateFile); err != nil {
			return err
		}
		text, err := io.ReadAll(file)
		if err != nil {
			return err
		}
		var kept secretFile
		// The error of the decoder would quote what it has read.
		if json.Unmarshal(text, &kept) != nil || d != (Database{kept.Tenant, kept.Name, kept.Server}) {
			return fmt.Errorf("%s is not the file of this database", filepath.Join(f.dir, name))
		}
		secret = Secret{kept.User, kept.Password}
		return nil
	})
	return secret, err
}

func (f fileSecrets) Put(_ context.Context, d Database, secret Secret) error {
	return f.within(d, "keep", func(root *os.Root, name string) error {
		text, err := json.Marshal(secretFile{d.Tenant, d.Name, d.Server, secret.User, secret.Password}) //nolint:gosec // on purpose
		if err != nil {
			return err
		}
		unfinished := name + "." + rand.Text() + ".tmp"
		if err := writeFile(root, unfinished, text); err != nil {
			return errors.Join(err, removeAll(root, unfinished))
		}
		if err := root.Rename(unfinished, name); err != nil {
			return errors.Join(err, removeAll(root, unfinished))
		}
		return syncDir(f.dir)
	})
}

// Delete also removes what a crash in Put left.
func (f fileSecrets) Delete(_ context.Context, d Database) error {
	return f.within(d, "forget", func(root *os.Root, name string) error {
		unfinished, err := fs.Glob(root.FS(), name+".*.tmp")
		if err != nil {
			return err
		}
		if err := removeAll(root, append(unfinished, name)...); err != nil {
			return err
		}
		return syncDir(f.dir)
	})
}

// writeFile makes a file, and returns when it is on the disk.
func writeFile(root *os.Root, name string, text []byte) error {
	file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, privateFile)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

func removeAll(root *os.Root, names ...string) error {
	for _, name := range names {
		if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// syncDir makes the renaming of a file last. Windows cannot do that to a directory, and need not.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	file, err := os.Open(dir) //nolint:gosec // the application's own directory
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

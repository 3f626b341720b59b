package credentials

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

	"github.com/gormtenant/gormtenant/internal/tenantname"
	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/isolation/databases/internal/private"
)

// InFiles returns secrets that are kept in files of mode 0600, one each, in a directory of mode
// 0700, which it makes. A directory or a file that others can read is refused, as OpenSSH refuses
// such keys. A file is replaced atomically: a crash leaves the old or the new one.
//
// The passwords are stored in plain text: use it where the disk is encrypted, or where its readers
// may know them. Windows has no such modes; protect the directory there by other means.
func InFiles(dir string) (Secrets, error) {
	dir, err := private.MakeDir(dir)
	if err != nil {
		return nil, fmt.Errorf("gormtenant: credentials.InFiles: %w", err)
	}
	return fileSecrets{dir}, nil
}

// fileSecrets are secrets in the files of a directory.
type fileSecrets struct{ dir string }

// secretFile is what a file says. It names the database so that a file under another's name is
// noticed.
type secretFile struct {
	Tenant   string `json:"tenant"`
	Name     string `json:"database"`
	Server   string `json:"server"`
	User     string `json:"user"`
	Password string `json:"password"`
}

func (f secretFile) database() databases.Database {
	return databases.Database{Tenant: f.Tenant, Name: f.Name, Server: f.Server}
}

// fileOf is the name of a database's file: one that nobody's ID can lead out of the directory, for
// no two databases the same.
func fileOf(d databases.Database) (string, error) {
	name, err := tenantname.Name(d.Tenant)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(d.Tenant + "\x00" + d.Name + "\x00" + d.Server))
	return name + "@" + hex.EncodeToString(sum[:16]) + ".json", nil
}

// within calls fn with the directory, which nothing that fn does can leave, and the file of a
// database.
func (f fileSecrets) within(
	d databases.Database, what string, fn func(root *os.Root, name string) error,
) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf(
				"gormtenant: %s the credentials for the database %q: %w", what, d.Name, err)
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
	if err := private.Check(f.dir, info, private.Dir); err != nil {
		return err
	}
	return fn(root, name)
}

func (f fileSecrets) Get(_ context.Context, d databases.Database) (secret Secret, err error) {
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
		if err := private.Check(filepath.Join(f.dir, name), info, private.File); err != nil {
			return err
		}
		text, err := io.ReadAll(file)
		if err != nil {
			return err
		}
		var kept secretFile
		// The error of the decoder would quote what it has read.
		if json.Unmarshal(text, &kept) != nil || d != kept.database() {
			return fmt.Errorf("%s is not the file of this database", filepath.Join(f.dir, name))
		}
		secret = Secret{kept.User, kept.Password}
		return nil
	})
	return secret, err
}

func (f fileSecrets) Put(_ context.Context, d databases.Database, secret Secret) error {
	return f.within(d, "keep", func(root *os.Root, name string) error {
		kept := secretFile{d.Tenant, d.Name, d.Server, secret.User, secret.Password}
		text, err := json.Marshal(kept) //nolint:gosec // on purpose
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
		return private.SyncDir(f.dir)
	})
}

// Delete also removes what a crash in Put left.
func (f fileSecrets) Delete(_ context.Context, d databases.Database) error {
	return f.within(d, "forget", func(root *os.Root, name string) error {
		unfinished, err := fs.Glob(root.FS(), name+".*.tmp")
		if err != nil {
			return err
		}
		if err := removeAll(root, append(unfinished, name)...); err != nil {
			return err
		}
		return private.SyncDir(f.dir)
	})
}

// writeFile makes a file, and returns when it is on the disk.
func writeFile(root *os.Root, name string, text []byte) error {
	file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, private.File)
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

package databases

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
)

// oneServer is an opener that knows one server, which has no name.
type oneServer struct{ Opener }

// Open refuses databases on other servers: another database may have the same name here.
func (o oneServer) Open(ctx context.Context, database Database) (driver.Connector, error) {
	if database.Server != "" {
		return nil, fmt.Errorf(
			"gormtenant: the tenant's placement names the server %q, and databases.Servers names "+
				"none",
			database.Server)
	}
	return o.Opener.Open(ctx, database)
}

func (o oneServer) check() error                     { return check(o.Opener) }
func (o oneServer) foldsCase() bool                  { return foldsCase(o.Opener) }
func (o oneServer) memory() (driver.Connector, bool) { return memoryOf(o.Opener) }

// Servers opens databases on several servers, by the names that placements have for them. The one
// named "" is for placements that name none. Statements of a tenant whose server is not among them
// fail.
//
//	databases.Servers(map[string]databases.Opener{
//		"": databases.Postgres(frankfurt), "dublin": databases.Postgres(dublin),
//	})
func Servers(byName map[string]Opener) Opener { return servedBy(byName) }

type servedBy map[string]Opener

func (s servedBy) check() error {
	if len(s) == 0 {
		return errors.New("gormtenant: databases.Servers needs servers")
	}
	for name, opener := range s {
		if opener == nil {
			return fmt.Errorf("gormtenant: databases.Servers: the server %q has no opener", name)
		}
		if err := check(opener); err != nil {
			return err
		}
	}
	return nil
}

// Open asks the server's opener.
func (s servedBy) Open(ctx context.Context, database Database) (driver.Connector, error) {
	opener, ok := s[database.Server]
	if !ok {
		return nil, fmt.Errorf(
			"gormtenant: the tenant's placement names the server %q, and databases.Servers does "+
				"not",
			database.Server)
	}
	if one, ok := opener.(oneServer); ok {
		opener = one.Opener
	}
	return opener.Open(ctx, database)
}

func (s servedBy) foldsCase() bool {
	for _, opener := range s {
		if foldsCase(opener) {
			return true
		}
	}
	return false
}

func (s servedBy) memory() (driver.Connector, bool) {
	for _, opener := range s {
		if connector, ok := memoryOf(opener); ok {
			return connector, ok
		}
	}
	return nil, false
}

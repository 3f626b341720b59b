package databases_test

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/glebarez/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/isolation/databases"
)

// Each tenant has a file of its own, so queries need no condition. Without a tenant they fail.
func ExampleNewPools() {
	dir, err := os.MkdirTemp("", "tenants")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	pools, err := databases.NewPools(databases.SQLite(dir, databases.CreateFiles()))
	if err != nil {
		panic(err)
	}
	defer func() { _ = pools.Close() }()
	db, err := gorm.Open(sqlite.Dialector{Conn: pools}, &gorm.Config{Logger: logger.Discard})
	if err != nil {
		panic(err)
	}
	for _, tenant := range []string{"acme", "zeta"} {
		own := db.WithContext(gormtenant.WithTenant(context.Background(), tenant))
		if err := own.AutoMigrate(&Note{}); err != nil {
			panic(err)
		}
		own.Create(&Note{Text: "of " + tenant})
		var notes []Note
		own.Find(&notes)
		fmt.Println(len(notes), notes[0].Text)
	}
	fmt.Println(errors.Is(db.Find(&[]Note{}).Error, gormtenant.ErrNoTenant))
	// Output:
	// 1 of acme
	// 1 of zeta
	// true
}

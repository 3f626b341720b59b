package migrations_test

import (
	"context"
	"fmt"

	"github.com/glebarez/sqlite"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/isolation/migrations"
)

func ExampleApply() {
	db, err := gorm.Open(sqlite.Open("file:example?mode=memory&cache=shared"), &gorm.Config{})
	if err != nil {
		panic(err)
	}
	list := []migrations.Migration{
		migrations.Models("0001", &Author{}, &Book{}),
		{Version: "0002", Up: func(_ context.Context, db *gorm.DB) error {
			return db.Exec("ALTER TABLE books ADD COLUMN pages int NOT NULL DEFAULT 0").Error
		}},
	}
	for range 2 {
		applied, err := migrations.Apply(context.Background(), db, list)
		fmt.Println(applied, err)
	}
	// Output:
	// [0001 0002] <nil>
	// [] <nil>
}

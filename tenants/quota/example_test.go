package quota_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/glebarez/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/quota"
)

func Example() {
	db, err := gorm.Open(sqlite.Open("file:quota?mode=memory&cache=shared"),
		&gorm.Config{Logger: logger.Discard})
	if err != nil {
		panic(err)
	}
	err = errors.Join(
		db.Use(tenantplugin.New()),
		db.Use(quota.New(quota.Limit(&project{}, tenants.Projects))),
		db.AutoMigrate(&project{}),
		quota.Migrate(db),
	)
	if err != nil {
		panic(err)
	}

	// The middleware puts the tenant into the request's context like this.
	acme := &tenants.Tenant{ID: "acme", Status: tenants.Active, Plan: "free"}
	ctx := tenants.NewContext(context.Background(), acme)

	for _, name := range []string{"site", "app", "api", "blog"} {
		err := db.WithContext(ctx).Create(&project{Slug: name}).Error
		var exceeded *tenants.LimitError
		if errors.As(err, &exceeded) {
			fmt.Printf("%s: %d %s at most, please upgrade\n", name, exceeded.Limit, exceeded.Name)
		}
	}
	// Output: blog: 3 projects at most, please upgrade
}

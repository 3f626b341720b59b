package app // want package:"tenant tables projects remarks tasks"

import (
	"context"
	"fmt"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/scopes"
	"gorm.io/gorm"
	"store"
)

var columns = map[string]string{"name": "name", "age": "created_at"}

func texts(db *gorm.DB, name string, id int) {
	var rows []store.Project
	db.Where("name = '" + name + "'").Find(&rows)             // want `rawtext: .* cannot be known`
	db.Where(fmt.Sprintf("name = '%s'", name)).Find(&rows)    // want `rawtext: .* cannot be known`
	db.Raw("SELECT * FROM remarks WHERE " + name).Scan(&rows) // want `names remarks, a tenant's`
	db.Exec(fmt.Sprintf("DELETE FROM projects %s", name))     // want `names projects, a tenant's`
	db.First(&rows, name)                                     // want `rawtext: the text given to First`
	db.Model(&rows).Where("a = ?", gorm.Expr(name))           // want `rawtext: the text given to gorm.Expr`
	for column := range map[string]bool{name: true} {
		db.Where(column+" = ?", 1).Find(&rows) // want `rawtext`
	}
	db.Where("name = ?", name).Find(&rows)
	db.Order(columns[name] + " DESC").Find(&rows)
	db.Where(fmt.Sprintf("id = %d", id)).Find(&rows)
	order := "name"
	if id > 1 {
		order += " DESC"
	}
	db.Order(order).Find(&rows)
	db.First(&rows, id)
	db.Order(name).Find(&rows) //tenantlint:ignore only a migration calls this
}

type repo struct{ db *gorm.DB }

func (r *repo) contexts(ctx context.Context, other *gorm.DB) {
	var rows []store.Project
	r.db.Find(&rows)                // want `context: Find runs without the context`
	r.db.Where("a = 1").Find(&rows) // want `context: Find runs without the context`
	r.db.WithContext(ctx).Find(&rows)
	r.db.Scopes(scopes.Tenant("acme")).Find(&rows)
	q := r.db.WithContext(ctx).Where("a = 1")
	q = q.Where("b = 2")
	q.Find(&rows)
	plain := r.db.Where("a = 1")
	plain.Find(&rows)                          // want `context: Find runs without the context`
	r.db.Transaction(func(tx *gorm.DB) error { // want `context: Transaction runs without`
		return tx.Create(&rows).Error
	})
	r.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error { return save(ctx, tx) })
	r.db.WithContext(context.Background()).Find(&rows) // want `background: this context has no tenant`
	late := context.TODO()
	r.db.WithContext(late).Find(&rows) // want `background: this context has no tenant`
	r.db.WithContext(context.WithoutCancel(ctx)).Find(&rows)
}

func save(ctx context.Context, tx *gorm.DB) error { return tx.Create(&store.Project{}).Error }

func start(db *gorm.DB) {
	db.WithContext(context.Background()).Find(&[]store.Project{})
}

func reasons(ctx context.Context, db *gorm.DB) {
	_ = gormtenant.Unscoped(ctx, " ") // want `reason: Unscoped without a reason`
	_ = scopes.Unscoped("")           // want `reason: Unscoped without a reason`
	_ = scopes.Unscoped("invoicing")
}

func pools(db *gorm.DB, ctx context.Context) {
	pool, err := db.DB()
	_ = err
	pool.SetMaxOpenConns(3)
	pool.Query("SELECT 1")                                                   // want `bypass: Query on what db.DB`
	use(pool)                                                                // want `bypass: what gets the pool`
	_ = db.Session(&gorm.Session{Context: ctx})                              // want `bypass: Session changes`
	_ = db.Scopes(scopes.Tenant("acme")).Session(&gorm.Session{NewDB: true}) // want `bypass: NewDB drops`
	_ = db.Session(&gorm.Session{NewDB: true})
}

func use(any) {}

/* want `without a reason silences nothing` */ //tenantlint:ignore

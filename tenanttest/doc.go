// Package tenanttest proves in an application's own test suite that its own models are isolated, on
// its own database:
//
//	func TestTenantIsolation(t *testing.T) {
//		tenanttest.Run(t, func(t *testing.T) *gorm.DB { return openMyDatabase(t) },
//			&Project{}, &User{}, &Invoice{},
//			tenanttest.Shared(&Country{}))
//	}
//
// Run makes rows for two tenants and then attacks: every kind of statement that GORM knows, on
// every model and along every relation, as the one tenant against the rows of the other, and with
// no tenant at all. After each attack that sent more than a SELECT it compares the other tenant's
// rows, byte for byte. It also looks at how the models are made: see [Run] for the list.
//
// The package links GORM and gormtenant and nothing else.
//
// # What it promises
//
// A finding is a fact: Run prints the call, the SQL that it sent, and the rows that leaked or
// changed. It compares rows and does not know how the plugin works, so that it finds holes in the
// plugin as well as in models.
//
// # What it does not
//
// Run proves nothing about statements that the application writes itself: its raw SQL, hooks and
// clauses are attacked only where Run's own statements go through them. It covers the models that
// it is given, and no tables without a model.
//
// # Reading the code
//
// Begin with tenanttest.go, the order of events; then attack.go, what an attack is and how it is
// judged; then reads.go, the longest list of them.
package tenanttest

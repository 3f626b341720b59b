// Package oracle checks the promise of this module as one law: many tenants in one database must
// be indistinguishable from one database for each.
//
// It runs the same program of GORM calls twice. Once as tenant A, with the plugin, in a shared
// database that also holds the rows of B and C. Once without the plugin, in a database that holds
// A's rows and no others. After each step everything that the program can see must be the same: the
// rows it read, its associations, counts and plucked values, the errors by their kind, the numbers
// of affected rows, what its values hold in memory; and so must all rows of A, those of the join
// tables included. The rows of B and C must be byte for byte what they were, and no row of a join
// table may lead from A's rows to theirs.
//
// Where a key of another tenant makes the two differ by right, one of the rules in rules.go says
// so and why. Nothing else may differ. After such a step the program is not compared any further,
// but the rows of the others are watched to its end.
//
// # The plain side
//
// The models of the example embed models.TenantModel, which refuses to run without the plugin. The
// plain side is to be GORM as it is, so nothing of the plugin is used there: a stub is registered
// under the plugin's name, which fills an empty tenant field of what is created, as an application
// of one customer would. That the rest of such a database knows one tenant only is left to the
// database: the column has a default, and a trigger sets it back where a Save wrote the zero value.
// No callback and no clause builder of the plain side touches a query, an update or a delete.
//
// Both databases hand out the same new keys: their sequences are set before each program.
//
// # Programs
//
// A program is data: a tree of calls and literals, drawn at random, that can be run on either side
// and written as Go source. Because it is drawn before it is run, rapid can shrink it; what is left
// of a counter-example is printed as a test to paste, which calls [Same]. `make hunt` looks for
// one for as long as one likes.
package oracle

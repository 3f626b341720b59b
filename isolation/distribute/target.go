package distribute

import (
	"errors"
	"fmt"
)

// Target is what tables are spread over: [HashPartitions] or [Citus].
type Target struct {
	partitions int
	citus      bool
}

// mostPartitions keeps a slip of the pen from making a million tables.
const mostPartitions = 4096

// HashPartitions makes every tenant table one of n native partitions by hash of the tenant, on the
// same server. A statement that names its tenant, as each one of the plugin does, reads one
// partition. n stays what it is: another number means other partitions for most rows.
func HashPartitions(n int) Target { return Target{partitions: n} }

// Citus distributes every tenant table by its tenant column over the workers of a Citus cluster
// (https://docs.citusdata.com), all of them in one group: the rows of a tenant are on one machine.
// The database is the one of the coordinator, with the extension and its workers.
func Citus() Target { return Target{citus: true} }

func (to Target) validate() error {
	switch {
	case to.citus:
		return nil
	case to.partitions == 0:
		return errors.New("gormtenant: distribute needs a target: " +
			"distribute.Citus() or distribute.HashPartitions(32)")
	case to.partitions < 1 || to.partitions > mostPartitions:
		return fmt.Errorf("gormtenant: distribute.HashPartitions(%d): 1 to %d partitions, please",
			to.partitions, mostPartitions)
	}
	return nil
}

// reference is what Reference returns.
type reference struct{ models []any }

// Reference marks models, among those given to [Statements], [Apply] and [Check], whose tables
// every shard needs whole: those that belong to nobody, and that tenants' tables refer to. On Citus
// they become reference tables, of which each machine has a copy. Partitions leave them as they
// are.
func Reference(models ...any) any { return reference{models} }

// split parts references from models.
func split(given []any) (models, references []any) {
	for _, arg := range given {
		if r, ok := arg.(reference); ok {
			references = append(references, r.models...)
		} else {
			models = append(models, arg)
		}
	}
	return models, references
}

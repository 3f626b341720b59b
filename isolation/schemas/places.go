package schemas

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/pgsession"
	"github.com/gormtenant/gormtenant/internal/tenantname"
)

const (
	// verifiedFor is for how long a mark that was read is believed: other processes may rename
	// schemas.
	verifiedFor = time.Minute
	// mostPlaces is how many tenants are remembered.
	mostPlaces = 100_000
)

// places remembers in which schema each tenant was last found to be at home. It is safe for
// concurrent use.
type places struct {
	start time.Time
	mutex *sync.RWMutex
	last  map[string]place // by the tenant's ID
}

// place is a schema that has the mark of its tenant.
type place struct {
	schema string        // its pgsession.Setting.Mark
	until  time.Duration // since the start
}

func newPlaces() places {
	return places{start: time.Now(), mutex: new(sync.RWMutex), last: map[string]place{}}
}

// known reports whether the schema was seen to be the tenant's.
func (p *places) known(tenant, schema string) bool {
	p.mutex.RLock()
	at := p.last[tenant]
	p.mutex.RUnlock()
	return at.schema == schema && time.Since(p.start) < at.until
}

// remember notes that the schema is the tenant's, and forgets where the tenant was before.
func (p *places) remember(tenant, schema string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if len(p.last) >= mostPlaces {
		clear(p.last)
	}
	p.last[tenant] = place{schema, time.Since(p.start) + verifiedFor}
}

var _ pgsession.Verifier = (*router)(nil)

// commentQuery reads the comment of a schema. Every name in it has its schema, so that no path, and
// nothing that a tenant's SQL made, changes its meaning.
const commentQuery = "SELECT coalesce(pg_catalog.obj_description(oid, 'pg_namespace'), '') " +
	"FROM pg_catalog.pg_namespace WHERE nspname OPERATOR(pg_catalog.=) "

// Verify returns an error unless the schema in front of the path has the mark of the tenant in ctx:
// a directory can name any.
func (r *router) Verify(
	ctx context.Context, settings []pgsession.Setting, on pgsession.Asked,
) error {
	id, ok := gormtenant.FromContext(ctx)
	if !ok {
		return nil
	}
	text, err := tenantname.TextOf(id)
	if err != nil {
		return err
	}
	schema := settings[0].Mark
	if r.places.known(text, schema) {
		return nil
	}
	name, err := r.nameOf(ctx, text)
	if err != nil {
		return err
	}
	comments, err := on.Column(ctx, commentQuery+pgsession.Literal(name))
	switch {
	case err != nil:
		return fmt.Errorf("gormtenant: reading whose the tenant's schema is: %w", err)
	case len(comments) == 0:
		return nil // the server says that there is no such table, or role
	case comments[0] == "":
		return errUnmarked
	case comments[0] != mark+text:
		return errOfAnother
	}
	r.places.remember(text, schema)
	return nil
}

var (
	errUnmarked = fmt.Errorf("%w: it has no mark: if it is the tenant's, Adopt of "+
		"schemas.Provisioner gives it one, or COMMENT ON SCHEMA ... IS '"+mark+
		"' and the tenant's ID", ErrNotOurs)
	errOfAnother = fmt.Errorf("%w: it has another's mark: correct the tenant's placement in the "+
		"directory, or what schemas.Names returns", ErrNotOurs)
)

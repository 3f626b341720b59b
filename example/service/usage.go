package service

import (
	"context"
	"net/http"
	"sync"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/example/saas"
	"github.com/gormtenant/gormtenant/tenants"
)

type usageJSON struct {
	Tenant string           `json:"tenant"`
	Name   string           `json:"name"`
	Status tenants.Status   `json:"status"`
	Plan   string           `json:"plan"`
	Level  tenants.Level    `json:"level"`
	Left   []tenants.Level  `json:"left,omitempty"` // where old rows are still to be removed
	Rows   map[string]int64 `json:"rows"`           // by table
}

// usage answers with how many rows each tenant has. It is the one place that works across tenants:
// with one query for all those in the shared tables, and as each tenant whose rows are elsewhere.
func (s *Server) usage(r *http.Request) (answer, error) {
	rows, err := s.sharedRows(r.Context())
	if err != nil {
		return answer{}, err
	}
	var mu sync.Mutex
	elsewhere := func(t *tenants.Tenant) bool { return t.Placement.Normal().Level != tenants.Rows }
	err = tenants.Each(r.Context(), s.store, func(ctx context.Context, t *tenants.Tenant) error {
		counted, err := s.ownRows(ctx)
		mu.Lock()
		defer mu.Unlock()
		rows[t.ID] = counted // instead of those that it may have left in the shared tables
		return err
	}, tenants.Everyone(), tenants.Only(elsewhere), tenants.Progress(nil))
	if err != nil {
		return answer{}, err
	}
	out := struct {
		Tenants []usageJSON `json:"tenants"`
	}{[]usageJSON{}}
	for t, err := range s.store.List(r.Context(), "") {
		if err != nil {
			return answer{}, err
		}
		one := usageJSON{
			t.Slug, t.Name, t.Status, t.Plan, t.Placement.Normal().Level, nil, rows[t.ID],
		}
		for _, left := range t.Left {
			one.Left = append(one.Left, left.Normal().Level)
		}
		out.Tenants = append(out.Tenants, one)
	}
	return ok(out)
}

// sharedRows counts the rows in the shared tables by tenant and table.
func (s *Server) sharedRows(ctx context.Context) (map[string]map[string]int64, error) {
	db := s.db.WithContext(gormtenant.Unscoped(ctx, "usage report"))
	rows := map[string]map[string]int64{}
	for _, model := range saas.Models() {
		var counted []struct {
			TenantID string
			N        int64
		}
		tx := db.Model(model).Select("tenant_id, count(*) AS n").Group("tenant_id").Scan(&counted)
		if tx.Error != nil {
			return nil, tx.Error
		}
		for _, c := range counted {
			if rows[c.TenantID] == nil {
				rows[c.TenantID] = map[string]int64{}
			}
			rows[c.TenantID][tx.Statement.Table] = c.N
		}
	}
	return rows, nil
}

// ownRows counts the rows of the context's tenant by table, wherever they are.
func (s *Server) ownRows(ctx context.Context) (map[string]int64, error) {
	rows := map[string]int64{}
	for _, model := range saas.Models() {
		var n int64
		tx := s.db.WithContext(ctx).Model(model).Count(&n)
		if tx.Error != nil {
			return nil, tx.Error
		}
		if n > 0 {
			rows[tx.Statement.Table] = n
		}
	}
	return rows, nil
}

package tenanttest

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
)

// nameTenants decides who the two tenants are. Those that are rows are made later.
func (k *kit) nameTenants() error {
	random := make([]byte, 4)
	if _, err := rand.Read(random); err != nil {
		return err
	}
	k.stamp = hex.EncodeToString(random)
	base := k.db.Statement.Context
	// What makes the markers differ is at the end, where it survives in a short column.
	k.ours = tenant{index: 0, marker: k.stamp + "a", ctx: base}
	k.theirs = tenant{index: 1, marker: k.stamp + "b", ctx: base}
	ids := k.ids
	if ids == nil {
		var err error
		if ids, err = k.makeTenants(random); ids == nil {
			return err
		}
	}
	k.identify(ids)
	return nil
}

func (k *kit) identify(ids []any) {
	k.ours.id, k.theirs.id = ids[0], ids[1]
	k.ours.ctx = gormtenant.WithTenant(k.db.Statement.Context, k.ours.id)
	k.theirs.ctx = gormtenant.WithTenant(k.db.Statement.Context, k.theirs.id)
}

// makeTenants makes up two IDs that fit the tenant columns, none if the tenants have to be rows.
func (k *kit) makeTenants(random []byte) ([]any, error) {
	var field *schema.Field
	for _, m := range k.models {
		if m.tenant == nil {
			continue
		}
		if k.tenantRef(m) != nil {
			return nil, nil
		}
		// Of several types the narrowest: what fits it fits the others.
		if field == nil || isUUID(m.tenant) || m.tenant.GORMDataType != schema.String &&
			!isUUID(field) {
			field = m.tenant
		}
	}
	switch {
	case field == nil:
		return nil, errors.New("tenanttest: none of the models has a tenant field: " +
			"embed models.TenantModel in those whose rows belong to a tenant")
	case isUUID(field):
		return []any{
			k.stamp + "-0000-4000-8000-00000000000a", k.stamp + "-0000-4000-8000-00000000000b",
		}, nil
	case field.GORMDataType == schema.String:
		limits := limitsOf(field)
		return []any{limits.text(k.ours.marker, 0), limits.text(k.theirs.marker, 1)}, nil
	case field.GORMDataType == schema.Int || field.GORMDataType == schema.Uint:
		n := int64(1<<23 | int(random[0])<<16 | int(random[1])<<8 | int(random[2]))
		if field.Size > 0 && field.Size < 32 {
			n %= 100
		}
		return []any{n + 1, n + 2}, nil
	}
	return nil, fmt.Errorf("tenanttest: no ID can be made up for %s.%s: pass two with "+
		"tenanttest.Tenants",
		field.Schema.Name, field.Name)
}

// tenantRef is the foreign key that the tenant column of a model is, if it is one.
func (*kit) tenantRef(m *model) *ref {
	for _, r := range m.refs {
		if m.tenant != nil && r.parent.tenant == nil && len(r.pairs) == 1 &&
			r.pairs[0].foreign == m.tenant {
			return r
		}
	}
	return nil
}

// makeTenantRows makes two rows of the model that a tenant column refers to, unless the tenants are
// known.
func (k *kit) makeTenantRows() error {
	for _, m := range k.models {
		r := k.tenantRef(m)
		if r == nil || k.ours.id != nil {
			continue
		}
		if err := k.makeShared(r.parent, 2); err != nil {
			return err
		}
		var ids []any
		for _, row := range r.parent.rows[0] {
			id, _ := k.valueOf(r.pairs[0].primary, row)
			ids = append(ids, id)
		}
		k.identify(ids)
	}
	return nil
}

// as returns a *gorm.DB whose statements run as a tenant.
func (k *kit) as(t tenant) *gorm.DB { return k.db.WithContext(t.ctx) }

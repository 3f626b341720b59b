package distribute

import (
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant/internal/tenanttable"
)

// finding is a rule that a model or a table breaks.
func finding(format string, args ...any) error {
	return fmt.Errorf("gormtenant: distribute: "+format, args...)
}

// rules returns what the models break of the rules. It needs no server.
func (p *plan) rules() (found []error) {
	add := func(errs ...error) { found = append(found, errs...) }
	for _, t := range p.tables {
		if t.known.Joins && len(t.known.Fields) != 1 {
			add(p.joinRule(t))
			continue
		}
		add(p.keyRule(t), p.serialRule(t))
		add(p.uniqueRules(t)...)
		if t.tenant != "" {
			add(p.columnRule(t))
		}
	}
	for _, t := range p.all() {
		for _, rel := range relations(t.model) {
			add(p.relationRule(rel))
		}
	}
	return slices.DeleteFunc(found, func(err error) bool { return err == nil })
}

// keyRule is: the primary key contains the tenant column.
func (p *plan) keyRule(t *table) error {
	key := columns(t.model.PrimaryFields)
	switch {
	case len(key) == 0:
		return finding("%s: the model has no primary key: tag %s gorm:\"tenant;primaryKey\", and "+
			"another field gorm:\"primaryKey\"", t.name, tenantField(t))
	case !slices.Contains(key, t.tenant):
		return finding("%s: the primary key (%s) has no %s: tag %s gorm:\"tenant;primaryKey\"",
			t.name, strings.Join(key, ", "), t.tenant, tenantField(t))
	}
	return nil
}

func tenantField(t *table) string { return t.known.Fields[0].Name }

// serialRule is: keys are bigserial or uuid.
func (p *plan) serialRule(t *table) error {
	if !p.to.citus {
		return nil
	}
	for _, field := range t.model.PrimaryFields {
		if kind := strings.ToLower(p.kindOf(field)); kind == "serial" || kind == "smallserial" {
			return finding("%s.%s is %s, of which workers cannot take numbers: make it uint or "+
				"int64 (bigserial), or a uuid", t.name, field.DBName, kind)
		}
	}
	return nil
}

// kindOf returns the type that a migration gives to a column.
func (p *plan) kindOf(field *schema.Field) string { return tenanttable.ColumnType(p.db, field) }

// uniqueRules are: every unique index contains the tenant column, and so does every constraint.
func (p *plan) uniqueRules(t *table) (found []error) {
	for _, index := range t.model.ParseIndexes() {
		if !strings.EqualFold(index.Class, "UNIQUE") {
			continue
		}
		has := slices.ContainsFunc(index.Fields, func(o schema.IndexOption) bool {
			return o.Field != nil && o.Expression == "" && o.DBName == t.tenant
		})
		if !has {
			found = append(found, finding("%s: the unique index %s has no %s: tag %s "+
				"gorm:\"uniqueIndex:%s,priority:1\"", t.name, index.Name, t.tenant, tenantField(t),
				index.Name))
		}
	}
	for name, unique := range t.model.ParseUniqueConstraints() {
		found = append(found, finding("%s: the unique constraint %s has no %s: in place of "+
			"gorm:\"unique\", tag %s gorm:\"uniqueIndex:idx_%s_%s,priority:1\" and %s "+
			"gorm:\"uniqueIndex:idx_%s_%s,priority:2\"", t.name, name, t.tenant, tenantField(t),
			t.known.Name, unique.Field.DBName, unique.Field.Name, t.known.Name,
			unique.Field.DBName))
	}
	slices.SortFunc(found, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return found
}

// columnRule is: the tenant column is NOT NULL, not generated, and of one type.
func (p *plan) columnRule(t *table) error {
	field := t.known.Field
	if !field.NotNull && !field.PrimaryKey {
		return finding("%s.%s may be NULL: tag %s gorm:\"tenant;not null\"", t.name, t.tenant,
			field.Name)
	}
	if field.TagSettings["GENERATED"] != "" {
		return finding("%s.%s is generated: rows are spread by a column that is written", t.name,
			t.tenant)
	}
	first := p.tables[0]
	for first.tenant == "" {
		first = p.tables[1+slices.Index(p.tables, first)]
	}
	mine, others := base(p.kindOf(field)), base(p.kindOf(first.known.Field))
	if mine != others {
		return finding("%s.%s is %s, %s.%s %s: give them one type, or their rows cannot be "+
			"together", t.name, t.tenant, mine, first.name, first.tenant, others)
	}
	return nil
}

// base returns a type without what it says of the length.
func base(kind string) string {
	kind, _, _ = strings.Cut(strings.ToLower(kind), "(")
	switch kind = strings.TrimSpace(kind); kind {
	case "character varying":
		return "varchar"
	case "bigserial":
		return "bigint"
	case "serial":
		return "integer"
	}
	return kind
}

// joinRule is: a join table has one tenant column.
func (p *plan) joinRule(t *table) error {
	for _, owner := range p.tables {
		for _, rel := range owner.model.Relationships.Many2Many {
			if rel.JoinTable == nil || rel.JoinTable.Table != t.name {
				continue
			}
			var own, ownKey, other, otherKey string
			for _, ref := range rel.References {
				key := ref.PrimaryKey
				side := p.named(key.Schema.Table)
				switch {
				case side != nil && side.tenant == key.DBName:
				case ref.OwnPrimaryKey:
					own, ownKey = capital(key.Schema.Name)+key.Name, key.Name
				default:
					other, otherKey = capital(key.Schema.Name)+key.Name, key.Name
				}
			}
			tenant := tenantField(owner)
			return finding("%s: the join table needs one tenant column: tag %s.%s "+
				"gorm:\"many2many:"+
				"%s;foreignKey:%[5]s,%[6]s;joinForeignKey:%[5]s,%[7]s;references:%[5]s,%[8]s;"+
				"joinReferences:%[5]s,%[9]s\"", t.name, owner.model.Name, rel.Name, t.name,
				tenant, ownKey, own, otherKey, other)
		}
	}
	return finding("%s: the join table needs one tenant column", t.name)
}

// capital returns the name of a type as GORM begins the names of fields with it.
func capital(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

// relations returns the relations of a model.
func relations(model *schema.Schema) []*schema.Relationship {
	all := &model.Relationships
	return slices.Concat(all.BelongsTo, all.HasOne, all.HasMany)
}

// relationRule is: a foreign key between tenants' tables has the tenant of both, and neither
// empties nor changes it; a table that is nobody's refers to no tenants' table.
func (p *plan) relationRule(rel *schema.Relationship) error {
	if rel.Polymorphic != nil || rel.Field.IgnoreMigration ||
		p.db.DisableForeignKeyConstraintWhenMigrating || p.db.IgnoreRelationshipsWhenMigrating {
		return nil
	}
	made := rel.ParseConstraint()
	if made == nil || made.Schema == nil || made.ReferenceSchema == nil {
		return nil
	}
	child, parent := p.named(made.Schema.Table), p.named(made.ReferenceSchema.Table)
	name := rel.Schema.Table + "." + rel.Name
	switch {
	case parent == nil && child != nil:
		if p.to.citus && !p.isShared(made.ReferenceSchema.Table) {
			return finding("%s: %s is a local table, to which a distributed one cannot refer: "+
				"add distribute.Reference(&%s{})", name, made.ReferenceSchema.Table,
				made.ReferenceSchema.Name)
		}
		return nil
	case parent == nil:
		return nil
	case child == nil:
		return p.outsideRule(name, made, parent)
	}
	if !pairs(made, child.tenant, parent.tenant) {
		return finding("%s: the foreign key %s has no tenant: tag it "+
			"gorm:\"foreignKey:%s,%s;references:%s,%s\"", name, made.Name,
			tenantField(child), fieldNames(made.ForeignKeys), tenantField(parent),
			fieldNames(made.References))
	}
	return actionRule(made.Name, made.OnDelete, made.OnUpdate, child.tenant)
}

func (p *plan) outsideRule(name string, made *schema.Constraint, parent *table) error {
	if p.to.citus {
		return finding("%s: %s is nobody's and refers to %s: a reference table cannot refer to a "+
			"distributed one: make %s a tenant's, or tag the relation gorm:\"constraint:-\"", name,
			made.Schema.Table, parent.name, made.Schema.Table)
	}
	if !slices.Contains(columns(made.References), parent.tenant) {
		return finding("%s: the foreign key %s refers to %s without its tenant: make %s a "+
			"tenant's, or tag the relation gorm:\"constraint:-\"", name, made.Name, parent.name,
			made.Schema.Table)
	}
	return nil
}

// pairs reports whether a foreign key has the tenant of both tables, at one place.
func pairs(made *schema.Constraint, child, parent string) bool {
	for i, field := range made.ForeignKeys {
		if i < len(made.References) && field.DBName == child &&
			made.References[i].DBName == parent {
			return true
		}
	}
	return false
}

func fieldNames(fields []*schema.Field) string {
	names := make([]string, len(fields))
	for i, field := range fields {
		names[i] = field.Name
	}
	return strings.Join(names, ",")
}

// actionRule is: a key that holds the tenant neither empties nor changes it.
func actionRule(name, onDelete, onUpdate, tenant string) error {
	action := strings.ToUpper(onDelete)
	if strings.HasPrefix(action, "SET") {
		return finding("%s: ON DELETE %s would empty %s: CASCADE, RESTRICT or NO ACTION", name,
			action, tenant)
	}
	if action = strings.ToUpper(onUpdate); strings.HasPrefix(action, "SET") || action == "CASCADE" {
		return finding("%s: ON UPDATE %s would change %s: leave it away", name, action, tenant)
	}
	return nil
}

package schemas

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// lockRelations writes the statements that lock what is in the schema $1, each relation in the mode
// in which it is dropped. Whoever makes something that refers to a relation holds a lock on it
// until the end of that transaction, so from here on nobody can. LOCK TABLE knows tables and views
// alone, and would lock what a view reads, too; to give a relation the owner that it has changes
// nothing and takes the lock.
const lockRelations = `
SELECT coalesce(string_agg(format(
	CASE WHEN relkind IN ('r', 'p') THEN 'LOCK TABLE ONLY %I.%I IN ACCESS EXCLUSIVE MODE'
		ELSE 'ALTER TABLE %I.%I OWNER TO %I' END,
	nspname, relname, pg_get_userbyid(relowner)), '; ' ORDER BY c.oid), '')
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE nspname = $1 AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
	AND pg_has_role(relowner, 'USAGE')`

// schemaOf is an expression for the name, as it is quoted in a statement, of the schema that the
// object of the columns %[1]s and %[2]s is in, NULL if it is in none.
const schemaOf = `coalesce((pg_identify_object(%[1]s, %[2]s, 0)).schema, CASE %[1]s
	WHEN 'pg_trigger'::regclass THEN (SELECT relnamespace
		FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = tgrelid WHERE t.oid = %[2]s)
	WHEN 'pg_rewrite'::regclass THEN (SELECT relnamespace
		FROM pg_rewrite AS r JOIN pg_class AS c ON c.oid = ev_class WHERE r.oid = %[2]s)
	WHEN 'pg_policy'::regclass THEN (SELECT relnamespace
		FROM pg_policy AS p JOIN pg_class AS c ON c.oid = polrelid WHERE p.oid = %[2]s)
	WHEN 'pg_attrdef'::regclass THEN (SELECT relnamespace
		FROM pg_attrdef AS a JOIN pg_class AS c ON c.oid = adrelid WHERE a.oid = %[2]s)
	WHEN 'pg_amop'::regclass THEN (SELECT opfnamespace
		FROM pg_amop AS a JOIN pg_opfamily AS f ON f.oid = amopfamily WHERE a.oid = %[2]s)
	WHEN 'pg_amproc'::regclass THEN (SELECT opfnamespace
		FROM pg_amproc AS a JOIN pg_opfamily AS f ON f.oid = amprocfamily WHERE a.oid = %[2]s)
	WHEN 'pg_default_acl'::regclass THEN (
		SELECT defaclnamespace FROM pg_default_acl WHERE oid = %[2]s)
	WHEN 'pg_extension'::regclass THEN (
		SELECT extnamespace FROM pg_extension WHERE oid = %[2]s)
	END::regnamespace::text)`

// crossing selects what DROP SCHEMA $1 CASCADE would take that is not in the schema: what depends
// on something in it. In it is what it holds by name, what is a part of that (deptype i), and casts
// between types of which none is another schema's.
var crossing = `
WITH RECURSIVE ours AS (
	SELECT 'pg_namespace'::regclass::oid AS classid, oid AS objid
	FROM pg_namespace WHERE nspname = $1
UNION
	SELECT d.classid, d.objid FROM ours JOIN pg_depend AS d
		ON d.refclassid = ours.classid AND d.refobjid = ours.objid
	WHERE d.deptype = 'i'
		OR ` + fmt.Sprintf(schemaOf, "d.classid", "d.objid") + ` IN (quote_ident($1), 'pg_toast')
		OR d.classid IN ('pg_cast'::regclass, 'pg_transform'::regclass) AND NOT EXISTS (
			SELECT FROM pg_depend AS o WHERE o.classid = d.classid AND o.objid = d.objid
			AND ` + fmt.Sprintf(schemaOf, "o.refclassid", "o.refobjid") + ` <> quote_ident($1))
), others AS (
	SELECT DISTINCT d.classid, d.objid, d.objsubid, r.ev_class
	FROM ours JOIN pg_depend AS d ON d.refclassid = ours.classid AND d.refobjid = ours.objid
	LEFT JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
		AND r.rulename = '_RETURN' -- which is the view
	WHERE NOT EXISTS (
		SELECT FROM ours AS o WHERE o.classid = d.classid AND o.objid = d.objid)
)
SELECT o.type || ' ' || o.identity
FROM others, pg_identify_object(
	CASE WHEN ev_class IS NULL THEN classid ELSE 'pg_class'::regclass END,
	coalesce(ev_class, objid), objsubid) AS o
WHERE o.type IS NOT NULL ORDER BY 1`

// maxNamed is how many objects an error names.
const maxNamed = 10

// alone fails if something that is not in the schema would be dropped with it. It locks the
// relations of the schema first, so that for them the answer holds until the end of the
// transaction. The server has no lock for who begins to use a type or a function.
func (o *owned) alone(ctx context.Context) error {
	var locks string
	err := o.pool.QueryRowContext(ctx, lockRelations, o.name).Scan(&locks)
	if err == nil && locks != "" {
		err = o.exec(ctx, locks)
	}
	if err != nil {
		return err
	}
	return o.nobodyElses(ctx, fmt.Sprintf("others depend on the schema %q", o.name), crossing,
		o.name)
}

// nobodyElses fails, with the reason, if a query finds objects.
func (o *owned) nobodyElses(ctx context.Context, reason, query string, args ...any) (err error) {
	rows, err := o.pool.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var named []string
	more := 0
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		if len(named) == maxNamed {
			more++
			continue
		}
		named = append(named, name)
	}
	if err := rows.Err(); err != nil || len(named) == 0 {
		return err
	}
	list := strings.Join(named, ", ")
	if more > 0 {
		list += fmt.Sprintf(", and %d more", more)
	}
	return fmt.Errorf("gormtenant: nothing was dropped: %s: drop or change first: %s", reason, list)
}

package sqltext

import "strings"

// tenantTable returns the tenant table that a path of tokens names, or nil. A name without a schema
// may be that of a common table expression.
func (r *reader) tenantTable(path, name int32) (*Table, bool) {
	var schema int32 = none
	if path != name {
		schema = name - 2
	}
	found, known := lookup(r.tokens, r.o, schema, name)
	if !known {
		return nil, r.fail(Unreadable, "the name of a table is written in a way that is not read; "+
			"write it plainly")
	}
	if found == nil || path != name {
		return found, true
	}
	for i := len(r.commons) - 1; i >= 0; i-- {
		same, near := r.sameName(r.commons[i].name, name)
		if same {
			return nil, true
		}
		if near {
			return nil, r.fail(Unreadable, "the name of a tenant table differs from that of a "+
				"common table expression in case alone; give the expression another name")
		}
	}
	return found, true
}

// lookup returns the tenant table that a name may be that of, or nil. It reports false if the name
// cannot be known.
func lookup(t *tokens, o *Options, schema, name int32) (*Table, bool) {
	spelled, ok := t.spell(name)
	if !ok {
		return nil, false
	}
	var in string
	if schema != none {
		if in, ok = t.spell(schema); !ok {
			return nil, false
		}
	}
	if o.Own != nil && o.OwnName != "" {
		own, ownSchema := o.OwnName, ""
		if dot := strings.LastIndexByte(own, '.'); dot >= 0 {
			ownSchema, own = own[:dot], own[dot+1:]
		}
		if strings.EqualFold(spelled, own) &&
			(ownSchema == "" || in == "" || strings.EqualFold(ownSchema, in)) {
			return o.Own, true
		}
	}
	found := o.Tables.Lookup(in, spelled)
	if found == nil && t.server == postgres &&
		(len(spelled) > longestName || len(in) > longestName) {
		found = o.Tables.Lookup(cut(in), cut(spelled))
	}
	return found, true
}

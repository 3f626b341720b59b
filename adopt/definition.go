package adopt

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"gorm.io/gorm/clause"
)

// createTable is the text of a CREATE TABLE of SQLite, in parts.
type createTable struct {
	items []string // columns, and constraints after them
	tail  string   // behind the parenthesis: WITHOUT ROWID, STRICT
}

// readDefinition cuts the text of a CREATE TABLE where commas separate columns and constraints.
func readDefinition(text string) (*createTable, error) {
	d := &createTable{}
	depth, from := 0, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\'' || c == '"' || c == '`' || c == '[':
			end := c
			if c == '[' {
				end = ']'
			}
			n := strings.IndexByte(text[i+1:], end)
			if n < 0 {
				return nil, errUnreadable
			}
			i += n + 1 // A quote that is doubled begins again.
		case strings.HasPrefix(text[i:], "--"):
			n := strings.IndexByte(text[i:], '\n')
			if n < 0 {
				return nil, errUnreadable
			}
			text = text[:i] + " " + text[i+n:]
		case strings.HasPrefix(text[i:], "/*"):
			n := strings.Index(text[i:], "*/")
			if n < 0 {
				return nil, errUnreadable
			}
			text = text[:i] + " " + text[i+n+2:]
		case c == '(':
			if depth++; depth == 1 {
				from = i + 1
			}
		case c == ')':
			if depth--; depth == 0 {
				d.items = append(d.items, strings.TrimSpace(text[from:i]))
				d.tail = strings.TrimSpace(text[i+1:])
				return d, nil
			}
		case c == ',' && depth == 1:
			d.items = append(d.items, strings.TrimSpace(text[from:i]))
			from = i + 1
		}
	}
	return nil, errUnreadable
}

var errUnreadable = errors.New("the text of its CREATE TABLE in sqlite_master cannot be read")

// create writes the table under a name.
func (d *createTable) create(name string) string {
	text := "CREATE TABLE " + name + " (" + strings.Join(d.items, ", ") + ")"
	if d.tail != "" {
		text += " " + d.tail
	}
	return text
}

var (
	constraint = regexp.MustCompile(`(?i)^(CONSTRAINT|PRIMARY\s+KEY|UNIQUE|CHECK|FOREIGN\s+KEY)\b`)
	inColumn   = regexp.MustCompile(`(?i)\b(COLLATE|CHECK|REFERENCES|GENERATED|UNIQUE|PRIMARY)\b`)
	uniqueWord = regexp.MustCompile(`(?i)\s+UNIQUE\b`)
	keyItem    = regexp.MustCompile("(?is)^(CONSTRAINT\\s+(?:`[^`]*`|\"[^\"]*\"|\\w+)\\s+)?" +
		"FOREIGN\\s+KEY\\s*\\(([^)]*)\\)\\s*REFERENCES\\s*(`[^`]*`|\"[^\"]*\"|\\w+)" +
		"\\s*(?:\\(([^)]*)\\))?(.*)$")
	uniqueItem = regexp.MustCompile("(?is)^(CONSTRAINT\\s+(?:`[^`]*`|\"[^\"]*\"|\\w+)\\s+)?" +
		"UNIQUE\\s*\\(([^)]*)\\)(.*)$")
)

// bare returns a name without its quotes.
func bare(name string) string { return strings.Trim(strings.TrimSpace(name), "`\"[]") }

// bareList returns the names of a list.
func bareList(list string) []string {
	names := strings.Split(list, ",")
	for i, name := range names {
		names[i] = bare(name)
	}
	return names
}

// columnAt returns where the column of that name is defined, -1 if it is not.
func (d *createTable) columnAt(name string) int {
	return slices.IndexFunc(d.items, func(item string) bool {
		if constraint.MatchString(item) {
			return false
		}
		word := item
		if end := strings.IndexAny(item[1:], "`\"] \t\n("); end >= 0 {
			word = item[:end+2]
		}
		return strings.EqualFold(bare(word), name)
	})
}

// insert puts a column behind the others.
func (d *createTable) insert(item string) {
	at := slices.IndexFunc(d.items, constraint.MatchString)
	if at < 0 {
		at = len(d.items)
	}
	d.items = slices.Insert(d.items, at, item)
}

// setTenant makes the tenant column NOT NULL and without a default.
func (d *createTable) setTenant(p *planner, t *table, c *column) {
	kind := t.kind
	if c != nil && c.kind != "" {
		kind = c.kind
	}
	item := p.column(t) + " " + kind + " NOT NULL"
	at := d.columnAt(t.column)
	switch {
	case at < 0:
		d.insert(item)
	case inColumn.MatchString(d.items[at]) && c != nil && !c.notNull:
		d.items[at] += " NOT NULL"
	case !inColumn.MatchString(d.items[at]):
		d.items[at] = item
	}
}

// dropUnique takes the UNIQUE over columns out of the table. An index takes its place: GORM's
// migrator for SQLite takes the columns of such a constraint for unique one by one. It returns the
// name of the constraint, "" if it has none.
func (d *createTable) dropUnique(columns []string) (name string) {
	for i, item := range d.items {
		found := uniqueItem.FindStringSubmatch(item)
		if found != nil && slices.EqualFunc(bareList(found[2]), columns, strings.EqualFold) {
			d.items = slices.Delete(d.items, i, i+1)
			if words := strings.Fields(found[1]); len(words) == 2 {
				name = bare(words[1])
			}
			return name
		}
	}
	if at := d.columnAt(columns[0]); at >= 0 && len(columns) == 1 {
		d.items[at] = uniqueWord.ReplaceAllString(d.items[at], "")
	}
	return ""
}

// setKey adds a foreign key over the tenant, or puts it in the place of the one without. SQLite's
// SET NULL would empty the tenant too, so such a key stays beside the new one.
func (d *createTable) setKey(p *planner, want foreignKey, plain *foreignKey) {
	body := "FOREIGN KEY " + p.list(want.columns) + " REFERENCES " +
		p.db.Statement.Quote(clause.Column{Name: want.target}) + " " + p.list(want.targets)
	keeps := want.onDelete == "SET NULL" || want.onDelete == "SET DEFAULT"
	if !keeps && want.onDelete != "" {
		body += " ON DELETE " + want.onDelete
	}
	if want.onUpdate == "CASCADE" {
		body += " ON UPDATE CASCADE"
	}
	for i, item := range d.items {
		found := keyItem.FindStringSubmatch(item)
		if plain == nil || keeps || found == nil ||
			!slices.EqualFunc(bareList(found[2]), plain.columns, strings.EqualFold) {
			continue
		}
		d.items[i] = found[1] + body
		return
	}
	d.items = append(d.items, body)
}

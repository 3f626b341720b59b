package transfer

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The lines of an export: a header, the rows, and an end, each a document of JSON. A value is null,
// the text that Postgres writes, or what SQLite keeps: text, a number, {"base64": bytes}.
type (
	exportHeader struct {
		Format  string        `json:"format"`
		Version int           `json:"version"`
		Tenant  string        `json:"tenant"`
		Dialect string        `json:"dialect"`
		Tables  []exportTable `json:"tables"`
	}
	exportTable struct {
		Name    string         `json:"name"`
		Columns []exportColumn `json:"columns"`
	}
	exportColumn struct {
		Name string `json:"name"`
		Type string `json:"type"`
		// Kind is what the values of a column of Postgres mean, as kindNames has it.
		Kind string `json:"kind,omitempty"`
	}
	exportRow struct {
		Table string            `json:"table"`
		Row   []json.RawMessage `json:"row"`
	}
	exportEnd struct {
		Rows   int64  `json:"rows"`
		SHA256 string `json:"sha256"` // of all lines before
	}
)

const (
	exportFormat  = "gormtenant export"
	exportVersion = 1
)

// kindNames are the names of kinds in an export. They must stay as they are.
var kindNames = [...]string{
	text: "text", boolean: "boolean", integer: "integer", float4: "float4", float8: "float8",
	numeric: "numeric", timestamptz: "timestamptz", timestamp: "timestamp", date: "date",
	bytea: "bytea", jsonText: "json", uuid: "uuid",
}

// Export writes the rows of the tenant at a place, as they all were at one moment, and returns how
// many. The tenant goes on writing meanwhile; on SQLite without WAL its writes wait. progress,
// which may be nil, is told as Copy tells it.
func (p *Plan) Export(
	ctx context.Context, from Location, w io.Writer, progress func(table string, rows int64),
) (rows int64, err error) {
	if progress == nil {
		progress = func(string, int64) {}
	}
	source, err := p.snapshot(ctx, from)
	if err != nil {
		return 0, err
	}
	defer source.close(ctx)
	sum := sha256.New()
	buffered := bufio.NewWriterSize(w, flushAt)
	lines := json.NewEncoder(io.MultiWriter(buffered, sum))
	lines.SetEscapeHTML(false)
	if err := lines.Encode(p.header(source)); err != nil {
		return 0, fmt.Errorf("gormtenant: writing the export: %w", err)
	}
	for _, s := range source.tables() {
		columns := asText(s.columns)
		if _, ok := source.(*postgresSide); !ok {
			columns = s.columns
		}
		e := &exporter{ctx: ctx, lines: lines, table: s.name}
		into := *s
		into.columns = columns
		if err := transfer(ctx, source, &into, e, progress); err != nil {
			return rows, fmt.Errorf("gormtenant: exporting %s: %w", s.name, err)
		}
		rows += e.n
	}
	end := exportEnd{Rows: rows, SHA256: hex.EncodeToString(sum.Sum(nil))}
	if err := lines.Encode(end); err != nil {
		return rows, fmt.Errorf("gormtenant: writing the export: %w", err)
	}
	if err := buffered.Flush(); err != nil {
		return rows, fmt.Errorf("gormtenant: writing the export: %w", err)
	}
	return rows, nil
}

// snapshot opens a place to read all of it as it is at one moment.
func (p *Plan) snapshot(ctx context.Context, from Location) (side, error) {
	source, err := p.open(ctx, from)
	if err != nil {
		return nil, err
	}
	if e, ok := source.(*sqliteSide); ok {
		if e.conn, err = e.pool.Conn(ctx); err == nil {
			err = e.exec(ctx, "BEGIN")
		}
	}
	if err == nil {
		err = p.foreign(ctx, source, from.Shared, literalOf(source))
	}
	if err != nil {
		source.close(ctx)
		return nil, err
	}
	return source, nil
}

func (p *Plan) header(source side) exportHeader {
	h := exportHeader{
		Format: exportFormat, Version: exportVersion, Tenant: p.tenantID, Dialect: onSQLite,
	}
	if _, ok := source.(*postgresSide); ok {
		h.Dialect = onPostgres
	}
	for _, s := range source.tables() {
		t := exportTable{Name: s.name}
		for _, c := range s.columns {
			column := exportColumn{Name: c.name, Type: c.declared}
			if h.Dialect == onPostgres {
				column.Kind = kindNames[c.kind]
			}
			t.Columns = append(t.Columns, column)
		}
		h.Tables = append(h.Tables, t)
	}
	return h
}

// asText returns columns whose values are read as the server writes them.
func asText(columns []column) []column {
	all := make([]column, len(columns))
	for i, c := range columns {
		all[i] = column{name: c.name, kind: text, declared: c.declared}
	}
	return all
}

// exporter writes the rows of one table.
type exporter struct {
	ctx   context.Context //nolint:containedctx // of one call of Export
	lines *json.Encoder
	table string
	n     int64
}

func (e *exporter) write(values []any) error {
	if err := e.ctx.Err(); err != nil {
		return err
	}
	row := exportRow{Table: e.table, Row: make([]json.RawMessage, len(values))}
	for i, value := range values {
		encoded, err := encodeValue(value)
		if err != nil {
			return err
		}
		row.Row[i] = encoded
	}
	e.n++
	return e.lines.Encode(row)
}

func (e *exporter) finish(err error) (int64, error) { return e.n, err }

// encodedValue is a value of SQLite that JSON has no form for.
type encodedValue struct {
	Base64 *string `json:"base64,omitempty"` // bytes
	Text64 *string `json:"text64,omitempty"` // text that is not UTF-8
	Float  *string `json:"float,omitempty"`  // an infinity
}

func encodeValue(value any) (json.RawMessage, error) {
	switch v := value.(type) {
	case nil:
		return json.RawMessage("null"), nil
	case int64:
		return strconv.AppendInt(nil, v, 10), nil
	case float64:
		// A float is told from an integer by its point or exponent.
		written := strconv.FormatFloat(v, 'g', -1, 64)
		if strings.ContainsAny(written, "IN") { // Inf, NaN
			return json.Marshal(encodedValue{Float: &written})
		}
		if !strings.ContainsAny(written, ".e") {
			written += ".0"
		}
		return json.RawMessage(written), nil
	case []byte:
		in64 := base64.StdEncoding.EncodeToString(v)
		return json.Marshal(encodedValue{Base64: &in64})
	case string:
		if !utf8.ValidString(v) {
			in64 := base64.StdEncoding.EncodeToString([]byte(v))
			return json.Marshal(encodedValue{Text64: &in64})
		}
		return json.Marshal(v)
	}
	return nil, fmt.Errorf("a value of the type %T cannot be exported", value)
}

func decodeValue(raw json.RawMessage) (any, error) {
	switch {
	case string(raw) == "null":
		return nil, nil
	case len(raw) > 0 && raw[0] == '"':
		var s string
		err := json.Unmarshal(raw, &s)
		return s, err
	case len(raw) > 0 && raw[0] == '{':
		var v encodedValue
		if err := json.Unmarshal(raw, &v); err != nil {
			return nil, err
		}
		return v.value()
	case strings.ContainsAny(string(raw), ".eE"):
		return strconv.ParseFloat(string(raw), 64)
	}
	return strconv.ParseInt(string(raw), 10, 64)
}

func (v encodedValue) value() (any, error) {
	switch {
	case v.Base64 != nil:
		b, err := base64.StdEncoding.DecodeString(*v.Base64)
		if b == nil {
			b = []byte{}
		}
		return b, err
	case v.Text64 != nil:
		b, err := base64.StdEncoding.DecodeString(*v.Text64)
		return string(b), err
	case v.Float != nil:
		return strconv.ParseFloat(*v.Float, 64)
	}
	return nil, fmt.Errorf("a value of no kind that is known")
}

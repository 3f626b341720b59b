package transfer

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// kind says what the values of a column mean. It is the type that the column has on Postgres.
type columnType int

const (
	asStored columnType = iota // on SQLite on both sides: the values as they are
	text
	boolean
	integer
	float4
	float8
	numeric
	number // numeric, and on SQLite a column that makes numbers of text
	timestamptz
	timestamp
	date
	bytea
	jsonText
	uuid
)

// columnTypeOf returns the kind of a type of Postgres. What is none of these is text on SQLite.
func columnTypeOf(typeName string) columnType {
	switch typeName {
	case "bool":
		return boolean
	case "int2", "int4", "int8", "oid":
		return integer
	case "float4":
		return float4
	case "float8":
		return float8
	case "numeric":
		return numeric
	case "timestamptz":
		return timestamptz
	case "timestamp":
		return timestamp
	case "date":
		return date
	case "bytea":
		return bytea
	case "json", "jsonb":
		return jsonText
	case "uuid":
		return uuid
	}
	return text
}

// withAffinity returns the type where SQLite declares such a type for the column: whether its
// affinity is to numbers (https://www.sqlite.org/datatype3.html#determination_of_column_affinity).
func (k columnType) withAffinity(declared string) columnType {
	if k != numeric || declared == "" {
		return k
	}
	if strings.Contains(declared, "int") {
		return number
	}
	for _, word := range []string{"char", "clob", "text", "blob"} {
		if strings.Contains(declared, word) {
			return k
		}
	}
	return number
}

// toSQLite returns what SQLite is to keep of a value that Postgres wrote as text: what GORM would
// have written there.
func (k columnType) toSQLite(value []byte) (any, error) {
	if value == nil {
		return nil, nil
	}
	s := string(value)
	switch k {
	case boolean:
		if s == "t" {
			return int64(1), nil
		}
		return int64(0), nil
	case integer:
		return strconv.ParseInt(s, 10, 64)
	case number:
		// SQLite itself is less exact at this.
		f, err := strconv.ParseFloat(s, k.bits())
		if err == nil && plainNumber(strconv.FormatFloat(f, 'f', -1, k.bits())) == plainNumber(s) {
			return f, nil
		}
	case float4, float8:
		f, err := strconv.ParseFloat(s, k.bits())
		if math.IsNaN(f) {
			return nil, fmt.Errorf("SQLite cannot keep NaN")
		}
		return f, err
	case timestamptz, timestamp, date:
		t, ok := parseTime(s)
		if !ok {
			return nil, fmt.Errorf("SQLite cannot keep the time %s", s)
		}
		return t.UTC().Format(sqliteTime), nil
	case bytea:
		return hex.DecodeString(strings.TrimPrefix(s, `\x`))
	}
	return s, nil
}

func (k columnType) bits() int {
	if k == float4 {
		return 32
	}
	return 64
}

// toPostgres returns a value of SQLite as text for Postgres.
func (k columnType) toPostgres(value any) (string, error) {
	switch k {
	case boolean:
		return truth(value)
	case timestamptz, timestamp, date:
		return k.time(value)
	case bytea:
		switch v := value.(type) {
		case []byte:
			return `\x` + hex.EncodeToString(v), nil
		case string:
			return `\x` + hex.EncodeToString([]byte(v)), nil
		}
	}
	switch v := value.(type) {
	case int64:
		return strconv.FormatInt(v, 10), nil
	case float64:
		if k == numeric || k == number || k == integer {
			return strconv.FormatFloat(v, 'f', -1, 64), nil
		}
		return strconv.FormatFloat(v, 'g', -1, k.bits()), nil
	case string:
		return v, nil
	case []byte:
		return string(v), nil
	}
	return "", fmt.Errorf("a value of the type %T cannot be moved", value)
}

func truth(value any) (string, error) {
	switch v := value.(type) {
	case int64:
		if v == 0 || v == 1 {
			return []string{"f", "t"}[v], nil
		}
	case string:
		if b, err := strconv.ParseBool(v); err == nil {
			return map[bool]string{true: "t", false: "f"}[b], nil
		}
	}
	return "", fmt.Errorf("%v is no boolean", value)
}

// time writes a time as Postgres keeps it: to the microsecond, and where the type has no zone, the
// time of day that is written. It is what pgx makes of a time.Time.
func (k columnType) time(value any) (string, error) {
	s, ok := value.(string)
	if b, isBytes := value.([]byte); isBytes {
		s, ok = string(b), true
	}
	t, parsed := parseTime(s)
	switch {
	case !ok || !parsed:
		return "", fmt.Errorf("%v is no time", value)
	case k == date:
		return t.Format("2006-01-02"), nil
	case k == timestamp:
		return t.Format("2006-01-02 15:04:05.999999"), nil
	}
	return t.UTC().Format("2006-01-02 15:04:05.999999+00"), nil
}

// canonical writes a value so that those that mean the same are the same, on Postgres and SQLite.
func (k columnType) canonical(value any) (string, error) {
	if value == nil {
		return "", nil
	}
	if k == asStored {
		return fmt.Sprintf("%T:%v", value, value), nil
	}
	s, err := k.toPostgres(value)
	if err != nil {
		return "", err
	}
	switch k {
	case float4, float8:
		f, err := strconv.ParseFloat(s, k.bits())
		return "=" + strconv.FormatFloat(f, 'g', -1, k.bits()), err
	case integer, numeric, number:
		return "=" + plainNumber(s), nil
	case uuid:
		return "=" + strings.ToLower(s), nil
	case jsonText:
		s, err = plainJSON(s)
	}
	return "=" + s, err
}

// plainNumber writes a number without what does not count: 1.50 and 15e-1 as 3/2.
func plainNumber(s string) string {
	// An exponent beyond this would be written out.
	const longest = 5
	if _, exponent, ok := strings.Cut(strings.ToLower(s), "e"); ok && len(exponent) > longest {
		return s
	}
	if r, ok := new(big.Rat).SetString(s); ok {
		return r.RatString()
	}
	return s
}

// plainJSON writes a document as the server's jsonb has it: keys in order, no spaces, plain
// numbers.
func plainJSON(s string) (string, error) {
	decoder := json.NewDecoder(strings.NewReader(s))
	decoder.UseNumber()
	var document any
	if err := decoder.Decode(&document); err != nil {
		return "", fmt.Errorf("a document is no JSON: %w", err)
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(plainNumbers(document))
	return b.String(), err
}

func plainNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		return map[string]string{"number": plainNumber(v.String())}
	case []any:
		for i := range v {
			v[i] = plainNumbers(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = plainNumbers(v[key])
		}
	}
	return v
}

package tenanttest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"gorm.io/gorm/schema"
)

// literals are texts for columns whose type takes no other text.
var literals = []struct {
	column *regexp.Regexp
	text   func(l limits, marker string, n int) string
}{
	{regexp.MustCompile(`\[\]$`), func(limits, string, int) string { return "{}" }},
	{
		regexp.MustCompile(`^jsonb?$`),
		func(_ limits, marker string, _ int) string {
			return fmt.Sprintf("{%q: %q}", "note", marker)
		},
	},
	{
		regexp.MustCompile(`^(numeric|decimal|money|real|double|float|(small|big|tiny)?int)`),
		func(l limits, _ string, n int) string {
			return strconv.FormatFloat(l.number(float64(n)), 'f', -1, 64)
		},
	},
	{regexp.MustCompile(`^bool`), func(limits, string, int) string { return "true" }},
	{
		regexp.MustCompile(`^date$`),
		func(_ limits, _ string, n int) string { return fmt.Sprintf("2001-02-%02d", 1+n%28) },
	},
	{regexp.MustCompile(`^(timestamp|datetime)`), func(_ limits, _ string, n int) string {
		return fmt.Sprintf("2001-02-03 04:05:%02d", n%60)
	}},
	{
		regexp.MustCompile(`^time`),
		func(_ limits, _ string, n int) string { return fmt.Sprintf("04:05:%02d", n%60) },
	},
	{
		regexp.MustCompile(`^interval`),
		func(_ limits, _ string, n int) string { return fmt.Sprintf("%d hours", n) },
	},
	{
		regexp.MustCompile(`^(inet|cidr)`),
		func(_ limits, _ string, n int) string { return fmt.Sprintf("10.0.0.%d", n) },
	},
	{
		regexp.MustCompile(`^macaddr`),
		func(_ limits, _ string, n int) string { return fmt.Sprintf("08:00:2b:01:02:%02x", n) },
	},
}

// literal returns a text for a field whose column is of such a type.
func literal(field *schema.Field, l limits, marker string, n int) (text string, ok bool) {
	column := strings.ToLower(string(field.DataType))
	if len(l.list) > 0 {
		return "", false
	}
	for _, known := range literals {
		if known.column.MatchString(column) {
			return known.text(l, marker, n), true
		}
	}
	return "", false
}

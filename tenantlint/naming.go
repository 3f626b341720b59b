package tenantlint

import (
	"strings"

	"github.com/jinzhu/inflection"
)

// initialisms are the words that GORM's naming takes as one: UserID is user_id, APIKey api_key.
var initialisms = func() *strings.Replacer {
	var pairs []string
	for word := range strings.FieldsSeq("API ASCII CPU CSS DNS EOF GUID HTML HTTP HTTPS ID IP " +
		"JSON LHS QPS RAM RHS RPC SLA SMTP SSH TLS TTL UID UI UUID URI URL UTF8 VM XML XSRF XSS") {
		pairs = append(pairs, word, word[:1]+strings.ToLower(word[1:]))
	}
	return strings.NewReplacer(pairs...)
}()

// tableName returns the table of a type by GORM's default naming: OrderItem has order_items.
func tableName(typeName string) string { return inflection.Plural(columnName(typeName)) }

// columnName returns the column of a field by GORM's default naming: OwnerID has owner_id.
func columnName(name string) string {
	name = initialisms.Replace(name)
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if isUpper(c) && startsWord(name, i) {
			b.WriteByte('_')
		}
		b.WriteByte(lower(c))
	}
	return b.String()
}

// startsWord reports whether the capital at i begins a word, and not the name.
func startsWord(name string, i int) bool {
	if i == 0 || name[i-1] == '_' {
		return false
	}
	if !isUpper(name[i-1]) {
		return true
	}
	return i+1 < len(name) && !isUpper(name[i+1]) && !isDigit(name[i+1]) && name[i+1] != '_'
}

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func lower(c byte) byte {
	if isUpper(c) {
		return c + 'a' - 'A'
	}
	return c
}

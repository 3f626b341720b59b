package tenanttable

import "strings"

// TableAndAlias reads "projects", "projects p" and "app.projects AS p", with quotes or without. ok
// is false for any other text.
func TableAndAlias(text string) (schemaName, tableName, alias string, ok bool) {
	words := strings.Fields(text)
	if len(words) == 3 && strings.EqualFold(words[1], "AS") {
		words = []string{words[0], words[2]}
	}
	if len(words) == 0 || len(words) > 2 || len(words) == 2 && !isPlain(words[1]) {
		return "", "", "", false
	}
	parts := strings.Split(words[0], ".")
	if len(parts) > 2 {
		return "", "", "", false
	}
	for _, part := range parts {
		if !isPlain(part) {
			return "", "", "", false
		}
	}
	schemaName, tableName = Split(words[0])
	_, alias = Split(words[len(words)-1])
	return schemaName, tableName, alias, true
}

// isPlain reports whether text is a plain name, in quotes or without.
func isPlain(text string) bool {
	if len(text) > 2 && (text[0] == '"' || text[0] == '`') && text[len(text)-1] == text[0] {
		text = text[1 : len(text)-1]
	}
	for i, r := range text {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= 0x80
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return text != ""
}

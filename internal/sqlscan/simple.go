package sqlscan

import "strings"

// Simple says of most conditions and columns, at little cost, that Fragment reports nothing of them
// and Problem finds none: they are made of ASCII words, numbers, placeholders and comparisons, as
// in `name = ? AND age > ?`, and no word in them can make another one a table. It may say false of
// others that are as harmless.
func Simple(fragment string) bool {
	if strings.HasPrefix(strings.TrimSpace(fragment), ",") {
		return false // It goes on with a list, which may be one of tables.
	}
	word := -1 // where the word before the current byte starts
	for i := 0; i < len(fragment); i++ {
		c := fragment[i]
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z', c >= '0' && c <= '9', c == '_':
			if word < 0 {
				word = i
			}
			continue
		case c == ' ', c == '\t', c == '\n', c == '.', c == ',', c == '=', c == '<', c == '>',
			c == '?', c == '+', c == '*', c == '%':
		default:
			return false
		}
		if word >= 0 && !harmless(fragment[word:i]) {
			return false
		}
		word = -1
	}
	return word < 0 || harmless(fragment[word:])
}

// harmless says whether a word does nothing to the words around it that Fragment acts on.
func harmless(word string) bool {
	switch keywordOf(word) {
	case plain, kwAs, kwBy, kwIs, kwNever, kwNot, kwOr:
		return true
	}
	return false
}

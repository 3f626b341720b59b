package sqltext

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// longestName is how many bytes of a name Postgres keeps (NAMEDATALEN-1).
const longestName = 63

// isName reports whether a token of this kind can be a part of a table's path. SQLite takes a
// string for a name where only a name can stand; MySQL does so for aliases alone.
func (k kind) isName() bool { return k == word || k == quoted || k == coded }

// spell returns the name that a token spells, and false if that needs more than its text.
func (t *tokens) spell(at int32) (string, bool) {
	tok := t.list[at]
	text := t.text[tok.start:tok.end]
	switch {
	case tok.kind == word:
		return text, true
	case tok.kind == coded && t.spells(at+1, "UESCAPE"):
		return "", false
	case tok.kind == coded:
		return decode(unquote(text[2:]))
	case tok.kind == str && text[0] != '\'' && text[0] != '"':
		return "", false
	}
	return unquote(text), true
}

// unquote strips the quotes of a token, of which the last may be missing, and undoubles the quotes
// within.
func unquote(text string) string {
	q, text := text[:1], text[1:]
	if q == "[" {
		return strings.TrimSuffix(text, "]")
	}
	text = strings.TrimSuffix(text, q)
	if strings.Contains(text, q) {
		text = strings.ReplaceAll(text, q+q, q)
	}
	return text
}

// decode resolves the \XXXX and \+XXXXXX of U&"x".
// See https://www.postgresql.org/docs/current/sql-syntax-lexical.html.
func decode(text string) (string, bool) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, `\`)
		b.WriteString(before)
		if !found {
			return b.String(), true
		}
		digits := 4
		switch {
		case strings.HasPrefix(rest, `\`):
			b.WriteByte('\\')
			text = rest[1:]
			continue
		case strings.HasPrefix(rest, "+"):
			rest, digits = rest[1:], 6
		}
		if len(rest) < digits {
			return "", false
		}
		code, err := strconv.ParseUint(rest[:digits], 16, 32)
		if err != nil || code >= 0xD800 && code < 0xE000 {
			return "", false // Half of a surrogate pair: not worth decoding.
		}
		b.WriteRune(rune(code)) //nolint:gosec // At most six hexadecimal digits.
		text = rest[digits:]
	}
}

// cut cuts a name as Postgres does: to 63 bytes, and not inside of a character.
func cut(name string) string {
	if len(name) <= longestName {
		return name
	}
	n := longestName
	for n > 0 && !utf8.RuneStart(name[n]) {
		n--
	}
	return name[:n]
}

// sameName compares the names that two tokens spell as the server does. near reports that they
// differ in case alone, so that it is not certain.
func (t *tokens) sameName(a, b int32) (same, near bool) {
	first, ok := t.spell(a)
	second, ok2 := t.spell(b)
	if !ok || !ok2 {
		return false, true
	}
	switch t.server {
	case sqlite:
		return equalFoldASCII(first, second), false
	case mysql:
		return first == second, strings.EqualFold(first, second)
	}
	first, second = cut(first), cut(second)
	near = strings.EqualFold(first, second)
	if !near {
		return false, false
	}
	if t.list[a].kind == word {
		first = lowerASCII(first)
	}
	if t.list[b].kind == word {
		second = lowerASCII(second)
	}
	return first == second, true
}

// isColumn reports whether a token spells the given name of a column.
func (t *tokens) isColumn(at int32, column string) bool {
	name, ok := t.spell(at)
	if !ok {
		return false
	}
	if t.server != postgres {
		return strings.EqualFold(name, column)
	}
	if t.list[at].kind == word {
		return equalFoldASCII(name, column) && lowerASCII(column) == column
	}
	return cut(name) == cut(column)
}

// mayBeColumn is isColumn, generously.
func (t *tokens) mayBeColumn(at int32, column string) bool {
	name, ok := t.spell(at)
	return !ok || strings.EqualFold(name, column)
}

func equalFoldASCII(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// lowerASCII returns the name in lower case without going back to the heap where it is already.
func lowerASCII(name string) string {
	for i := range len(name) {
		if c := name[i]; c >= 'A' && c <= 'Z' {
			return strings.Map(func(r rune) rune {
				if r >= 'A' && r <= 'Z' {
					return r + 'a' - 'A'
				}
				return r
			}, name)
		}
	}
	return name
}

func isASCII(name string) bool {
	for i := range len(name) {
		if name[i] >= 0x80 {
			return false
		}
	}
	return true
}

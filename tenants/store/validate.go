package store

import (
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gormtenant/gormtenant/tenants"
)

// Bounds of what a tenant may have.
const (
	longestID        = 255 // bytes
	longestName      = 255 // characters
	mostDomains      = 1000
	mostLimits       = 1000
	longestLimitName = 100 // bytes
	mostAttributes   = 100
	longestAttribute = 4096 // bytes
)

// problemOfID says what keeps an ID from being one, "" if nothing does. IDs get into URLs, headers,
// logs and file names. Every slug and every domain would do as an ID.
func problemOfID(id string) string {
	switch {
	case id == "":
		return "it is missing"
	case len(id) > longestID:
		return "it is too long: at most 255 bytes are allowed"
	case !isAlphanumeric(rune(id[0])) || strings.ContainsFunc(id, isNotOfID):
		return "use the letters A to Z and a to z, digits, and after the first of them also - . " +
			"_ ~ : @ + = |"
	}
	return ""
}

func isAlphanumeric(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
}

func isNotOfID(r rune) bool { return !isAlphanumeric(r) && !strings.ContainsRune("-._~:@+=|", r) }

// refuseReserved refuses the names of t that are reserved, unless they are among its own already: a
// word that is reserved later does not lock up those who have it. IDs count, as Lookup finds them
// where a slug is asked for.
func (s *Store) refuseReserved(t *tenants.Tenant, own []string) error {
	for _, name := range without(namesOf(t), own) {
		if field := fieldOf(t, name); s.reserved.has(name) {
			return invalid(field, "%q is reserved: choose another", name)
		}
	}
	return nil
}

// validated returns t as it is to be stored. What the caller's t points at is not changed.
func (s *Store) validated(t tenants.Tenant) (tenants.Tenant, error) {
	if problem := problemOfSlug(t.Slug); problem != "" {
		return t, invalid("Slug", "%s", problem)
	}
	var err error
	if t.Domains, err = normalDomains(t.Domains); err != nil {
		return t, err
	}
	if problem := problemOfName(t.Name); problem != "" {
		return t, invalid("Name", "%s", problem)
	}
	if !slices.Contains([]tenants.Status{tenants.Active, tenants.Suspended, tenants.Closed},
		t.Status) {
		return t, invalid("Status", "%s is none: use tenants.Active, Suspended or Closed",
			quoted(string(t.Status)))
	}
	if _, known := s.plans[t.Plan]; !known {
		return t, invalid("Plan", "there is no plan %s: use one of %s", quoted(t.Plan),
			strings.Join(sortedKeys(s.plans), ", "))
	}
	t.ExpiresAt = keptIfAny(t.ExpiresAt)
	if !isPlainTime(t.ExpiresAt) {
		return t, invalid("ExpiresAt", "the year has to be between 1 and 9999: use nil for never")
	}
	if err := validateLimits(t.Limits); err != nil {
		return t, err
	}
	return t, validateAttributes(t.Attributes)
}

// isPlainTime reports whether every database, and JSON, can hold the time.
func isPlainTime(t *time.Time) bool { return t == nil || t.Year() >= 1 && t.Year() <= 9999 }

func problemOfName(name string) string {
	switch {
	case !utf8.ValidString(name):
		return "it is no text in UTF-8"
	case utf8.RuneCountInString(name) > longestName:
		return "it is too long: at most 255 characters are allowed"
	case strings.ContainsFunc(name, unicode.IsControl):
		return "it holds control characters, such as a line break: take them out"
	case strings.ContainsFunc(name, isInvisible):
		return "it holds characters that cannot be seen, or that turn the direction of the text " +
			"around: take them out"
	}
	return ""
}

// isInvisible reports whether r makes a name look like another: the formatting characters, which
// are zero wide or change the direction (Unicode's category Cf), separators of lines and
// paragraphs, fillers that show nothing, and selectors of variants. Emoji that are joined by a
// zero-width joiner are refused with them.
func isInvisible(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Variation_Selector,
		unicode.Other_Default_Ignorable_Code_Point) || r == 0x2800
}

func normalDomains(domains []string) ([]string, error) {
	if len(domains) > mostDomains {
		return nil, invalid("Domains", "there are %d: at most %d are allowed", len(domains),
			mostDomains)
	}
	var normal []string
	for _, domain := range domains {
		ascii, problem := normalDomain(domain)
		if problem != "" {
			return nil, invalid("Domains", "%s", problem)
		}
		if slices.Contains(normal, ascii) {
			return nil, invalid("Domains", "%q is there twice: name it once", ascii)
		}
		normal = append(normal, ascii)
	}
	return normal, nil
}

func validateLimits(limits tenants.Limits) error {
	if len(limits) > mostLimits {
		return invalid("Limits", "there are %d: at most %d are allowed", len(limits), mostLimits)
	}
	for _, name := range sortedKeys(limits) {
		switch {
		case name == "":
			return invalid("Limits", "a limit has no name")
		case len(name) > longestLimitName || !utf8.ValidString(name) ||
			strings.ContainsFunc(name, unicode.IsControl):
			return invalid("Limits",
				"%s is no name for a limit: use at most %d bytes of plain text", quoted(name),
				longestLimitName)
		case limits[name] < tenants.Unlimited:
			return invalid("Limits", "%s is %d: use 0 or more, or tenants.Unlimited", quoted(name),
				limits[name])
		}
	}
	return nil
}

func validateAttributes(attributes map[string]string) error {
	if len(attributes) > mostAttributes {
		return invalid("Attributes", "there are %d: at most %d are allowed", len(attributes),
			mostAttributes)
	}
	for _, name := range sortedKeys(attributes) {
		value := attributes[name]
		switch {
		case name == "":
			return invalid("Attributes", "an attribute has no name")
		case len(name) > longestLimitName || !utf8.ValidString(name) ||
			strings.ContainsFunc(name, unicode.IsControl):
			return invalid("Attributes",
				"%s is no name for an attribute: use at most %d bytes of plain text", quoted(name),
				longestLimitName)
		case len(value) > longestAttribute || !utf8.ValidString(value):
			return invalid("Attributes", "%s is no text in UTF-8 of at most %d bytes",
				quoted(name), longestAttribute)
		}
	}
	return nil
}

func sortedKeys[M ~map[string]V, V any](m M) []string { return slices.Sorted(maps.Keys(m)) }

package tenantlint

import (
	"reflect"
	"strings"
)

// settings are those of a gorm tag, by their names in capitals.
type settings map[string]string

// parseTag reads the gorm part of a field's tag in the way of GORM's schema.ParseTagSetting.
func parseTag(tag string) settings {
	text, ok := reflect.StructTag(tag).Lookup("gorm")
	if !ok {
		return nil
	}
	found := make(settings)
	parts := strings.Split(text, ";")
	for i := 0; i < len(parts); i++ {
		part := parts[i]
		for strings.HasSuffix(part, `\`) && i+1 < len(parts) { // an escaped semicolon
			i++
			part = strings.TrimSuffix(part, `\`) + ";" + parts[i]
		}
		name, value, ok := strings.Cut(part, ":")
		name = strings.ToUpper(strings.TrimSpace(name))
		switch {
		case name == "":
		case ok:
			found[name] = value
		default:
			found[name] = name
		}
	}
	return found
}

func (s settings) has(name string) bool {
	_, ok := s[name]
	return ok
}

// notMapped reports whether GORM passes the field over.
func (s settings) notMapped() bool {
	value, ok := s["-"]
	return ok && (value == "-" || strings.EqualFold(strings.TrimSpace(value), "all"))
}

// uniqueIndex returns the name of the unique index that the setting describes, "" if it has none
// of its own, and whether there is one.
func (s settings) uniqueIndex() (name string, ok bool) {
	if value, found := s["UNIQUEINDEX"]; found {
		return indexName(value, "UNIQUEINDEX"), true
	}
	if value, found := s["INDEX"]; found && hasOption(value, "unique") {
		return indexName(value, "INDEX"), true
	}
	return "", s.has("UNIQUE")
}

// index returns the name of the index that the field is in, if that has a name.
func (s settings) index() string {
	for _, kind := range []string{"UNIQUEINDEX", "INDEX"} {
		if value, ok := s[kind]; ok {
			return indexName(value, kind)
		}
	}
	return ""
}

// indexName returns the name in "name,option:value", or what composite:name stands for.
func indexName(value, kind string) string {
	name, options, _ := strings.Cut(value, ",")
	if name != "" && name != kind {
		return name
	}
	for option := range strings.SplitSeq(options, ",") {
		key, value, _ := strings.Cut(option, ":")
		if strings.EqualFold(strings.TrimSpace(key), "composite") {
			return "composite:" + value
		}
	}
	return ""
}

func hasOption(value, wanted string) bool {
	_, options, _ := strings.Cut(value, ",")
	for option := range strings.SplitSeq(options, ",") {
		key, _, _ := strings.Cut(option, ":")
		if strings.EqualFold(strings.TrimSpace(key), wanted) {
			return true
		}
	}
	return false
}

package tenanttest

import (
	"math"
	"regexp"
	"strconv"
	"strings"

	"gorm.io/gorm/schema"
)

// limits is what the CHECK of a field says of its values, as far as it is in one of the forms that
// are usual: a list, a comparison with a number, a length.
type limits struct {
	list           []string
	min, max       float64
	minLen, maxLen int
	like           string // a pattern
}

var (
	listCheck    = regexp.MustCompile(`(?i)\bIN\s*\(([^)]*)\)`)
	betweenCheck = regexp.MustCompile(`(?i)\bBETWEEN\s+(-?[\d.]+)\s+AND\s+(-?[\d.]+)`)
	sizedType    = regexp.MustCompile(`(?i)char(?:acter)?(?: varying)?\s*\(\s*(\d+)\s*\)`)
	enumType     = regexp.MustCompile(`(?i)^enum\s*\(([^)]*)\)`)
	literalCheck = regexp.MustCompile(`[^<>!]=\s*'([^']*)'`)
	numericType  = regexp.MustCompile(`(?i)^(?:numeric|decimal)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)`)
	likeCheck    = regexp.MustCompile(`(?i)(\bNOT\s+)?\bI?LIKE\s+'([^']*)'`)
	lengthCheck  = regexp.MustCompile(
		`(?i)\b(?:char_|octet_)?length\s*\([^)]*\)\s*(>=|<=|>|<|=)\s*(\d+)`)
	numberCheck = regexp.MustCompile(`(>=|<=|>|<|=)\s*(-?\d+(?:\.\d+)?)`)
)

// limitsOf is what is known of the values of a field: what its tags say, and the labels of an
// enumeration of the database.
func (m *model) limitsOf(field *schema.Field) limits {
	l := limitsOf(field)
	if labels := m.labels[field.DBName]; len(labels) > 0 {
		l.list = labels
	}
	return l
}

// limitsOf reads the tags of a field.
func limitsOf(field *schema.Field) limits {
	l := limits{min: math.Inf(-1), max: math.Inf(1), maxLen: math.MaxInt}
	if field.Size > 0 && field.GORMDataType == schema.String {
		l.maxLen = field.Size
	}
	column, check := field.TagSettings["TYPE"], field.TagSettings["CHECK"]
	if match := sizedType.FindStringSubmatch(column); match != nil {
		l.boundLength("<=", match[1])
	}
	if match := enumType.FindStringSubmatch(column); match != nil {
		l.addList(match[1])
	}
	if match := numericType.FindStringSubmatch(column); match != nil {
		digits, _ := strconv.Atoi(match[1])
		scale, _ := strconv.Atoi(match[2])
		l.min, l.max = 0, math.Pow10(digits-scale)-1
	}
	if match := listCheck.FindStringSubmatch(check); match != nil {
		l.addList(match[1])
	}
	for _, match := range literalCheck.FindAllStringSubmatch(check, -1) {
		l.list = append(l.list, match[1])
	}
	if match := likeCheck.FindStringSubmatch(check); match != nil && match[1] == "" {
		l.like = match[2]
	}
	if match := betweenCheck.FindStringSubmatch(check); match != nil {
		l.bound(">=", match[1], 1)
		l.bound("<=", match[2], 1)
	}
	for _, match := range lengthCheck.FindAllStringSubmatch(check, -1) {
		l.boundLength(match[1], match[2])
	}
	step := 1.0
	if field.GORMDataType == schema.Float {
		step = 0.5
	}
	for _, match := range numberCheck.FindAllStringSubmatch(lengthCheck.ReplaceAllString(check, ""),
		-1) {
		l.bound(match[1], match[2], step)
	}
	return l
}

// addList adds the values of a list in SQL.
func (l *limits) addList(list string) {
	for _, item := range strings.Split(list, ",") {
		item, _, _ = strings.Cut(item, "::") // as PostgreSQL tells it
		l.list = append(l.list, strings.Trim(strings.TrimSpace(item), "'"))
	}
}

func (l *limits) bound(operator, number string, step float64) {
	n, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return
	}
	if strings.Contains(operator, "=") {
		step = 0
	}
	if operator[0] != '<' {
		l.min = math.Max(l.min, n+step)
	}
	if operator[0] != '>' {
		l.max = math.Min(l.max, n-step)
	}
}

func (l *limits) boundLength(operator, number string) {
	n, err := strconv.Atoi(number)
	if err != nil {
		return
	}
	step := 1
	if strings.Contains(operator, "=") {
		step = 0
	}
	if operator[0] != '<' {
		l.minLen = max(l.minLen, n+step)
	}
	if operator[0] != '>' {
		l.maxLen = min(l.maxLen, n-step)
	}
}

// number returns the nth number within the limits.
func (l *limits) number(n float64) float64 {
	switch {
	case len(l.list) > 0:
		if number, err := strconv.ParseFloat(l.list[int(n)%len(l.list)], 64); err == nil {
			return number
		}
	case !math.IsInf(l.min, -1) && l.min+n > l.max:
		return l.min
	case !math.IsInf(l.min, -1):
		return l.min + n
	case n > l.max:
		return l.max - n
	}
	return n
}

// text returns s within the limits. What makes it unique is at its end.
func (l *limits) text(s string, n int) string {
	if len(l.list) > 0 {
		return l.list[n%len(l.list)]
	}
	if before, behind, ok := strings.Cut(l.like, "%"); ok {
		room := max(0, l.maxLen-len(before)-len(behind))
		s = before + s[max(0, len(s)-room):] + strings.ReplaceAll(behind, "%", "")
	}
	for len(s) < l.minLen {
		s = "x" + s
	}
	if len(s) > l.maxLen {
		s = s[len(s)-l.maxLen:]
	}
	return s
}

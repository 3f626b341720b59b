package oracle

import (
	"regexp"
	"slices"
	"strings"
)

// step is one step of a program on both sides.
type step struct {
	setting              Setting
	marks                Mark
	shared, solo         sight
	sharedWas, soloWas   *snapshot // the rows before it
	sharedSays, soloSays string    // the kinds of error
}

// rule is a reason for which the two sides differ by right. This is the whole list; whatever is not
// on it must be the same. Each rule asks for the very error, and for the key of another tenant that
// explains it: one that the rows of the plain side show, or one that the step itself names.
type rule struct {
	name   string
	why    string
	allows func(s *step) bool
}

var rules = []rule{
	{
		name: "key_taken",
		why: "A row with that key exists, and is another tenant's: with A alone, the key is free " +
			"and the row is made. Keys are unique over all tenants, so the shared side must " +
			"refuse.",
		allows: func(s *step) bool {
			return (s.sharedSays == "ErrOtherTenant" || s.sharedSays == "duplicate key") &&
				s.soloAdds(func(r record) bool {
					return r.table != joinTable &&
						s.sharedWas.isTaken(r.table, r.id)
				})
		},
	},
	{
		name: "link_refused",
		why: "The association would link a row of A to one of another tenant. With A alone there " +
			"is no such row, and without foreign-key constraints the link leads nowhere.",
		allows: func(s *step) bool {
			return s.sharedSays == "ErrOtherTenant" && s.soloAdds(s.sharedWas.leads)
		},
	},
	{
		name: "refused_for_another_reason",
		why: "Both sides refuse a step that names the key of another tenant's row: alone, " +
			"because no row has that key; shared, because of whose it is. Neither changed a row.",
		allows: func(s *step) bool {
			switch s.sharedSays {
			case "ErrOtherTenant", "duplicate key", "foreign key":
				return s.soloSays != "" && s.marks&(ForeignKey|PlainKey|OtherTenant) != 0
			}
			return false
		},
	},
	{
		name: "error_lost",
		why: "Of several owners in association mode, GORM reports the error of the last only. " +
			"What was refused for one of them was not done, and nobody is told.",
		allows: func(s *step) bool {
			return s.marks&Owners != 0 && s.marks&(ForeignKey|LooseKey|OtherTenant) != 0 &&
				(s.sharedSays == s.soloSays || s.sharedSays == "" ||
					s.sharedSays == "ErrOtherTenant") &&
				!s.sharedAdds(func(r record) bool {
					return s.sharedWas.leads(r) && s.solo.rows != nil &&
						!slices.Contains(s.solo.rows.records, r)
				})
		},
	},
	{
		name: "told_rather_than_silent",
		why: "Alone, a write of a value with a key that no row has changes nothing, in silence, " +
			"or DO NOTHING skips the value for another key of it. Shared, the row with that key " +
			"is another tenant's, and the program is told.",
		allows: func(s *step) bool {
			return s.sharedSays == "ErrOtherTenant" && s.soloSays == "" &&
				s.marks&ForeignKey != 0 &&
				s.solo.rows != nil && (s.marks&Skips != 0 || s.solo.rows.a == s.soloWas.a)
		},
	},
	{
		name: "plain_foreign_key",
		why: "A foreign-key field that a program sets to the number of another tenant's row " +
			"passes the constraint where that row is in the same database. SECURITY.md says so; " +
			"CheckReferences or composite keys hold it.",
		allows: func(s *step) bool {
			return !s.setting.CheckReferences && s.setting.ForeignKeys && s.marks&PlainKey != 0 &&
				(s.soloSays == "foreign key" || s.marks&Owners != 0 && s.soloSays == "" &&
					s.sharedAdds(s.sharedWas.leads))
		},
	},
	{
		name: "reference_checked",
		why: "CheckReferences refuses a key of no row of the tenant's also where no constraint " +
			"does: a polymorphic one, one of a row that is made later, one that no row gets or " +
			"that Select leaves out. It asks for whole keys. The keys in maps are always " +
			"checked.",
		allows: func(s *step) bool {
			switch {
			case s.sharedSays == "ErrOtherTenant" && s.marks&PlainKey != 0:
				return true
			case !s.setting.CheckReferences:
				return false
			case s.sharedSays == "ErrUnsupported":
				return strings.Contains(s.shared.err.Error(), "key is set, which cannot be checked")
			}
			return s.sharedSays == "ErrOtherTenant" &&
				(s.soloSays != "" || s.marks&(LooseKey|Restricted) != 0 ||
					s.soloAdds(s.soloWas.dangling) ||
					s.marks&SetsKey != 0 && !s.soloWas.hasFirst())
		},
	},
	{
		name: "other_tenant_named",
		why:  "A value of the program names another tenant. Alone the column means nothing.",
		allows: func(s *step) bool {
			return s.marks&OtherTenant != 0 && (s.sharedSays == "ErrOtherTenant" ||
				s.sharedSays == "ErrTenantChange")
		},
	},
	{
		name: "key_in_memory",
		why: "A value holds the key of another tenant's row, which Select or Omit leaves out of " +
			"the INSERT. GORM would take it for the key of the new row and link associations to " +
			"it.",
		allows: func(s *step) bool {
			return s.sharedSays == "ErrOtherTenant" && s.marks&Restricted != 0 &&
				s.marks&ForeignKey != 0
		},
	},
	{
		name: "no_columns",
		why: "GORM writes INSERT ... DEFAULT VALUES for rows all of whose columns are omitted: " +
			"one row for several, and with ON CONFLICT, which SQLite does not know. Shared, the " +
			"tenant column is there.",
		allows: func(s *step) bool {
			if s.sharedSays == "" && s.soloSays == "" {
				return s.marks&Restricted != 0 && s.moreEmpty()
			}
			return strings.Contains(s.soloSays, `near \"ON\": syntax error`)
		},
	},
	{
		name: "nobodys_join_row",
		why: "A row of the join table one side of which is not there joins nothing and is " +
			"nobody's: shared, no tenant sees or removes it. Without foreign-key constraints " +
			"there can be some.",
		allows: func(s *step) bool {
			return s.sharedSays == s.soloSays && s.shared.values == s.solo.values &&
				!s.setting.ForeignKeys &&
				s.shared.rows != nil && s.solo.rows != nil &&
				s.shared.rows.alive() == s.solo.rows.alive()
		},
	},
	{
		name: "one_of_several",
		why: "Of two rows for a has-one association GORM takes the last that comes, and the " +
			"database gives them in any order.",
		allows: func(s *step) bool {
			return s.sharedSays == s.soloSays && s.soloWas.hasSeveral() &&
				oneOfSeveral.ReplaceAllString(s.shared.values, "") ==
					oneOfSeveral.ReplaceAllString(s.solo.values, "") &&
				s.shared.rows.a == s.solo.rows.a
		},
	},
	{
		name: "invalid_text",
		why: "Alone the database refuses the text as invalid. Shared, it is refused before it is " +
			"sent, because it cannot be read in one way.",
		allows: func(s *step) bool { return s.sharedSays == "ErrRawSQL" && s.soloSays != "" },
	},
	{
		name: "comment_refused",
		why: "Raw text with a comment to the end of the line would hide the tenant's condition, " +
			"which stands behind it.",
		allows: func(s *step) bool { return s.marks&Comment != 0 && s.sharedSays == "ErrRawSQL" },
	},
}

// soloAdds reports whether the step gave the plain side a row for which the condition holds.
func (s *step) soloAdds(condition func(r record) bool) bool {
	return s.solo.rows != nil && s.soloWas != nil &&
		slices.ContainsFunc(s.solo.rows.since(s.soloWas), condition)
}

// sharedAdds is soloAdds for the shared side.
func (s *step) sharedAdds(condition func(r record) bool) bool {
	return s.shared.rows != nil && slices.ContainsFunc(s.shared.rows.since(s.sharedWas), condition)
}

// byRight returns the name of the rule that allows the difference, "" for none.
func (s *step) byRight() string {
	for _, r := range rules {
		if r.allows(s) {
			return r.name
		}
	}
	return ""
}

// moreEmpty reports whether the shared side added more rows than the plain side, all of the others
// empty.
func (s *step) moreEmpty() bool {
	if s.shared.rows == nil || s.solo.rows == nil {
		return false
	}
	count := map[bool]int{}
	var others []string
	for side, added := range [][]record{
		s.shared.rows.since(s.sharedWas), s.solo.rows.since(s.soloWas),
	} {
		var text []string
		for _, r := range added {
			if r.empty() {
				count[side == 0]++
			} else {
				text = append(text, r.String())
			}
		}
		others = append(others, strings.Join(text, "\n"))
	}
	return count[true] > count[false] && others[0] == others[1]
}

// oneOfSeveral is the text of a has-one association, as it stands in a user.
var oneOfSeveral = regexp.MustCompile(`Profile: &saas\.Profile\{[^{}]*(\{[^{}]*\})?[^{}]*\}`)

// hasSeveral reports whether a user has two profiles.
func (s *snapshot) hasSeveral() bool {
	seen := map[int64]bool{}
	return slices.ContainsFunc(s.records, func(r record) bool {
		twice := r.table == "profiles" && r.ref.Valid && seen[r.ref.Int64]
		seen[r.ref.Int64] = seen[r.ref.Int64] || r.table == "profiles"
		return twice
	})
}

// nobodys reports whether the plain side has a row of the join table that is nobody's. The two
// sides are the same so far, but programs are not compared past it.
func (s *step) nobodys() bool {
	return s.solo.rows != nil && slices.ContainsFunc(s.solo.rows.records, s.solo.rows.joinsNothing)
}

// failedFurtherOn reports whether both sides of a step that names the key of another tenant's row
// failed alike, but memory holds different values since: shared, GORM came past that key before
// something else failed, or not as far. The two sides are the same so far, but the next step may
// show those values, so that programs are not compared past it.
func (s *step) failedFurtherOn() bool {
	return s.shared.err != nil && s.shared.values != s.solo.values &&
		s.marks&(ForeignKey|PlainKey|OtherTenant) != 0
}

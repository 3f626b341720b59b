package tenanttest_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant/callbacks"
	"github.com/gormtenant/gormtenant/internal/testing/soak"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/tenanttest"
)

// setup is a way to be not isolated.
type setup struct {
	name   string
	open   func(t *testing.T) *gorm.DB
	models []any
	// finds are sub-tests that have to fail, and if only is set no others may.
	finds []string
	only  bool
	// says is what Run prints where it does not get to sub-tests.
	says string
}

// breaking opens a database on which one guard of the plugin is taken out.
func breaking(
	takeOut func(db *gorm.DB) error, options ...tenantplugin.Option,
) func(t *testing.T) *gorm.DB {
	return func(t *testing.T) *gorm.DB {
		db := opened("sqlite", options...)(t)
		require.NoError(t, takeOut(db))
		return db
	}
}

func nothing(*gorm.DB) {}

// withoutBuilder takes out the guard that writes a clause.
func withoutBuilder(name string, finds ...string) setup {
	return setup{
		name: "without_builder_" + strings.ReplaceAll(name, " ", "_"), models: withPlainKeys(),
		finds: finds,
		open: func(t *testing.T) *gorm.DB {
			db := openEmpty(t, "sqlite")
			before, had := db.ClauseBuilders[name]
			require.NoError(t, db.Use(tenantplugin.New()))
			delete(db.ClauseBuilders, name)
			if had {
				db.ClauseBuilders[name] = before
			}
			return db
		},
	}
}

// withoutCallback takes out a callback.
func withoutCallback(kind, name string, finds ...string) setup {
	return setup{
		name:   "without_callback_" + kind + "_" + strings.TrimPrefix(name, "gormtenant:"),
		models: withPlainKeys(), finds: finds,
		open: breaking(func(db *gorm.DB) error {
			switch callback := db.Callback(); kind {
			case "create":
				return callback.Create().Replace(name, nothing)
			case "query":
				return callback.Query().Replace(name, nothing)
			case "update":
				return callback.Update().Replace(name, nothing)
			case "delete":
				return callback.Delete().Replace(name, nothing)
			case "row":
				return callback.Row().Replace(name, nothing)
			default:
				return callback.Raw().Replace(name, nothing)
			}
		}),
	}
}

// withPlainKeys are the good models where nothing looks after their foreign keys: what finds a
// set-up without a guard is to be an attack.
func withPlainKeys() []any {
	return append(goodModels(),
		tenanttest.Allow("member/foreign_key_team_id", "not what is tested"),
		tenanttest.Allow("member/foreign_key_boss_id", "not what is tested"))
}

// setups are all of them.
func setups() []setup {
	list := append(badModels("sqlite"), withoutGuard()...)
	list = append(list, badArguments()...)
	list = append(list, sendsAstray()...)
	return list
}

// badArguments are calls of Run that fail before anything is attacked.
func badArguments() []setup {
	list := []setup{
		{
			name: "nil_among_models", models: []any{&team{}, nil},
			says: "gormtenant: tenanttest.Run: option 2 is nil",
		},
		{name: "no_models", says: "tenanttest: Run needs the models to test"},
		{name: "text_as_model", models: []any{"teams"}, says: "tenanttest: string is no model"},
		{
			name:   "allow_without_reason",
			models: []any{&team{}, tenanttest.Allow("team/find", " ")},
			says:   `tenanttest: Allow("team/find") needs a reason`,
		},
	}
	for i := range list {
		list[i].open, list[i].finds, list[i].only = opened("sqlite"), []string{""}, true
	}
	return list
}

// withoutGuard are set-ups on which one guard is missing. The builder of WHERE is not among them:
// without it the gate limits every statement, and the kit finds nothing.
func withoutGuard() []setup {
	return []setup{
		{
			name: "plugin_missing", models: goodModels(), finds: []string{"plugin"}, only: true,
			open: func(t *testing.T) *gorm.DB { return openEmpty(t, "sqlite") },
		},
		{
			name: "references_checked_on_create_only", models: goodModels(),
			finds: []string{"member/foreign_key_team_id"},
			open: breaking(func(db *gorm.DB) error {
				db.ClauseBuilders["SET"] = func(c clause.Clause, b clause.Builder) { c.Build(b) }
				return nil
			}, tenantplugin.CheckReferences()),
		},
		withoutBuilder("SET", "team/save_over_foreign_key",
			"member/updates_with_struct_by_key_of_another", "team/save_with_members"),
		withoutBuilder("VALUES", "team/create_without_tenant_column", "badge/create_map"),
		withoutBuilder("ON CONFLICT", "team/upsert_over_foreign_key", "badge/save_over_foreign_key",
			"team/append_members", "team/upsert_that_changes_tenant"),
		withoutCallback("query", callbacks.QueryName, "team/find", "badge/where_another_tenant",
			"team/find_by_row_of_another"),
		withoutCallback("row", callbacks.RowName, "team/rows", "team/raw_row"),
		withoutCallback("raw", callbacks.RawName, "rows"),
		withoutCallback("create", callbacks.CreateName, "rows"),
		withoutCallback("create", callbacks.ReferencesName, "member/append_to_badges_of_another"),
		withoutCallback("create", callbacks.ConflictName, "team/upsert_over_foreign_key",
			"badge/save_many_over_foreign_key"),
		withoutCallback("update", callbacks.UpdateName, "rows"),
		withoutCallback("update", callbacks.OwnerName, "team/append_to_members_of_another"),
		withoutCallback("delete", callbacks.DeleteName, "team/delete_without_condition",
			"team/delete_many_with_one_of_another"),
	}
}

// brokenVariable makes TestBrokenSetups run, and fail.
const brokenVariable = "GORMTENANT_TEST_BROKEN"

// The values of brokenVariable.
const (
	everything = "all"      // setups
	onPostgres = "postgres" // badModels there
)

// TestBrokenSetups has to fail in each of its sub-tests; findings sees to it.
func TestBrokenSetups(t *testing.T) {
	if os.Getenv(brokenVariable) == "" {
		t.Skip("is run by TestRun_finds_every_broken_setup")
	}
	list := setups()
	if os.Getenv(brokenVariable) == onPostgres {
		list = badModels("postgres")
	}
	for _, s := range list {
		t.Run(s.name, func(t *testing.T) { tenanttest.Run(t, s.open, s.models...) })
	}
}

func TestRun_finds_every_broken_setup(t *testing.T) {
	t.Parallel()
	requireFound(t, everything, setups())
}

// What Run reads from the catalog it reads there with statements of their own.
func TestRun_finds_bad_models_on_Postgres_soak(t *testing.T) {
	t.Parallel()
	soak.Skip(t)
	requireFound(t, onPostgres, badModels("postgres"))
}

// requireFound fails t unless Run finds what is wrong with each of the set-ups.
func requireFound(t *testing.T, which string, list []setup) {
	t.Helper()
	if os.Getenv(brokenVariable) != "" {
		t.Skip("runs itself")
	}
	found, output := findings(t, which)
	for _, s := range list {
		got := found[s.name]
		if len(got) == 0 {
			t.Errorf("%s: nothing was found", s.name)
			continue
		}
		t.Logf("%-40s %3d findings, among them %s", s.name, len(got),
			strings.Join(got[:min(3, len(got))], ", "))
		for _, want := range s.finds {
			if !slices.Contains(got, want) {
				t.Errorf("%s: %s did not find it, but %s did", s.name, want,
					strings.Join(got, ", "))
			}
		}
		if !strings.Contains(output, s.says) {
			t.Errorf("%s: Run did not print %q", s.name, s.says)
		}
		if s.only {
			require.ElementsMatch(t, s.finds, got, s.name)
		}
	}
	if t.Failed() {
		t.Logf("%s", output)
	}
}

// findings runs TestBrokenSetups in a process of its own and returns the sub-tests that failed, by
// set-up.
func findings(t *testing.T, which string) (found map[string][]string, output string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBrokenSetups$",
		"-test.v", fmt.Sprint("-test.short=", testing.Short()))
	command.Env = append(os.Environ(), brokenVariable+"="+which)
	text, err := command.CombinedOutput()
	require.Error(t, err, "every set-up passed")
	found = map[string][]string{}
	failed := regexp.MustCompile(`^\s*--- FAIL: TestBrokenSetups/([^/ ]+)(?:/(\S+))? \(`)
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		if match := failed.FindStringSubmatch(lines.Text()); match != nil {
			found[match[1]] = append(found[match[1]], match[2])
		}
	}
	require.NoError(t, lines.Err())
	for name, list := range found { // a parent fails with its sub-tests
		found[name] = slices.DeleteFunc(list, func(one string) bool {
			return slices.ContainsFunc(list,
				func(other string) bool {
					return one == "" && other != "" || strings.HasPrefix(other, one+"/")
				})
		})
	}
	return found, string(text)
}

package transfer_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// meddle gives a place triggers that change rows, and note down who wrote.
func meddle(t *testing.T, h *fixture) {
	t.Helper()
	statements := []string{
		"CREATE TABLE audit (what text)",
		"CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " +
			"NEW.title := 'meddled'; RETURN NEW; END $$",
		"CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " +
			"INSERT INTO public.audit VALUES (TG_OP); RETURN NULL; END $$",
		"CREATE TRIGGER meddle BEFORE INSERT OR UPDATE ON {books} FOR EACH ROW " +
			"EXECUTE FUNCTION meddle()",
		"CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON {books} FOR EACH ROW " +
			"EXECUTE FUNCTION note()",
		"CREATE CONSTRAINT TRIGGER late AFTER INSERT OR DELETE ON {book_tags} " +
			"DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note()",
		"CREATE TRIGGER idle AFTER INSERT ON {tags} EXECUTE FUNCTION note()",
		"ALTER TABLE {tags} DISABLE TRIGGER idle",
		"CREATE TRIGGER always AFTER INSERT ON {tags} EXECUTE FUNCTION note()",
		"ALTER TABLE {tags} ENABLE ALWAYS TRIGGER always",
		"ALTER TABLE {books} ALTER CONSTRAINT fk_authors_books DEFERRABLE INITIALLY DEFERRED",
	}
	if h.DB.Name() == "sqlite" {
		statements = []string{
			"CREATE TABLE audit (what text)",
			"CREATE TRIGGER meddle AFTER INSERT ON books BEGIN " +
				"UPDATE books SET title = 'meddled' WHERE id = NEW.id; END",
			"CREATE TRIGGER note AFTER INSERT ON tags BEGIN " +
				"INSERT INTO audit VALUES ('INSERT'); END",
			"CREATE TRIGGER \"note deletes\" AFTER DELETE ON Books BEGIN " +
				"INSERT INTO audit VALUES ('DELETE'); END",
		}
	}
	for _, statement := range statements {
		require.NoError(t, h.DB.Exec(h.named(statement)).Error)
	}
}

// triggers returns those of the application, and their states.
func triggers(t *testing.T, h *fixture) (list []string) {
	t.Helper()
	query := "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name NOT LIKE " +
		"'gormtenant_freeze%' ORDER BY 1"
	if h.DB.Name() == "postgres" {
		query = "SELECT tgrelid::regclass::text || tgname || tgenabled::text FROM pg_trigger " +
			"WHERE NOT tgisinternal AND tgname NOT LIKE 'gormtenant_freeze%' ORDER BY 1"
	}
	require.NoError(t, h.DB.Raw(query).Scan(&list).Error)
	require.NotEmpty(t, list)
	return list
}

// A row that is moved is as it was, and nobody has written it.
func TestMove_runs_no_triggers_of_the_application(t *testing.T) {
	t.Parallel()
	each(t, [][2]string{
		{pgRows, pgSchema}, {pgSchema, pgRows}, {liteRows, liteFile}, {liteFile, pgRows},
	}, func(t *testing.T, from, to *fixture) {
		populate(t, from, to)
		meddle(t, from)
		if from.dsn != to.dsn {
			meddle(t, to)
		} else {
			require.NoError(t, to.DB.Exec(to.named("CREATE TRIGGER meddle BEFORE INSERT OR UPDATE "+
				"ON {books} FOR EACH ROW EXECUTE FUNCTION meddle()")).Error)
			require.NoError(t, to.DB.Exec(to.named("CREATE TRIGGER note AFTER INSERT OR DELETE ON "+
				"{books} FOR EACH ROW EXECUTE FUNCTION note()")).Error)
		}
		before := [][]string{triggers(t, from), triggers(t, to)}
		want := from.seen(t, acme)
		p := plan(t, from, acme)
		require.NoError(t, p.Copy(t.Context(), from.Location, to.Location, nil))
		require.NoError(t, p.Clear(t.Context(), to.Location))
		move(t, p, from, to)
		require.Equal(t, want, to.seen(t, acme))
		require.NoError(t, p.Remove(t.Context(), from.Location))
		for i, h := range []*fixture{from, to} {
			var notes []string
			require.NoError(t, h.DB.Raw("SELECT what FROM audit").Scan(&notes).Error)
			require.Empty(t, notes)
			require.Equal(t, before[i], triggers(t, h))
		}
		// They are on again.
		require.NoError(t, to.as(t, acme).Create(&Book{Slug: "new", AuthorID: 10}).Error)
		var title string
		require.NoError(t, to.DB.Raw(to.named("SELECT title FROM {books} WHERE slug = 'new'")).
			Scan(&title).Error)
		require.Equal(t, "meddled", title)
	})
}

// Shared tables are locked late, and a transaction that is open is waited for without being in the
// way of others.
func TestCopy_waits_for_writers_of_tables_with_triggers(t *testing.T) {
	t.Parallel()
	each(t, [][2]string{{pgSchema, pgRows}}, func(t *testing.T, from, to *fixture) {
		populate(t, from, to)
		meddle(t, to)
		writer := to.DB.Begin()
		require.NoError(t, writer.Exec("UPDATE books SET title = 'x' WHERE id = 200").Error)
		done := make(chan error)
		p := plan(t, from, acme)
		go func() { done <- p.Copy(t.Context(), from.Location, to.Location, nil) }()
		waitsForBooks(t, to)
		require.NoError(t, to.as(t, zeta).Model(&Book{}).Where("id = 201").
			Update("title", "goes on").Error)
		require.NoError(t, writer.Exec("UPDATE authors SET name = 'x' WHERE id = 200").Error)
		require.NoError(t, writer.Commit().Error)
		require.NoError(t, <-done)
		require.NoError(t, p.Compare(t.Context(), from.Location, to.Location))
	})
}

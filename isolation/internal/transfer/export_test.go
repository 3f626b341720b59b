package transfer_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
)

// exported is an export of acme.
func exported(t *testing.T, h *fixture) []byte {
	t.Helper()
	var file bytes.Buffer
	rows, err := plan(t, h, acme).Export(t.Context(), h.Location, &file, nil)
	require.NoError(t, err)
	require.EqualValues(t, bytes.Count(file.Bytes(), []byte("\n"))-2, rows)
	return file.Bytes()
}

// What is exported at one place is the same at every other, to the last bit.
func TestExport_and_Import_every_pair(t *testing.T) {
	t.Parallel()
	kinds := []string{pgRows, pgSchema, pgDatabase, liteRows, liteFile}
	for _, from := range kinds {
		t.Run(from, func(t *testing.T) {
			t.Parallel()
			source := newFixture(t, from, "")
			seed(t, source.app, acme, 10, 3)
			if source.Shared {
				seed(t, source.app, zeta, 100, 3)
			}
			file := exported(t, source)
			require.NotContains(t, string(file), "zeta")
			for _, to := range kinds {
				target := newFixture(t, to, "")
				if target.Shared {
					seed(t, target.app, zeta, 100, 3)
				}
				theirs := target.others(t)
				p := plan(t, target, acme)
				rows, err := p.Import(t.Context(), target.Location, bytes.NewReader(file), nil)
				require.NoError(t, err, to)
				require.EqualValues(t, bytes.Count(file, []byte("\n"))-2, rows)
				require.Equal(t, source.seen(t, acme), target.seen(t, acme), to)
				require.Equal(t, theirs, target.others(t), to)
				if source.DB.Name() == target.DB.Name() {
					require.Equal(t, source.bytes(t, "tenant_id = 'acme'"),
						target.bytes(t, "tenant_id = 'acme'"), to)
				}
				next := Tag{Label: "next"} // sequences are past the keys that came
				require.NoError(t, target.as(t, acme).Create(&next).Error, to)
				require.NoError(t, target.as(t, acme).Delete(&next).Error)
				_, err = p.Import(t.Context(), target.Location, bytes.NewReader(file), nil)
				require.ErrorIs(t, err, transfer.ErrHasRows, to)
			}
		})
	}
}

// What no other database can keep is kept by the same one.
func TestExport_of_what_only_Postgres_has(t *testing.T) {
	t.Parallel()
	h := newFixture(t, pgRows, "")
	require.NoError(t, h.DB.Exec("ALTER TABLE tags ADD COLUMN x float8, ADD COLUMN y timestamptz, "+
		"ADD COLUMN z int[], ADD COLUMN n numeric").Error)
	require.NoError(t, h.DB.Exec("INSERT INTO tags (id, tenant_id, label, x, y, z, n) VALUES "+
		"(1, 'acme', E'\\t\\\\N \\n', 'NaN', 'infinity', '{1,NULL,3}', 'NaN'), "+
		"(2, 'acme', '', '-Infinity', '0044-03-15 BC', '{}', 1234567890.12345678901234567890)").
		Error)
	file, before := exported(t, h), h.bytes(t, "1 = 1")
	p := plan(t, h, acme)
	require.NoError(t, p.Clear(t.Context(), h.Location))
	_, err := p.Import(t.Context(), h.Location, bytes.NewReader(file), nil)
	require.NoError(t, err)
	require.Equal(t, before, h.bytes(t, "1 = 1"))
}

// What SQLite keeps in a column is not always what the column says.
func TestExport_of_what_only_SQLite_has(t *testing.T) {
	t.Parallel()
	h := newFixture(t, liteRows, "")
	require.NoError(t, h.DB.Exec("INSERT INTO tags (id, tenant_id, label) VALUES "+
		"(1, 'acme', 1.0), (2, 'acme', x'00ff'), (3, 'acme', 9e999), "+
		"(4, 'acme', CAST(x'c328' AS TEXT)), (5, 'acme', NULL), (6, 'acme', x''), "+
		"(7, 'acme', 9223372036854775807), (8, 'acme', 'a' || char(0) || 'b')").Error)
	file, before := exported(t, h), h.bytes(t, "1 = 1")
	p := plan(t, h, acme)
	require.NoError(t, p.Clear(t.Context(), h.Location))
	_, err := p.Import(t.Context(), h.Location, bytes.NewReader(file), nil)
	require.NoError(t, err)
	require.Equal(t, before, h.bytes(t, "1 = 1"))
}

// A file that is not whole, not the tenant's or not what was written changes nothing.
func TestImport_of_a_bad_file(t *testing.T) {
	t.Parallel()
	onEach(t, []string{pgRows, liteRows}, func(t *testing.T, h *fixture, p *transfer.Plan) {
		file := string(exported(t, h))
		lines := strings.SplitAfter(file, "\n")
		require.NoError(t, p.Clear(t.Context(), h.Location))
		before := h.bytes(t, "1 = 1")
		for _, c := range []struct{ name, file string }{
			{"empty", ""},
			{"header_only", lines[0]},
			{"cut_off", file[:len(file)/2]},
			{"no_end", strings.TrimSuffix(file, lines[len(lines)-2])},
			{"a_row_less", strings.Replace(file, lines[3], "", 1)},
			{"a_row_twice", strings.Replace(file, lines[3], lines[3]+lines[3], 1)},
			{"another_value", strings.Replace(file, "ann", "bob", 1)},
			{"another_tenant", strings.Replace(file, `"tenant":"acme"`, `"tenant":"zeta"`, 1)},
			{"goes_on", file + "{}\n"},
			{"no_export", "{\"hello\":1}\n"},
			{"no_json", "hello\n"},
			{"newer", strings.Replace(file, `"version":1`, `"version":2`, 1)},
			{"unknown_table", sealed(lines[0:1], `{"table":"users","row":[]}`)},
			{"too_few_values", sealed(lines[0:1], `{"table":"tags","row":["1"]}`)},
			{"bad_value", sealed(lines[0:1], `{"table":"tags","row":[{"x":1},"acme","l"]}`)},
		} {
			_, err := p.Import(t.Context(), h.Location, strings.NewReader(c.file), nil)
			require.ErrorIs(t, err, transfer.ErrExport, c.name)
			require.Equal(t, before, h.bytes(t, "1 = 1"), c.name)
		}
	})
}

// A file may say of a row that it is another tenant's, or join what is another's: it does not get
// in, though all sums are right.
func TestImport_of_rows_of_others(t *testing.T) {
	t.Parallel()
	onEach(t, []string{pgRows, liteRows}, func(t *testing.T, h *fixture, p *transfer.Plan) {
		header := strings.SplitAfter(string(exported(t, h)), "\n")[0:1]
		require.NoError(t, p.Clear(t.Context(), h.Location))
		before := h.bytes(t, "1 = 1")
		for _, c := range []struct{ name, row string }{
			{"tenant_column", `{"table":"tags","row":["5000","` + escaped(zeta) + `","evil"]}`},
			{"join_table", `{"table":"book_tags","row":["101","101"]}`},
		} {
			_, err := p.Import(t.Context(), h.Location,
				strings.NewReader(sealed(header, c.row)), nil)
			require.Error(t, err, c.name)
			require.Equal(t, before, h.bytes(t, "1 = 1"), c.name)
		}
	})
}

// A disk that fills while a tenant is exported is an error, and what is there is no export.
func TestExport_to_a_full_disk(t *testing.T) {
	t.Parallel()
	onEach(t, []string{pgRows, liteRows}, func(t *testing.T, h *fixture, p *transfer.Plan) {
		whole := len(exported(t, h))
		for _, room := range []int{0, 1, 1000, whole - 1} {
			disk := &disk{room: room}
			_, err := p.Export(t.Context(), h.Location, disk, nil)
			require.ErrorIs(t, err, errFull, room)
			_, err = p.Import(t.Context(), h.Location, &disk.kept, nil)
			require.ErrorIs(t, err, transfer.ErrExport, room)
		}
	})
}

var errFull = errors.New("no space left on device")

// disk has room for so many bytes.
type disk struct {
	kept bytes.Buffer
	room int
}

func (d *disk) Write(p []byte) (int, error) {
	n, _ := d.kept.Write(p[:min(len(p), d.room-d.kept.Len())])
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

var _ io.Writer = (*disk)(nil)

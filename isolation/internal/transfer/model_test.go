package transfer_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/models"
)

// Author refers to another, and has friends.
type Author struct {
	ID uint
	models.TenantModel
	Name    string
	BossID  *uint
	Boss    *Author
	Friends []Author `gorm:"many2many:author_friends"`
	Books   []Book
}

// Book is deleted softly, and has an address that nobody else may have.
type Book struct {
	ID uint
	models.TenantModel
	Title     string
	Slug      string `gorm:"uniqueIndex"`
	AuthorID  uint
	CountryID *string
	Country   *Country
	Tags      []Tag `gorm:"many2many:book_tags"`
	CreatedAt time.Time
	DeletedAt gorm.DeletedAt
}

// Tag marks books.
type Tag struct {
	ID uint
	models.TenantModel
	Label string
	Books []Book `gorm:"many2many:book_tags"`
}

// Country is nobody's.
type Country struct {
	ID   string
	Name string
}

// Sample has a column of each kind.
type Sample struct {
	ID uint
	models.TenantModel
	Flag   bool
	Maybe  *bool
	Small  int16
	Big    int64
	Ratio  float64
	Short  float32
	Amount string `gorm:"type:numeric(20,6)"`
	At     time.Time
	Never  *time.Time
	Plain  time.Time `gorm:"type:timestamp"`
	Day    time.Time `gorm:"type:date"`
	Raw    []byte
	Doc    string    `gorm:"type:jsonb"`
	Key    uuid.UUID `gorm:"type:uuid"`
	Words  string
	Doubt  *string
}

func all() []any {
	return []any{&Country{}, &Author{}, &Book{}, &Tag{}, &Sample{}}
}

// tables are those of the tenants.
var tables = []string{"authors", "books", "tags", "samples", "author_friends", "book_tags"}

const (
	acme = `acme`
	zeta = `zeta's \ "own"` // hostile to whoever writes it into SQL
)

// seed gives a tenant rows with keys from first on.
func seed(t *testing.T, db *gorm.DB, tenant string, first, books uint) {
	t.Helper()
	db = db.WithContext(gormtenant.WithTenant(t.Context(), tenant))
	boss := first + 1
	country := "PT"
	zone := time.FixedZone("east", 5*3600+1800)
	yes, doubt := true, ""
	authors := []Author{
		{ID: first, Name: "ann", BossID: &boss}, // refers to a later one
		{ID: boss, Name: "b\tob\n\\.", Friends: nil},
	}
	require.NoError(t, db.Omit("Boss").Create(&authors).Error)
	require.NoError(t, db.Model(&authors[0]).Association("Friends").Append(&authors[1]))
	tags := []Tag{{ID: first, Label: "red"}, {ID: first + 1, Label: ""}}
	require.NoError(t, db.Create(&tags).Error)
	var list []Book
	for i := range books {
		book := Book{
			ID: first + i, Title: "title", Slug: fmt.Sprintf("%s-%d", tenant,
				first+i), AuthorID: first, CountryID: &country,
			CreatedAt: time.Date(2024, 2, 29, 23, 59, 59, 123456000, zone), Tags: []Tag{tags[i%2]},
		}
		if i%3 == 1 {
			book.DeletedAt = gorm.DeletedAt{
				Time:  time.Date(2025, 1, 2, 3, 4, 5, 6000, time.UTC),
				Valid: true,
			}
		}
		list = append(list, book)
	}
	require.NoError(t, db.Omit("Tags.*", "Country").CreateInBatches(&list, 500).Error)
	samples := []Sample{
		{
			ID: first, Flag: true, Maybe: &yes, Small: -32768, Big: 1<<63 -
				1, Ratio: 0.1, Short: 0.1, Amount: "12345678.123456",
			At: time.Date(2024, 7, 1, 12, 30, 0, 1000, zone), Never: nil, Plain: time.Date(1969, 12,
				31, 23, 59, 59, 999999000, time.UTC),
			Day: time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC), Raw: []byte{0, 1, 0xff, '\\', '\n'},
			Doc: `{"b": [1, 2.50, null], "a": "x\u00e9<"}`,
			Key: uuid.MustParse("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), Words: "tab\t, line\n, " +
				"\\N, \\., quote'\" ünïcödé ‰", Doubt: &doubt,
		},
		{
			ID: first + 1, Amount: "-0.500000", Doc: `5`, Raw: []byte{}, Ratio: -1e300,
			At: time.Time{}.UTC(), Words: `\N`,
		},
	}
	require.NoError(t, db.Create(&samples).Error)
}

package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"strings"
)

// ErrDiffer is what Compare returns where the two places do not hold the same.
var ErrDiffer = errors.New("the copy differs from its source")

// Compare compares the rows of the tenant at two places: how many there are in each table, and a
// checksum of their values that does not depend on their order. Between two places on Postgres the
// servers compute it. A difference is [ErrDiffer], with the table and both counts.
func (p *Plan) Compare(ctx context.Context, from, to Location) error {
	if err := apart(from, to); err != nil {
		return err
	}
	source, err := p.open(ctx, from)
	if err != nil {
		return err
	}
	defer source.close(ctx)
	target, err := p.open(ctx, to)
	if err != nil {
		return err
	}
	defer target.close(ctx)
	return compareSides(ctx, source, target)
}

// compareSides is Compare of open places.
func compareSides(ctx context.Context, source, target side) error {
	a, fromServer := source.(*postgresSide)
	b, toServer := target.(*postgresSide)
	servers := fromServer && toServer
	if err := match(source.tables(), target.tables(), servers); err != nil {
		return err
	}
	sums := func(s, other *locatedTable, columns []column) (here, there sum, err error) {
		if servers {
			return serverSums(ctx, a, b, s, other, columns)
		}
		return ownSums(ctx, source, target, s, other, columns)
	}
	for i, s := range source.tables() {
		other := target.tables()[i]
		here, there, err := sums(s, other, s.columns)
		if err == nil && here != there {
			err = differing(s, other, here, there, sums)
		}
		if err != nil {
			return fmt.Errorf("gormtenant: comparing %s: %w", s.name, err)
		}
	}
	return nil
}

// differing says what differs.
func differing(
	s, other *locatedTable, here, there sum, sums func(s, other *locatedTable,
		columns []column) (here, there sum, err error),
) error {
	if here.rows != there.rows {
		return fmt.Errorf("%w: %d rows in the source, %d in the copy", ErrDiffer, here.rows,
			there.rows)
	}
	var names []string
	for i, c := range s.columns {
		a, b, err := sums(s, other, s.columns[i:i+1])
		if err != nil {
			return err
		}
		if a != b {
			names = append(names, c.name)
		}
	}
	return fmt.Errorf("%w: %d rows in the source, %d in the copy, with other values in %s",
		ErrDiffer, here.rows, there.rows, strings.Join(names, ", "))
}

// sum is what is compared of a table.
type sum struct {
	rows     int64
	checksum string
}

func serverSums(
	ctx context.Context, a, b *postgresSide, s, other *locatedTable, columns []column,
) (here, there sum, err error) {
	failed := make(chan error, 1)
	go func() {
		var err error
		there, err = b.sum(ctx, other, columns)
		failed <- err
	}()
	here, err = a.sum(ctx, s, columns)
	return here, there, errors.Join(err, <-failed)
}

// sum lets the server compute the sum of its hashes of the rows as text.
func (e *postgresSide) sum(ctx context.Context, s *locatedTable, columns []column) (sum, error) {
	rows, err := e.query(ctx, "SELECT count(*), coalesce(sum(hashtextextended(ROW("+list(columns)+
		")::text, 0)), 0) FROM "+s.qualifiedName+" WHERE "+s.where)
	if err != nil {
		return sum{}, err
	}
	var n int64
	_, err = fmt.Sscan(string(rows[0][0]), &n)
	return sum{n, string(rows[0][1])}, err
}

func ownSums(
	ctx context.Context, source, target side, s, other *locatedTable, columns []column,
) (here, there sum, err error) {
	if here, err = ownSum(ctx, source, s, columns); err != nil {
		return here, there, err
	}
	there, err = ownSum(ctx, target, other, columns)
	return here, there, err
}

// ownSum adds up hashes of the rows as both databases would write them.
func ownSum(ctx context.Context, e side, s *locatedTable, columns []column) (sum, error) {
	var n int64
	var high, low, carry uint64
	var row strings.Builder
	err := e.each(ctx, s, columns, func(values []any) error {
		row.Reset()
		for i, value := range values {
			canonical, err := columns[i].kind.canonical(value)
			if err != nil {
				return fmt.Errorf("the column %s: %w", columns[i].name, err)
			}
			fmt.Fprintf(&row, "%d:%s,", len(canonical), canonical)
		}
		hash := sha256.Sum256([]byte(row.String()))
		low, carry = bits.Add64(low, binary.BigEndian.Uint64(hash[8:16]), 0)
		high, _ = bits.Add64(high, binary.BigEndian.Uint64(hash[:8]), carry)
		n++
		return nil
	})
	return sum{n, fmt.Sprintf("%016x%016x", high, low)}, err
}

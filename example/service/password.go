package service

import (
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"strings"
)

// passwords hashes passwords, a few at a time: it is dear on purpose, and must not take all
// processors.
type passwords struct {
	iterations int
	slots      chan struct{}
	places     chan struct{} // of those who have a slot or wait for one
	nobodys    string        // a hash of what nobody can guess
}

// errBusy is told at once, rather than after a wait that nobody has the patience for.
var errBusy = newProblem(http.StatusServiceUnavailable,
	"Too many log in at this time. Try again in a moment.")

// newPasswords lets as many wait as queue, by default seven for each processor.
func newPasswords(ctx context.Context, iterations, queue int) (*passwords, error) {
	slots := runtime.GOMAXPROCS(0)
	if queue == 0 {
		queue = 7 * slots
	}
	p := &passwords{
		iterations: iterations, slots: make(chan struct{}, slots),
		places: make(chan struct{}, slots+queue),
	}
	var err error
	p.nobodys, err = p.hash(ctx, rand.Text())
	return p, err
}

const scheme = "pbkdf2-sha256"

// hash returns what to store: the scheme, its iterations, the salt and the hash, with $ between
// them.
func (p *passwords) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	key, err := p.derive(ctx, password, salt, p.iterations)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s$%d$%s$%s", scheme, p.iterations, encode(salt), encode(key)), nil
}

// match reports whether the password is that of the hash. Where there is none, it takes as long to
// say no.
func (p *passwords) match(ctx context.Context, password, hash string) (bool, error) {
	if hash == "" {
		hash = p.nobodys
	}
	iterations, salt, want, err := parse(hash)
	if err != nil {
		return false, err
	}
	got, err := p.derive(ctx, password, salt, iterations)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

func (p *passwords) derive(
	ctx context.Context, password string, salt []byte, iterations int,
) ([]byte, error) {
	select {
	case p.places <- struct{}{}:
		defer func() { <-p.places }()
	default:
		return nil, errBusy
	}
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
}

func parse(hash string) (iterations int, salt, key []byte, err error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 4 || parts[0] != scheme {
		return 0, nil, nil, errors.New("a stored password is not of the scheme " + scheme)
	}
	iterations, err1 := strconv.Atoi(parts[1])
	salt, err2 := base64.RawStdEncoding.DecodeString(parts[2])
	key, err3 := base64.RawStdEncoding.DecodeString(parts[3])
	return iterations, salt, key, errors.Join(err1, err2, err3)
}

func encode(b []byte) string { return base64.RawStdEncoding.EncodeToString(b) }

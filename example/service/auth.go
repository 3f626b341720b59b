package service

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/example/saas"
	"github.com/gormtenant/gormtenant/middleware"
	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/store"
)

type tokenJSON struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at"`
}

// register makes a tenant and its first user, both or neither.
func (s *Server) register(r *http.Request) (answer, error) {
	var in struct {
		Tenant   string `json:"tenant"` // slug
		Name     string `json:"name"`
		User     string `json:"user"`
		Password string `json:"password"`
	}
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	if err := errors.Join(checkText("name", in.Name, 200),
		checkLogin(in.User, in.Password)); err != nil {
		return answer{}, err
	}
	// Before the transaction, as it takes long.
	hash, err := s.passwords.hash(r.Context(), in.Password)
	if err != nil {
		return answer{}, err
	}
	who, err := s.addTenant(r.Context(), &tenants.Tenant{Slug: in.Tenant, Name: in.Name}, in.User,
		hash)
	if err != nil {
		return answer{}, err
	}
	token, err := s.issue(who)
	if err != nil {
		return answer{}, err
	}
	return created(token)
}

// addTenant makes a tenant and its first user, in one transaction.
func (s *Server) addTenant(
	ctx context.Context, t *tenants.Tenant, user, hash string,
) (identity, error) {
	var first *saas.User
	err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		directory, err := store.New(tx)
		if err != nil {
			return err
		}
		if err := directory.Create(ctx, t); err != nil {
			return err
		}
		first, err = addUser(tx.WithContext(tenants.NewContext(ctx, t)), user, hash)
		return err
	})
	if err != nil {
		return identity{}, err
	}
	s.directory.Invalidate(t.ID, t.Slug) // that there was none may be cached
	return identity{t.ID, first.ID}, nil
}

// addUser makes a user and the account that it logs in by. db is a transaction.
func addUser(db *gorm.DB, name, hash string) (*saas.User, error) {
	user := &saas.User{Name: name}
	if err := db.Create(user).Error; err != nil {
		return nil, err
	}
	return user, db.Create(&account{Login: name, UserID: user.ID, Password: hash}).Error
}

func checkLogin(user, password string) error {
	const leastPassword, mostPassword = 8, 256
	if len(password) < leastPassword || len(password) > mostPassword {
		return badRequest(fmt.Sprintf(`"password" must have %d to %d bytes.`, leastPassword,
			mostPassword))
	}
	return checkText("user", user, 64)
}

// errLogin is the same for an unknown tenant, an unknown user and a wrong password, and takes the
// same time: who exists is nobody's business.
var errLogin = newProblem(http.StatusUnauthorized,
	"There is no such tenant, or no such user, or the password is wrong.")

// login gives a user a token.
func (s *Server) login(r *http.Request) (answer, error) {
	var in struct {
		Tenant   string `json:"tenant"` // slug
		User     string `json:"user"`
		Password string `json:"password"`
	}
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	succeeded, err := s.attempts.begin(r, in.Tenant, in.User)
	if err != nil {
		return answer{}, err
	}
	t, found, err := s.findAccount(r.Context(), in.Tenant, in.User)
	if err != nil {
		return answer{}, err
	}
	matches, err := s.passwords.match(r.Context(), in.Password, found.Password)
	if err != nil {
		return answer{}, err
	}
	if !matches {
		return answer{}, errLogin
	}
	succeeded()
	token, err := s.issue(identity{t.ID, found.UserID})
	if err != nil {
		return answer{}, err
	}
	return ok(token)
}

// findAccount returns an empty account if there is none.
func (s *Server) findAccount(
	ctx context.Context, slug, login string,
) (*tenants.Tenant, account, error) {
	var found account
	t, err := s.directory.Lookup(ctx, slug)
	if errors.Is(err, tenants.ErrNotFound) {
		return nil, found, nil
	}
	if err == nil && checkText("user", login, 64) == nil {
		err = s.db.WithContext(tenants.NewContext(ctx, t)).Where("login = ?", login).Limit(1).
			Find(&found).Error
	}
	return t, found, err
}

func (s *Server) issue(who identity) (tokenJSON, error) {
	token, expires, err := s.tokens.issue(who)
	return tokenJSON{token, expires.UTC().Truncate(time.Second)}, err
}

// authorize reports whether the request's user is one of t. A token outlives the user whom it was
// given to.
func (s *Server) authorize(r *http.Request, t *tenants.Tenant) error {
	var n int64
	ctx := tenants.NewContext(r.Context(), t)
	err := s.db.WithContext(ctx).Model(&saas.User{}).Where("id = ?", sessionOf(ctx).user).Count(&n).
		Error
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", middleware.ErrUnavailable, err)
	case n == 0:
		return errors.New("the user of the token does not exist")
	}
	return nil
}

package service

import (
	"net/http"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/example/saas"
)

type userJSON struct {
	ID   uint   `json:"id"`
	Name string `json:"name"`
}

func toUser(u saas.User) userJSON { return userJSON{u.ID, u.Name} }

// me answers with the user who asks.
func (s *Server) me(r *http.Request) (answer, error) {
	var user saas.User
	if err := s.db.WithContext(r.Context()).First(&user, "id = ?", sessionOf(r.Context()).user).
		Error; err != nil {
		return answer{}, err
	}
	return ok(toUser(user))
}

func (s *Server) listUsers(r *http.Request) (answer, error) {
	var users []saas.User
	if err := s.db.WithContext(r.Context()).Order("id").Limit(1000).Find(&users).Error; err != nil {
		return answer{}, err
	}
	out := struct {
		Users []userJSON `json:"users"`
	}{[]userJSON{}}
	for _, user := range users {
		out.Users = append(out.Users, toUser(user))
	}
	return ok(out)
}

// createUser makes a colleague of the user who asks.
func (s *Server) createUser(r *http.Request) (answer, error) {
	var in struct {
		User     string `json:"user"`
		Password string `json:"password"`
	}
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	if err := checkLogin(in.User, in.Password); err != nil {
		return answer{}, err
	}
	hash, err := s.passwords.hash(r.Context(), in.Password)
	if err != nil {
		return answer{}, err
	}
	var user *saas.User
	err = s.db.WithContext(r.Context()).Transaction(func(tx *gorm.DB) error {
		user, err = addUser(tx, in.User, hash)
		return err
	})
	if err != nil {
		return answer{}, err
	}
	return created(toUser(*user))
}

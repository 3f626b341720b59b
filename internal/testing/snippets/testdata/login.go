package snippet

import (
	"errors"

	"github.com/gormtenant/gormtenant/models"
)

type Account struct {
	ID uint
	models.TenantModel
	Email        string
	PasswordHash []byte
}

var errLogin = errors.New("wrong tenant, user or password")

func matches([]byte, string) bool { return false }

func issueToken(string, uint) (string, error) { return "", nil }

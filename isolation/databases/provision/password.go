package provision

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// newPassword returns 32 random characters. Each is one of 64, from 6 random bits, so all are
// equally likely. None needs escaping in a URL.
func newPassword() string {
	var random [24]byte
	_, _ = rand.Read(random[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(random[:])
}

const (
	scramIterations = 4096 // Postgres's own default; a random password needs no more
	scramSalt       = 16
)

// verifier returns what Postgres stores for a password (RFC 5803). A server that is given it
// instead of the password never sees that, and cannot log it. The password must be ASCII; any other
// would need SASLprep.
func verifier(password string) (string, error) {
	var salt [scramSalt]byte
	_, _ = rand.Read(salt[:])
	return verifierWith(password, salt[:])
}

func verifierWith(password string, salt []byte) (string, error) {
	salted, err := pbkdf2.Key(sha256.New, password, salt, scramIterations, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("gormtenant: make a SCRAM verifier: %w", err)
	}
	stored := sha256.Sum256(sign(salted, "Client Key"))
	text := base64.StdEncoding.EncodeToString
	return fmt.Sprintf(
		"SCRAM-SHA-256$%d:%s$%s:%s", scramIterations, text(salt), text(stored[:]),
		text(sign(salted, "Server Key"))), nil
}

func sign(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte(text))
	return mac.Sum(nil)
}

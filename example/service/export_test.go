package service

// HoldPasswords keeps all passwords from being hashed until release.
func HoldPasswords(s *Server) (release func()) {
	p := s.passwords
	for range cap(p.slots) {
		p.places <- struct{}{}
		p.slots <- struct{}{}
	}
	return func() {
		for range cap(p.slots) {
			<-p.slots
			<-p.places
		}
	}
}

// PasswordsWaiting is how many wait for HoldPasswords to end.
func PasswordsWaiting(s *Server) int { return len(s.passwords.places) - cap(s.passwords.slots) }

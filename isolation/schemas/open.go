package schemas

import (
	"context"

	"gorm.io/gorm"
)

// Name returns the name of the schema of a tenant, whether there is one or not.
func (s *Schemas) Name(ctx context.Context, id any) (string, error) {
	o, err := s.of(ctx, id)
	if err != nil {
		return "", err
	}
	return o.name, nil
}

// Owner returns the *gorm.DB of [New], whose role owns the schemas.
func (s *Schemas) Owner() *gorm.DB { return s.db }

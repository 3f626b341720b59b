package snippet

import (
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/isolation/databases/credentials"
)

var (
	control *gorm.DB // the database of the directory
	secrets credentials.Secrets
	servers []credentials.Server
)

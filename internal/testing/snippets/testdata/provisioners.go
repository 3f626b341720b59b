package snippet

import (
	"github.com/gormtenant/gormtenant/isolation/databases/provision"
	"github.com/gormtenant/gormtenant/isolation/schemas"
)

var (
	inSchemas   *schemas.Provisioner
	inDatabases *provision.Postgres
)
